/* The services that connectors call.  Everything reported carries the connector, stage and lane it came from. */
#include "engine/services.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { LOGGED_REJECTS = 10 }; /* of each instance; all of them are kept */

static struct services *of(const struct etl_host *h) { return (struct services *)(uintptr_t)h; }

static void svc_log(const struct etl_host *h, uint32_t level, const char *msg, uint64_t n) {
  static const char *const names[] = {"trace", "debug", "info", "warning", "error"};
  struct services *s = of(h);
  json_t *j = json_pack("{s:s, s:s, s:s, s:o}", "level", names[level <= ETL_LOG_ERROR ? level : ETL_LOG_ERROR], "stage", s->stage, "connector",
                        s->connector, "message", report_text(msg, n));
  if (s->lane)
    json_object_set_new(j, "lane", json_string(s->lane));
  report_event(s->run->report, "log", j);
}

static void svc_count(const struct etl_host *h, const char *metric, int64_t add) {
  struct metrics *m = of(h)->run->metrics;
  pthread_mutex_lock(&m->lock);
  json_t *old = json_object_get(m->counters, metric);
  json_object_set_new(m->counters, metric, json_integer((json_int_t)(json_integer_value(old) + add)));
  pthread_mutex_unlock(&m->lock);
}

static void svc_gauge(const struct etl_host *h, const char *metric, double value) {
  struct metrics *m = of(h)->run->metrics;
  pthread_mutex_lock(&m->lock);
  json_object_set_new(m->gauges, metric, json_real(value));
  pthread_mutex_unlock(&m->lock);
}

static int32_t svc_cancelled(const struct etl_host *h) { return stop_mode(of(h)->stop) >= of(h)->heeds; }

static int32_t svc_sleep_ms(const struct etl_host *h, uint64_t ms) {
  return stop_wait(of(h)->stop, of(h)->heeds, (int64_t)ms * 1000000) ? ETL_STOPPED : ETL_OK;
}

static int64_t svc_now_ns(const struct etl_host *h, uint32_t clock) {
  (void)h;
  return clock == ETL_CLOCK_MONOTONIC ? clock_mono_ns() : clock_wall_ns();
}

static int32_t svc_secret(const struct etl_host *h, const char *ref, struct etl_bytes *out) {
  const char *text = secrets_get(of(h)->secrets, ref);
  if (!text)
    return ETL_FAILED;
  *out = (struct etl_bytes){text, strlen(text)};
  return ETL_OK;
}

static void *svc_scratch(const struct etl_host *h, uint64_t size, uint64_t align) {
  return arena_alloc_aligned(of(h)->scratch, size, align ? align : 16);
}

static void *svc_buf_alloc(const struct etl_host *h, uint64_t size) { return budget_alloc(of(h)->run->budget, size); }

static int32_t svc_fail(const struct etl_host *h, const struct etl_error *e) {
  struct services *s = of(h);
  pthread_mutex_lock(&s->lock);
  if (!s->err.error_class)
    err_from_etl(&s->err, e);
  pthread_mutex_unlock(&s->lock);
  return ETL_FAILED;
}

static int32_t limit_reached(const struct services *s, const struct etl_bad_row *b) {
  const struct reject_limit *l = s->run->limit;
  struct etl_error e = {.struct_size = sizeof e,
                        .error_class = ETL_E_DATA,
                        .vendor_code = b->vendor_code,
                        .vendor_state = b->vendor_state,
                        .message = b->message,
                        .remedy = "correct the value at its source, or leave the column out; the rows committed so far are kept",
                        .row = b->row,
                        .column = b->column};
  if (s->rows_read)
    e.remedy = "correct the value at its source, or leave the column out; nothing was published, and the next run reads the same rows again";
  if (l->max_rows == 0)
    return svc_fail(&s->host, &e);
  cleanup_free char *text = xasprintf("%lld rows were set aside, and one more cannot be taken: %s", (long long)l->max_rows, b->message);
  e.message = text;
  e.remedy = "look at the log above: rows set aside since the last commit are not kept; correct the source, or raise max_rows of quarantine";
  return svc_fail(&s->host, &e);
}

/* Of an epoch its lane asks that (engine/epoch.c). */
static bool share_reached(const struct services *s) {
  const struct reject_limit *l = s->run->limit;
  return s->rows_read && reject_limit_share(l, atomic_load(&l->rows), s->rows_read);
}

