/* Into the queue: runs are added, cancelled, counted. */
#include <stdlib.h>
#include <string.h>

#include "store/priv.h"

static bool is_slot(const char *trigger) { return strcmp(trigger, "schedule") == 0 || strcmp(trigger, "catch_up") == 0; }

static int insert(struct store *s, const struct store_run *r, int64_t now_ns, struct rows *ret, struct err *e) {
  int64_t queued = r->queued_ns ? r->queued_ns : now_ns, due = r->due_ns ? r->due_ns : queued;
  bool waits = strcmp(r->state, "queued") == 0;
  return store_do(s, SQL_RUN_INSERT, ret, e,
                  PARAMS(TEXT(r->id), TEXT(r->pipeline), TEXT(r->trigger), TEXT(r->state), TIME(due), TIME(queued),
                         TIME(r->not_before_ns ? r->not_before_ns : due), TIME(r->started_ns),
                         TIME(waits         ? 0
                              : r->ended_ns ? r->ended_ns
                                            : now_ns),
                         TIME(r->window_from_ns), TIME(r->window_to_ns), INT(r->priority), INT(r->attempt ? r->attempt : 1),
                         TEXT(r->root ? r->root : r->id), TEXT(r->connections), TEXT(r->options), INT(r->rows_read), INT(r->rows_written),
                         INT(r->rows_filtered), INT(r->rows_rejected), INT(r->bytes), TEXT(r->error_class), TEXT(r->error_code),
                         TEXT(r->error_message), TEXT(r->error_remedy), TEXT(r->error_stage), TEXT(r->error_connector), TEXT(r->reason)));
}

/* Retries that still wait: the run that was added does what they were to do. */
static int supersede_by(struct store *s, const struct store_run *r, int64_t now_ns, struct err *e) {
  const char *why = arena_printf(s->scratch, "superseded by %s, which became due before the retry", r->id);
  return store_do(s, SQL_RUN_SUPERSEDE, NULL, e, PARAMS(TEXT(r->pipeline), TEXT(r->id), TEXT(why), TIME(now_ns)));
}

int queue_add(struct store *s, const struct store_run *r, bool supersede, int64_t now_ns, bool *ret_added, struct err *e) {
  struct rows rows;
  if (store_do(s, SQL_PIPELINE_NOTE, &rows, e,
               PARAMS(TEXT(r->pipeline), TIME(is_slot(r->trigger) ? r->due_ns : 0), TIME(0), TIME(now_ns + STORE_AHEAD_NS))) < 0)
    return -1;
  bool paused = rows_at(&rows, 0, 0)->i != 0;
  rows.n = 0;
  if (!(paused && is_slot(r->trigger)) && insert(s, r, now_ns, &rows, e) < 0)
    return -1;
  if (ret_added)
    *ret_added = rows.n > 0;
  return supersede && rows.n > 0 && strcmp(r->state, "queued") == 0 ? supersede_by(s, r, now_ns, e) : 0;
}

static int by_pipeline(const void *a, const void *b) {
  const struct store_run *x = *(const struct store_run *const *)a, *y = *(const struct store_run *const *)b;
  int order = strcmp(x->pipeline, y->pipeline);
  return order ? order : (x > y) - (x < y);
}

/* Two hosts lock the rows of pipelines in the same order, so that neither waits for the other. */
static int add_all(struct store *s, const struct store_run *runs, size_t n, bool supersede, int64_t now_ns, bool *ret_added, struct err *e) {
  const struct store_run **order = arena_alloc(s->scratch, (n + 1) * sizeof *order);
  for (size_t i = 0; i < n; i++)
    order[i] = &runs[i];
  qsort(order, n, sizeof *order, by_pipeline);
  for (size_t i = 0; i < n; i++)
    if (queue_add(s, order[i], supersede, now_ns, ret_added ? &ret_added[order[i] - runs] : NULL, e) < 0)
      return -1;
  return 0;
}

int store_enqueue(struct store *s, const struct store_run *runs, size_t n, bool supersede, int64_t now_ns, bool *ret_added, struct err *e) {
  if (n == 0)
    return 0;
  return store_begin(s, ACCESS_WRITE, e) < 0 ? -1 : store_end(s, add_all(s, runs, n, supersede, now_ns, ret_added, e), e);
}

/* ---- what comes after those that have ended -------------------------------------------------------------------------------------------- */

int store_unfollowed(struct store *s, const struct store_run *after, int64_t limit, struct arena *a, struct store_run **ret, size_t *ret_n,
                     struct err *e) {
  return store_fetch(s, SQL_RUN_UNFOLLOWED, run_columns, sizeof **ret, a, ret, ret_n, e,
                     PARAMS(INT(after ? after->ended_ns / 1000 : INT64_MIN), TEXT(after ? after->id : ""), INT(limit)));
}

int store_followed(struct store *s, const struct store_run *runs, size_t n, const struct store_run *queue, size_t queue_n, int64_t now_ns,
                   bool *ret_added, struct err *e) {
  if (store_begin(s, queue_n ? ACCESS_WRITE : ACCESS_LIGHT, e) < 0)
    return -1;
  int rc = add_all(s, queue, queue_n, false, now_ns, ret_added, e);
  for (size_t i = 0; i < n && rc == 0; i++)
    rc = store_do(s, SQL_RUN_FOLLOWED, NULL, e, PARAMS(TEXT(runs[i].id)));
  return store_end(s, rc, e);
}

