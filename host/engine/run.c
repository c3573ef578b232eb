/* The run thread: claim, lanes, end.  A lane that fails leaves the others alone. */
#include "engine/confine.h"
#include "engine/defer.h"
#include "engine/identity.h"
#include "engine/pieces.h"
#include "engine/quarantine.h"
#include "engine/ranges.h"
#include "engine/reach.h"
#include "engine/writer.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/units.h"
#include "engine/ask.h"

static bool stopped(const struct run *r) { return stop_mode(&r->stop) == STOP_NOW; }

static int control_failed(struct run *r) {
  struct err e;
  services_take_err(&r->control.svc, &e);
  return stopped(r) ? -1 : run_fail(r, &e, &r->load); /* what fails after a cancel fails because of it */
}

/* What a target that is replaced as a whole cannot do. */
static int refuse_parts_of_whole(struct run *r) {
  struct err e;
  bool whole_window = r->spec->interval && r->spec->full_refresh; /* it begins at the beginning */
  const char *option = r->spec->shards_n ? "--shard" : r->spec->limit_rows ? "--limit" : r->spec->repair ? "--repair" : ranges_wanted(r->spec) && !whole_window ? "--range" : NULL;
  if (!(r->loader_caps & ETL_CAP_REPLACE) || r->spec->dry_run || !option)
    return 0;
  err_set(&e, ETL_E_CONFIG, "%s cannot be used here: this run replaces the whole target of pipeline '%s', and rows left out would be lost",
          option, r->spec->pipeline);
  err_remedy(&e, "leave %s out; or add --dry-run to see how it would read", option);
  return run_fail(r, &e, NULL);
}

/* A loader that cannot build its target anew would go on from where it stands. */
static int refuse_refresh(struct run *r) {
  struct err e;
  bool stands = false;
  for (size_t i = 0; i < r->lanes_n; i++)
    stands |= r->lanes[i].at.epoch > 0;
  if (!r->spec->full_refresh || (r->loader_caps & ETL_CAP_REPLACE) || !stands)
    return 0;
  err_set(&e, ETL_E_UNSUPPORTED, "--full-refresh cannot be used here: loader %s cannot build its target anew, and goes on from where it stands",
          r->load.conn->name);
  err_remedy(&e, "empty the target by its own means, with what %s of pipeline '%s', and run without --full-refresh",
             r->outside ? "the table cursors of the state store has" : "it keeps", r->spec->pipeline);
  return run_fail(r, &e, &r->load);
}

static int claim(struct run *r) {
  const struct etl_loader *api = part_loader(&r->load);
  struct etl_claim c = {.struct_size = sizeof c, .run = r->spec->run, .owner = (uint64_t)r->spec->owner};
  if (!r->spec->dry_run && api->claim && CALL(&r->control.svc, "claim", api->claim(r->control.self, &c, &r->owner)) != ETL_OK)
    return control_failed(r);
  return 0;
}

static int begin(struct run *r) {
  const struct etl_loader *api = part_loader(&r->load);
  if (run_open_control(r) < 0 || refuse_parts_of_whole(r) < 0 || run_leave_out(r) < 0 || claim(r) < 0 || run_ask_committed(r) < 0 ||
      pieces_make_lanes(r) < 0 || refuse_refresh(r) < 0 || reach_check(r) < 0)
    return -1;
  run_report_start(r);
  if (!r->spec->dry_run && api->run_begin &&
      CALL(&r->control.svc, "run_begin", api->run_begin(r->control.self, r->spec->run)) != ETL_OK)
    return control_failed(r);
  if (captures_create(r) < 0)
    return -1;
  return identity_settle(r) < 0 ? -1 : pieces_store_starts(r);
}

/* ---- lanes -------------------------------------------------------------------------------------------------------------------------- */

static void start_lanes(struct run *r) {
  confine_add_stacks(r->lanes_n * LANE_TARGETS);
  for (size_t i = 0; i < r->lanes_n; i++) {
    struct lane *l = &r->lanes[i];
    l->started = calls_thread(&l->thread, lane_main, l) == 0;
    if (l->started)
      continue;
    struct err e;
    err_set(&e, ETL_E_RETRYABLE, "cannot start a thread for %s: the system has no room for more", l->name);
    err_remedy(&e, "raise the limit of processes (ulimit -u, TasksMax=), then run again: the other lanes will not be read again");
    lane_abandon(l, &e, "engine", NULL);
  }
}