static int32_t fail_share(const struct services *s, const struct etl_bad_row *b) {
  const struct reject_limit *l = s->run->limit;
  struct etl_error e = {.struct_size = sizeof e,
                        .error_class = ETL_E_DATA,
                        .vendor_code = b->vendor_code,
                        .vendor_state = b->vendor_state,
                        .remedy = "correct the source, or raise max_percent of quarantine; nothing was published",
                        .row = b->row,
                        .column = b->column};
  cleanup_free char *text = xasprintf("%lld of %lld rows of the run cannot be taken, more than %lld percent; the last one: %s",
                                      (long long)atomic_load(&l->rows), (long long)s->rows_read, (long long)l->max_percent, b->message);
  e.message = text;
  return svc_fail(&s->host, &e);
}

static int32_t no_room(const struct services *s, const struct etl_bad_row *b) {
  struct etl_error e = {.struct_size = sizeof e,
                        .error_class = ETL_E_PERMANENT,
                        .remedy = "raise memory of the pipeline, or correct the source, so that less is set aside between two commits",
                        .row = b->row,
                        .column = b->column};
  cleanup_free char *text = xasprintf("there is no room in memory for one more row that is set aside: %s", b->message);
  e.message = text;
  return svc_fail(&s->host, &e);
}

static void log_reject(const struct services *s, const struct reject *r) {
  json_t *j = json_pack("{s:s, s:s, s:s}", "level", "warning", "stage", s->stage, "connector", s->connector);
  json_object_set_new(j, "message", json_sprintf("a row is set aside: %s", r->message));
  if (s->lane)
    json_object_set_new(j, "lane", json_string(s->lane));
  report_event(s->run->report, "log", j);
}

/* The copy that goes on has every field, whatever the size of the connector's struct. */
static int32_t svc_bad_row(const struct etl_host *h, const struct etl_bad_row *given) {
  struct services *s = of(h);
  struct etl_bad_row b = {0};
  memcpy(&b, given, given->struct_size < sizeof b ? given->struct_size : sizeof b);
  if (!b.message || !*b.message)
    b.message = "no reason was given";
  if (!s->run->limit || !reject_limit_take(s->run->limit))
    return limit_reached(s, &b);
  if (rejects_add(&s->rejects, &b, s->stage, s->connector, s->run->budget) < 0) {
    reject_limit_give_back(s->run->limit, 1);
    return no_room(s, &b);
  }
  if (share_reached(s))
    return fail_share(s, &b);
  if (atomic_fetch_add(&s->rejected, 1) < LOGGED_REJECTS)
    log_reject(s, s->rejects.last);
  if (s->in_hand)
    atomic_fetch_add(s->in_hand, 1);
  return ETL_OK;
}

static bool change_is_new(struct metrics *m, const json_t *change) {
  json_t *seen;
  size_t i;
  bool new = true;
  pthread_mutex_lock(&m->lock);
  json_array_foreach(m->changes, i, seen) new &= !json_equal(seen, change);
  if (new)
    json_array_append_new(m->changes, json_copy((json_t *)(uintptr_t)change));
  pthread_mutex_unlock(&m->lock);
  return new;
}

static void svc_schema_change(const struct etl_host *h, const struct etl_schema_change *given) {
  static const char *const kinds[] = {[ETL_CHANGE_COLUMN_ADDED] = "column added",
                                      [ETL_CHANGE_TYPE_WIDENED] = "type widened",
                                      [ETL_CHANGE_COLUMN_MISSING] = "column missing",
                                      [ETL_CHANGE_COLUMN_LEFT_OUT] = "column left out",
                                      [ETL_CHANGE_TABLE_CREATED] = "table created"};
  struct services *s = of(h);
  struct etl_schema_change c = {0};
  memcpy(&c, given, given->struct_size < sizeof c ? given->struct_size : sizeof c);
  if (c.kind == 0 || c.kind >= sizeof kinds / sizeof *kinds)
    return;
  json_t *j = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "change", kinds[c.kind], "stream", c.stream, "table", c.table, "column", c.column,
                        "from", c.from, "to", c.to);
  if (j && change_is_new(s->run->metrics, j))
    report_event(s->run->report, "schema", j);
  else
    json_decref(j);
}

