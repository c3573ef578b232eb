/* A lane from start to end: attempts, each with its threads and rings; retries with the waits that error_handling asks for. */
#include "engine/lane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "conf/retry.h"
#include "engine/defer.h"
#include "engine/pieces.h"

enum {
  RING_ITEMS = 4,
  RINGS_PER_LANE = 2,
  RING_SHARE = 4 /* a ring may hold 1/RING_SHARE of the lane's part of the budget; the rest is for what the stages hold */
};

void position_set(struct position *p, uint64_t epoch, struct etl_bytes cursor) {
  void *copy = NULL;
  if (cursor.p) {
    copy = xcalloc(1, cursor.n + 1);
    memcpy(copy, cursor.p, cursor.n);
  }
  free((void *)p->cursor.p);
  *p = (struct position){.epoch = epoch, .cursor = {copy, copy ? cursor.n : 0}};
}

void position_fini(struct position *p) {
  free((void *)p->cursor.p);
  *p = (struct position){0};
}

void lane_init(struct lane *l, struct run *run, struct arena *arena, const struct etl_stream *stream, const struct etl_shard *shard) {
  *l = (struct lane){.run = run,
                     .name = arena_printf(arena, "%s/%s", stream->name, shard->id),
                     .stream = arena_strdup(arena, stream->name),
                     .shard = arena_strdup(arena, shard->id),
                     .source_shard = arena_strdup(arena, shard->id),
                     .stream_flags = stream->flags,
                     .key = stream->key,
                     .est_rows = shard->est_rows,
                     .retry_after_ns = -1};
  if (shard->token.p)
    l->token = (struct etl_bytes){arena_memdup(arena, shard->token.p, shard->token.n), shard->token.n};
  atomic_init(&l->lag_ns, -1);
  stop_init(&l->stop, &run->stop);
  pthread_mutex_init(&l->lock, NULL);
  pthread_cond_init(&l->changed, NULL);
}

void lane_fini(struct lane *l) {
  position_fini(&l->at);
  free((void *)l->ack.p);
  free(l->doubt);
  for (size_t i = 0; i < atomic_load(&l->outs_n); i++)
    free(l->outs[i].stream);
  stop_fini(&l->stop);
  pthread_mutex_destroy(&l->lock);
  pthread_cond_destroy(&l->changed);
}

/* ---- counts ------------------------------------------------------------------------------------------------------------------------ */

int lane_out(struct lane *l, const char *stream) {
  size_t n = atomic_load(&l->outs_n);
  struct err e;
  for (size_t i = 0; i < n; i++)
    if (strcmp(l->outs[i].stream, stream) == 0)
      return (int)i;
  if (n == LANE_OUTS_MAX) {
    err_set(&e, ETL_E_UNSUPPORTED, "the transformers of %s make more than %d streams", l->name, LANE_OUTS_MAX);
    err_remedy(&e, "split the pipeline in two");
    return lane_fail(l, &e, "engine", NULL);
  }
  l->outs[n].stream = xstrdup(stream);
  atomic_store(&l->outs_n, n + 1);
  return (int)n;
}

#define SUM(field_)                                                                                                                \
  int64_t sum = 0;                                                                                                                 \
  for (size_t i = 0; i < atomic_load(&l->outs_n); i++)                                                                             \
    sum += atomic_load(&l->outs[i].field_);                                                                                        \
  return sum

int64_t lane_written(const struct lane *l) { SUM(rows_written); }
int64_t lane_filtered(const struct lane *l) { SUM(rows_filtered); }
int64_t lane_rejected(const struct lane *l) { SUM(rows_rejected); }
int64_t lane_added(const struct lane *l) { SUM(rows_added); }