/* ---- how it stands --------------------------------------------------------------------------------------------------------------------- */

int store_next(struct store *s, int64_t now_ns, int64_t *ret_ns, struct err *e) {
  struct rows rows;
  arena_reset(s->scratch);
  if (store_ask(s, SQL_RUN_NEXT, s->scratch, &rows, e, PARAMS(TIME(now_ns))) < 0)
    return -1;
  const struct value *v = rows_at(&rows, 0, 0);
  *ret_ns = v->is_null ? INT64_MAX : v->i * 1000;
  return 0;
}

int store_count(struct store *s, int64_t now_ns, struct store_counts *ret, struct err *e) {
  struct rows rows;
  struct store_counts found = {0};
  arena_reset(s->scratch);
  if (store_ask(s, SQL_RUN_COUNT, s->scratch, &rows, e, PARAMS(TIME(now_ns))) < 0)
    return -1;
  for (size_t i = 0; i < rows.n; i++) {
    const char *state = rows_at(&rows, i, 0)->s;
    int64_t n = rows_at(&rows, i, 1)->i;
    if (strcmp(state, "queued") == 0) {
      found.queued = n;
      found.waiting = rows_at(&rows, i, 2)->i;
    } else if (strcmp(state, "claimed") == 0) {
      found.claimed = n;
    } else {
      found.running = n;
    }
  }
  *ret = found;
  return 0;
}

/* ---- cancelling ------------------------------------------------------------------------------------------------------------------------ */

static const char *constant_state(const char *state) {
  static const char *const all[] = {"queued", "claimed", "running", "succeeded", "partial", "failed", "cancelled", "crashed", "skipped", NULL};
  for (const char *const *c = all; state && *c; c++)
    if (strcmp(*c, state) == 0)
      return *c;
  return NULL;
}

static int cancel(struct store *s, const char *id, const char *how, const char *reason, int64_t now_ns, const char **ret_state, struct err *e) {
  struct rows rows;
  if (store_do(s, SQL_RUN_CANCEL_QUEUED, &rows, e, PARAMS(TEXT(id), TEXT(reason), TIME(now_ns))) < 0)
    return -1;
  if (rows.n) {
    *ret_state = "queued";
    return 0;
  }
  if (store_do(s, SQL_RUN_CANCEL_ACTIVE, &rows, e, PARAMS(TEXT(id), TEXT(how), TEXT(reason))) < 0)
    return -1;
  if (rows.n == 0 && store_do(s, SQL_RUN_STATE, &rows, e, PARAMS(TEXT(id))) < 0)
    return -1;
  *ret_state = rows.n ? constant_state(rows_at(&rows, 0, 0)->s) : NULL;
  return 0;
}

int store_cancel(struct store *s, const char *id, const char *how, const char *reason, int64_t now_ns, const char **ret_state, struct err *e) {
  const char *state = NULL;
  if (store_begin(s, ACCESS_WRITE, e) < 0 || store_end(s, cancel(s, id, how, reason, now_ns, &state, e), e) < 0)
    return -1;
  *ret_state = state;
  return 0;
}

static int cancel_all(struct store *s, const char *pipeline, const char *how, const char *reason, int64_t now_ns, int64_t *ret_n, struct err *e) {
  struct rows rows;
  const char *state;
  if (store_do(s, SQL_RUN_UNENDED, &rows, e, PARAMS(TEXT(pipeline))) < 0)
    return -1;
  for (size_t i = 0; i < rows.n; i++)
    if (cancel(s, rows_at(&rows, i, 0)->s, how, reason, now_ns, &state, e) < 0)
      return -1;
  *ret_n = (int64_t)rows.n;
  return 0;
}

int store_cancel_all(struct store *s, const char *pipeline, const char *how, const char *reason, int64_t now_ns, int64_t *ret_n, struct err *e) {
  int64_t n = 0;
  if (store_begin(s, ACCESS_WRITE, e) < 0 || store_end(s, cancel_all(s, pipeline, how, reason, now_ns, &n, e), e) < 0)
    return -1;
  *ret_n = n;
  return 0;
}

static int cancel_queued(struct store *s, const struct store_names *of, bool others, const char *reason, int64_t now_ns, int64_t limit, struct arena *a,
                         struct store_run **ret, size_t *ret_n, struct err *e) {
  struct rows rows;
  if (store_do(s, SQL_RUN_CANCEL_QUEUED_OF, &rows, e, PARAMS(names_value(of, a), TEXT(reason), TIME(now_ns), INT(limit), INT(others))) < 0)
    return -1;
  *ret = columns_read(run_columns, sizeof **ret, &rows, a);
  *ret_n = rows.n;
  columns_keep(run_columns, sizeof **ret, *ret, rows.n, a);
  return 0;
}

int store_cancel_queued(struct store *s, const struct store_names *of, bool others, const char *reason, int64_t now_ns, int64_t limit, struct arena *a,
                        struct store_run **ret, size_t *ret_n, struct err *e) {
  struct store_run *runs = NULL;
  size_t n = 0;
  if (store_begin(s, ACCESS_WRITE, e) < 0 || store_end(s, cancel_queued(s, of, others, reason, now_ns, limit, a, &runs, &n, e), e) < 0)
    return -1;
  *ret = runs;
  *ret_n = n;
  return 0;
}