/* Lanes are told as they end.  A lane that is given up has ended, though its threads have not. */
static void wait_lanes(struct run *r) {
  size_t told = 0;
  pthread_mutex_lock(&r->lock);
  while (told < r->lanes_n) {
    struct lane *ended = NULL;
    for (size_t i = 0; i < r->lanes_n && !ended; i++)
      if (!r->lanes[i].told && atomic_load(&r->lanes[i].status) != LANE_RUNNING)
        ended = &r->lanes[i];
    if (!ended) {
      defer_look(r);
      pthread_cond_wait(&r->lane_ended, &r->lock);
      continue;
    }
    ended->told = true;
    told++;
    pthread_mutex_unlock(&r->lock);
    if (ended->started && !atomic_load(&ended->abandoned))
      pthread_join(ended->thread, NULL);
    run_report_lane(r, ended);
    pthread_mutex_lock(&r->lock);
  }
  pthread_mutex_unlock(&r->lock);
}

bool run_abandoned(const struct run *r) {
  for (size_t i = 0; i < r->lanes_n; i++)
    if (r->lanes[i].started && atomic_load(&r->lanes[i].abandoned))
      return true;
  return false;
}

static size_t lanes_with(const struct run *r, enum lane_status status) {
  size_t n = 0;
  for (size_t i = 0; i < r->lanes_n; i++)
    n += atomic_load(&r->lanes[i].status) == (int)status;
  return n;
}

/* ---- the end ------------------------------------------------------------------------------------------------------------------------ */

/* Rows that are set aside in this call the loader stores itself, with those that it publishes: they are only counted here. */
static int32_t call_end(struct run *r, bool ok, int64_t *ret_refused) {
  const struct etl_loader *api = part_loader(&r->load);
  struct services *svc = &r->control.svc;
  svc->rows_read = 0;
  for (size_t i = 0; i < r->lanes_n; i++)
    svc->rows_read += atomic_load(&r->lanes[i].rows_read);
  int32_t rc = CALL(svc, "run_end", api->run_end(r->control.self, r->spec->run, ok));
  *ret_refused = svc->rejects.n;
  reject_limit_give_back(&r->limit, svc->rejects.n); /* asked again, it tells them again */
  rejects_clear(&svc->rejects);
  return rc;
}

/* The end may be asked for again when its answer was lost: the sink knows whether it has been done, and then tells of no rows any more. */
static int end(struct run *r, bool ok) {
  const struct etl_loader *api = part_loader(&r->load);
  const struct conf_retry *retry = &r->spec->retry;
  struct err e = {0};
  int64_t refused = 0, lost = 0;
  if (r->spec->dry_run || !api->run_end)
    return 0;
  for (int64_t tries = 0;; tries++) {
    if (r->control.self && call_end(r, ok, &refused) == ETL_OK) {
      r->refused = refused ? refused : lost;
      return 0;
    }
    if (r->control.self)
      services_take_err(&r->control.svc, &e);
    if (e.error_class == ETL_E_INDOUBT)
      lost = refused;
    bool again = e.error_class == ETL_E_INDOUBT || e.error_class == ETL_E_RETRYABLE;
    if (stopped(r))
      return -1;
    if (!again || tries >= retry->max_retries || stop_wait(&r->stop, STOP_NOW, retry->retry_delay_ns))
      return run_fail(r, &e, &r->load);
    run_close_control(r);
    run_reopen_control(r, &e);
  }
}

/* The end failed for good: what the run made on its way to it is not needed any more. */
static void clean_up(struct run *r) {
  const struct etl_loader *api = part_loader(&r->load);
  struct err e; /* the run has its reason; what cannot be removed now, the next run removes */
  if (r->control.self && CALL(&r->control.svc, "run_end", api->run_end(r->control.self, r->spec->run, 0)) == ETL_FAILED)
    services_take_err(&r->control.svc, &e);
}

/* The files of rows that were set aside follow the target; once it is theirs, that they do is worth a failure of its own. */
static int shelve(struct run *r, bool ok) {
  const struct etl_loader *api = part_loader(&r->load);
  struct err e;
  if (api->reject || quarantine_end(r->spec, ok, r->loader_caps & ETL_CAP_REPLACE, &e) == 0)
    return 0;
  return run_fail(r, &e, NULL);
}

/* A target that would have been replaced stays as it was unless every lane succeeded. */
static void explain_unreplaced(struct run *r, size_t succeeded) {
  struct err e;
  err_set(&e, ETL_E_PERMANENT, "the target was left as it was: %zu of %zu lanes were read to their end, and it is replaced only by all", succeeded,
          r->lanes_n);
  err_remedy(&e, "run again when the cause below is gone");
  run_fail(r, &e, NULL);
}