void lane_count(struct lane *l, const struct epoch_sums *sums) {
  atomic_fetch_add(&l->rows_read, sums->read);
  atomic_fetch_add(&l->src_bytes, sums->src_bytes);
  atomic_fetch_add(&l->epochs, 1);
  l->rejected += sums->rejected;
  for (size_t i = 0; i < atomic_load(&l->outs_n); i++) {
    atomic_fetch_add(&l->outs[i].rows_written, sums->outs[i].written);
    atomic_fetch_add(&l->outs[i].rows_filtered, sums->outs[i].filtered);
    atomic_fetch_add(&l->outs[i].rows_rejected, sums->outs[i].rejected);
    atomic_fetch_add(&l->outs[i].rows_added, sums->outs[i].added);
  }
}

void lane_begin_repair(struct lane *l) {
  if (l->at.epoch > l->old_epoch)
    return;
  position_set(&l->at, l->at.epoch, (struct etl_bytes){0});
  l->finished = false;
}

/* ---- waking, failing --------------------------------------------------------------------------------------------------------------- */

void lane_wake(struct lane *l) {
  pthread_mutex_lock(&l->lock);
  if (stop_mode(&l->stop) == STOP_NOW) {
    if (l->from_reader)
      ring_stop(l->from_reader);
    if (l->to_writer)
      ring_stop(l->to_writer);
    for (int i = 0; i < LANE_TARGETS; i++)
      if (l->cancel[i])
        l->cancel[i](l->cancel_arg[i]);
  }
  pthread_mutex_unlock(&l->lock);
}

void lane_set_cancel(struct lane *l, enum lane_target t, void (*cancel)(void *), void *arg) {
  pthread_mutex_lock(&l->lock);
  l->cancel[t] = cancel;
  l->cancel_arg[t] = arg;
  bool now = cancel && stop_mode(&l->stop) == STOP_NOW;
  if (now)
    cancel(arg);
  pthread_mutex_unlock(&l->lock);
}

static void keep_reason(struct lane *l, const struct err *e, const char *stage, const char *connector) {
  pthread_mutex_lock(&l->lock);
  if (!l->err.error_class) {
    l->err = *e;
    l->err_stage = stage;
    l->err_connector = connector;
  }
  pthread_mutex_unlock(&l->lock);
}

void lane_fail_later(struct lane *l, const struct err *e, const char *stage, const char *connector) {
  if (stop_mode(l->stop.parent) != STOP_NOW) /* what fails after a cancel fails because of it */
    keep_reason(l, e, stage, connector);
}

int lane_fail(struct lane *l, const struct err *e, const char *stage, const char *connector) {
  lane_fail_later(l, e, stage, connector);
  stop_ask(&l->stop, STOP_NOW);
  lane_wake(l);
  return -1;
}

static void lane_set_status(struct lane *l, enum lane_status status) {
  struct run *r = l->run;
  pthread_mutex_lock(&r->lock);
  int running = LANE_RUNNING;
  if (atomic_load(&l->status) == running)
    atomic_store(&l->ended_ns, clock_mono_ns());
  if (atomic_compare_exchange_strong(&l->status, &running, status))
    pthread_cond_broadcast(&r->lane_ended);
  pthread_mutex_unlock(&r->lock);
}

void lane_leave_gate(struct lane *l) {
  if (atomic_exchange(&l->inside, false))
    gate_leave(l->gate);
}

void lane_abandon(struct lane *l, const struct err *e, const char *stage, const char *connector) {
  keep_reason(l, e, stage, connector);
  atomic_store(&l->abandoned, true);
  lane_leave_gate(l); /* what hangs there keeps nobody else from reading */
  lane_set_status(l, LANE_FAILED);
}

/* ---- attempts ------------------------------------------------------------------------------------------------------------------ */

static void attempt_init(struct lane *l) {
  const struct spec *spec = l->run->spec;
  int64_t share = spec->memory_bytes / (int64_t)(l->run->lanes_n * RINGS_PER_LANE * RING_SHARE);
  if (!spec->transforms_n)
    (void)lane_out(l, l->stream);
  pthread_mutex_lock(&l->lock);
  stop_reset(&l->stop);
  l->from_reader = ring_new(RING_ITEMS, share);
  l->to_writer = spec->transforms_n ? ring_new(RING_ITEMS, share) : l->from_reader;
  l->err.error_class = 0;
  l->writer_done = l->finished_early = false;
  atomic_store(&l->want_cursor, 0);
  atomic_store(&l->attempt_read, 0);
  atomic_store(&l->rows_before, atomic_load(&l->rows_read));
  pthread_mutex_unlock(&l->lock);
}