static void svc_tell_rows(const struct etl_host *h, const int64_t *rows, uint64_t n) {
  struct origins *o = &of(h)->origins;
  free(o->rows);
  *o = (struct origins){.wanted = o->wanted, .told = true, .n = n};
  if (!rows || n == 0)
    return;
  o->rows = xcalloc(n, sizeof *o->rows);
  memcpy(o->rows, rows, n * sizeof *rows);
}

static const struct etl_origins origins = {.struct_size = sizeof origins, .tell = svc_tell_rows};

static const void *svc_ext(const struct etl_host *h, const char *id) {
  return of(h)->origins.wanted && strcmp(id, ETL_EXT_ORIGINS) == 0 ? &origins : NULL;
}

static const struct etl_host table = {
  .struct_size = sizeof(struct etl_host), .abi_major = ETL_ABI_MAJOR, .abi_minor = ETL_ABI_MINOR, .host_version = ETL_VERSION,
  .log = svc_log, .count = svc_count, .gauge = svc_gauge, .cancelled = svc_cancelled, .sleep_ms = svc_sleep_ms,
  .now_ns = svc_now_ns, .secret = svc_secret, .scratch = svc_scratch, .buf_alloc = svc_buf_alloc, .buf_free = budget_free_mem,
  .fail = svc_fail, .bad_row = svc_bad_row, .ext = svc_ext, .schema_change = svc_schema_change};

void metrics_init(struct metrics *m) {
  pthread_mutex_init(&m->lock, NULL);
  m->counters = json_object();
  m->gauges = json_object();
  m->changes = json_array();
}

void metrics_fini(struct metrics *m) {
  json_decref(m->counters);
  json_decref(m->gauges);
  json_decref(m->changes);
  pthread_mutex_destroy(&m->lock);
}

void services_init(struct services *s, const struct run_services *run, const char *connector, const char *stage, const char *lane,
                   const struct secrets *secrets, struct stop *stop, struct turn *turn) {
  *s = (struct services){.host = table, .run = run, .connector = connector, .stage = stage, .lane = lane, .secrets = secrets,
                         .stop = stop, .heeds = STOP_NOW, .turn = turn};
  s->scratch = arena_new();
  s->slot = calls_take(run->calls, connector, stage, lane);
  pthread_mutex_init(&s->lock, NULL);
}

void services_fini(struct services *s) {
  rejects_clear(&s->rejects);
  free(s->origins.rows);
  arena_free(s->scratch);
  if (s->slot)
    calls_give_back(s->slot);
  pthread_mutex_destroy(&s->lock);
}

static int refuse_call(struct services *s, const char *function) {
  pthread_mutex_lock(&s->lock);
  err_set(&s->err, ETL_E_PERMANENT, "connector %s cannot be asked for %s(): it takes one call at a time, and hangs in one of another lane", s->connector,
          function);
  err_remedy(&s->err, "see what the other lane says of it; what is committed is kept, and the next run goes on from there");
  pthread_mutex_unlock(&s->lock);
  return -1;
}

int services_enter(struct services *s, const char *function) {
  if (s->turn && !turn_take(s->turn))
    return refuse_call(s, function);
  call_enter(s->slot, function);
  return 0;
}

int32_t services_leave(struct services *s, int32_t status) {
  call_leave(s->slot);
  if (status != ETL_FAILED) { /* a failure that the connector got over */
    pthread_mutex_lock(&s->lock);
    s->err.error_class = 0;
    pthread_mutex_unlock(&s->lock);
  }
  if (s->turn)
    turn_give(s->turn);
  arena_reset(s->scratch);
  return status;
}

/* The connector knows that somebody else has claimed the pipeline, not who does so. */
static void explain_fence(struct err *e) {
  err_remedy(e, "a run, a backfill, `etl quarantine replay` or `etl verify --repair` of this pipeline has begun meanwhile, and each of them ends the "
                "one before it; nothing is lost: start this one again when that has ended");
}

int services_take_err(struct services *s, struct err *e) {
  pthread_mutex_lock(&s->lock);
  *e = s->err;
  s->err.error_class = 0;
  pthread_mutex_unlock(&s->lock);
  if (!e->error_class) {
    err_set(e, ETL_E_INTERNAL, "connector %s failed in %s() without giving a reason", s->connector, s->slot->function);
    err_remedy(e, "report this to the connector's author");
  }
  if (e->error_class == ETL_E_FENCED)
    explain_fence(e);
  return -1;
}