/* Asked to finish, it ended in the middle of a wait. */
static bool left_waiting(const struct run *r) {
  for (size_t i = 0; stop_mode(&r->stop) != STOP_NONE && i < r->lanes_n; i++)
    if (atomic_load(&r->lanes[i].status) == LANE_FAILED && r->lanes[i].retry_after_ns >= 0)
      return true;
  return false;
}

/* A lane that was given up in the loader keeps its locks of the sink until this process ends: to wait for them is to wait in vain.  What the end of
 * the run would have removed, the next run removes. */
static bool sink_is_held(const struct run *r) {
  for (size_t i = 0; i < r->lanes_n; i++)
    if (atomic_load(&r->lanes[i].abandoned) && atomic_load(&r->lanes[i].loads))
      return true;
  return false;
}

static int finish(struct run *r) {
  size_t succeeded = lanes_with(r, LANE_SUCCESS), failed = lanes_with(r, LANE_FAILED);
  bool all = succeeded == r->lanes_n, aside = (r->loader_caps & ETL_CAP_ASIDE) && !r->spec->dry_run, held = sink_is_held(r);
  int ended = stopped(r) ? -1 : all && aside ? ranges_forget(r) : 0; /* what a run leaves behind that stops at once, the next one removes */
  if (ended == 0 && !held && (ended = end(r, all)) < 0 && all && aside && !stopped(r))
    clean_up(r);
  if (ended == 0 && aside)
    ended = shelve(r, all);
  if (ended == 0 && all && !aside) /* run again after an end that failed, the range is not read anew */
    ended = ranges_forget(r);
  if (!held)
    captures_prune(r, clock_wall_ns());
  if (lanes_with(r, LANE_CANCELLED) > 0 || stopped(r) || left_waiting(r)) {
    run_report_summary(r, "cancelled");
    return RUN_EXIT_CANCELLED;
  }
  if (ended == 0 && all && json_array_size(r->left_out) == 0) {
    run_report_summary(r, "success");
    return RUN_EXIT_SUCCESS;
  }
  if (ended == 0 && aside && !all)
    explain_unreplaced(r, succeeded);
  if (ended < 0 || (aside && !all) || failed == r->lanes_n) {
    run_report_summary(r, "failed");
    return RUN_EXIT_FAILED;
  }
  run_report_summary(r, "partial");
  return RUN_EXIT_PARTIAL;
}

static int carry_out(struct run *r) {
  int rc = begin(r);
  if (rc < 0 && stop_mode(&r->stop) == STOP_NONE) {
    run_report_summary(r, "failed");
    rc = run_fail_exit(r);
  } else if (rc < 0 || stop_mode(&r->stop) != STOP_NONE) {
    run_report_summary(r, "cancelled");
    rc = RUN_EXIT_CANCELLED;
  } else {
    start_lanes(r);
    wait_lanes(r);
    rc = finish(r);
  }
  run_close_control(r);
  return rc;
}

int run_drain(struct run *r, bool from_committed) {
  int rc = from_committed && (run_open_control(r) < 0 || run_ask_committed(r) < 0) ? -1 : pieces_make_lanes(r);
  run_close_control(r);
  if (rc < 0)
    return ask_failed(r);
  run_report_start(r);
  start_lanes(r);
  wait_lanes(r);
  size_t failed = lanes_with(r, LANE_FAILED);
  if (lanes_with(r, LANE_CANCELLED) > 0 || stopped(r))
    return ask_failed(r);
  run_report_summary(r, failed == 0 ? "success" : failed == r->lanes_n ? "failed" : "partial");
  return failed == 0 ? RUN_EXIT_SUCCESS : failed == r->lanes_n ? RUN_EXIT_FAILED : RUN_EXIT_PARTIAL;
}

int run_load(struct run *r) {
  if (run_prepare(r) == 0)
    return carry_out(r);
  run_report_summary(r, "failed");
  return run_fail_exit(r);
}

int run_execute(struct run *r) {
  if (r->spec->ask)
    return ask_answer(r);
  if (r->spec->command != SPEC_PLAN)
    return run_load(r);
  if (run_prepare(r) == 0)
    return run_plan(r);
  run_report_summary(r, "failed");
  return run_fail_exit(r);
}

void run_cancel(struct run *r, enum stop_mode mode) {
  size_t n;
  stop_ask(&r->stop, mode);
  if (mode == STOP_NOW)
    budget_stop(r->services.budget);
  struct lane *lanes = run_lanes(r, &n);
  for (size_t i = 0; i < n; i++)
    lane_wake(&lanes[i]);
  if (mode != STOP_NOW)
    return;
  pthread_mutex_lock(&r->lock);
  if (r->control_open)
    instance_cancel(&r->control);
  pthread_mutex_unlock(&r->lock);
}