static void attempt_fini(struct lane *l) {
  pthread_mutex_lock(&l->lock);
  struct ring *in = l->from_reader, *out = l->to_writer;
  l->from_reader = l->to_writer = NULL;
  free((void *)l->ack.p);
  l->ack = (struct etl_bytes){0};
  pthread_mutex_unlock(&l->lock);
  ring_free(in);
  if (out != in)
    ring_free(out);
  reject_limit_give_back(l->run->services.limit, atomic_exchange(&l->in_hand, 0));
}

static void writer_finished(struct lane *l) {
  pthread_mutex_lock(&l->lock);
  l->writer_done = true;
  pthread_cond_broadcast(&l->changed);
  pthread_mutex_unlock(&l->lock);
}

/* One attempt.  0 all committed, -1 l->err says why, or the lane was stopped. */
static int attempt(struct lane *l) {
  pthread_t reader, chain;
  struct err e;
  bool chained = l->run->spec->transforms_n > 0;
  attempt_init(l);
  if (calls_thread(&reader, reader_main, l) != 0) {
    err_set(&e, ETL_E_RETRYABLE, "cannot start a thread for %s: the system has no room for more", l->name);
    attempt_fini(l);
    return lane_fail(l, &e, "host", "etl");
  }
  if (chained && calls_thread(&chain, chain_main, l) != 0) {
    err_set(&e, ETL_E_RETRYABLE, "cannot start a thread for %s: the system has no room for more", l->name);
    lane_fail(l, &e, "host", "etl");
    chained = false;
  }
  int rc = l->run->drain ? l->run->drain(l) : writer_run(l);
  writer_finished(l);
  if (rc < 0) {
    stop_ask(&l->stop, STOP_NOW);
    lane_wake(l);
  }
  pthread_join(reader, NULL);
  if (chained)
    pthread_join(chain, NULL);
  if (l->err.error_class) /* the last acknowledgement may fail after the last commit */
    rc = -1;
  attempt_fini(l);
  return rc;
}

/* Asks the sink, through an instance of its own, where the lane stands now. */
static int ask_sink(struct lane *l, struct err *e) {
  struct run *r = l->run;
  struct instance loader;
  int rc = instance_open(&loader, &r->load, &r->services, r->spec, l->name, run_loader_flags(r), &l->stop, e);
  if (rc == 0)
    rc = writer_ask(&loader, l, e);
  instance_close(&loader);
  if (rc < 0)
    return -1;
  if (l->doubt && l->at.epoch == l->doubt_epoch)
    lane_count(l, l->doubt);
  free(l->doubt);
  l->doubt = NULL;
  return 0;
}

/* Before a further attempt. */
static int ask_again(struct lane *l) {
  struct run *r = l->run;
  struct err e;
  stop_reset(&l->stop);
  if (r->drain || r->spec->dry_run) /* nothing is committed: the lane begins where it began, or goes on from what it read */
    return 0;
  int rc = ask_sink(l, &e);
  pthread_mutex_lock(&l->lock);
  l->err.error_class = 0;
  pthread_mutex_unlock(&l->lock);
  return rc < 0 ? lane_fail(l, &e, r->load.stage, r->load.conn->name) : 0;
}

/* The lane ends, and nobody knows whether its last commit holds. */
static void end_doubt(struct lane *l) {
  struct err e;
  bool ended = stop_mode(l->stop.parent) == STOP_NOW;
  if (!l->doubt)
    return;
  stop_reset(&l->stop);
  if (!ended && ask_sink(l, &e) == 0)
    return;
  json_t *text = json_sprintf("nobody knows whether the last commit, of %lld rows, holds: this run does not count it; the next one asks the sink",
                              (long long)l->doubt->read);
  report_event(&l->run->report, "log", json_pack("{s:s, s:s, s:o}", "level", "warning", "lane", l->name, "message", text));
}

/* The sink refused a row: the next attempt begins at once and looks for it. */
static bool take_care(struct lane *l) {
  if (!l->go_careful)
    return false;
  l->go_careful = false;
  report_event(&l->run->report, "careful",
               json_pack("{s:s, s:o}", "lane", l->name, "error", report_error(&l->err, l->err_stage, l->err_connector)));
  return true;
}

/* Runs before this one may have tried it already. */
static void report_retry(struct lane *l, int64_t wait_ns) {
  int64_t tried = l->failures > l->attempts ? l->failures : l->attempts;
  report_event(&l->run->report, "retry",
               json_pack("{s:s, s:I, s:f, s:o}", "lane", l->name, "attempt", (json_int_t)tried + 1, "delay_seconds",
                         (double)wait_ns / (double)NS_PER_SEC, "error", report_error(&l->err, l->err_stage, l->err_connector)));
}

/* How long to wait before the next attempt; -1: there is none. */
static int64_t retry_wait_ns(const struct lane *l) {
  const struct conf_retry *c = &l->run->spec->retry;
  bool again = (l->err.error_class == ETL_E_RETRYABLE || l->err.error_class == ETL_E_INDOUBT) && !(l->stream_flags & ETL_STREAM_ONCE);
  if (!again)
    return -1;
  cleanup_free char *who = xasprintf("%s %s", l->run->spec->run, l->name);
  return retry_pause_ns(c, &(struct retry_case){.failures = l->failures,
                                                .since_ns = clock_mono_ns() - l->first_failed_ns,
                                                .at_least_ns = (int64_t)l->err.retry_after_ms * NS_PER_MS,
                                                .who = who});
}

static bool limit_reached(const struct lane *l) {
  int64_t limit = l->run->spec->limit_rows;
  return limit > 0 && atomic_load(&l->rows_read) >= limit;
}

/* Windows of a backfill, an attempt each, as long as all goes well; else the one attempt. */
static int attempt_windows(struct lane *l) {
  int rc = 0;
  while (rc == 0 && !l->finished && !limit_reached(l)) {
    rc = attempt(l);
    if (rc < 0 || l->finished_early || l->window + 1 >= l->windows_n)
      break;
    l->window++;
    l->careful_rows = 0;
  }
  return rc;
}

/* Until success, a failure that is final, or a stop.  0, -1. */
static int attempts(struct lane *l) {
  int rc;
  for (;;) {
    int64_t epochs = atomic_load(&l->epochs);
    l->attempts++;
    rc = l->attempts > 1 ? ask_again(l) : 0;
    if (rc == 0)
      rc = attempt_windows(l);
    if (rc == 0 || stop_mode(l->stop.parent) != STOP_NONE)
      return rc;
    if (take_care(l))
      continue;
    if (l->failures == 0 || atomic_load(&l->epochs) > epochs) { /* a lane that gets on may fail as often as it likes */
      l->failures = 0;
      l->first_failed_ns = clock_mono_ns();
    }
    l->failures++;
    int64_t wait = retry_wait_ns(l);
    if (wait < 0)
      return rc;
    report_retry(l, wait);
    if (defer_wait(l, wait))
      return rc;
  }
}

void *lane_main(void *lane) {
  struct lane *l = lane;
  struct err e;
  int rc = 0;
  if (pieces_await(l, &e) < 0)
    rc = lane_fail(l, &e, "engine", NULL);
  else if (defer_resume(l))
    rc = -1;
  else
    rc = attempts(l);
  end_doubt(l);
  enum stop_mode mode = stop_mode(l->stop.parent);
  bool cut_short = rc == 0 ? l->finished_early : mode == STOP_NOW;
  lane_set_status(l, cut_short ? LANE_CANCELLED : rc == 0 ? LANE_SUCCESS : LANE_FAILED);
  return NULL;
}
