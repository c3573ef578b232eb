/* What was: runs, their tasks, events; and forgetting them. */
#include <string.h>

#include "store/priv.h"

enum { PRUNE_AT_ONCE = 1000, LIMIT = 1000, OF_DUE = 100 /* attempts */ };

/* ---- runs ------------------------------------------------------------------------------------------------------------------------------- */

int store_list(struct store *s, const struct store_filter *f, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e) {
  enum sql sql = f->root ? SQL_RUN_LIST_ROOT : f->pipeline ? SQL_RUN_LIST_PIPELINE : SQL_RUN_LIST;
  struct value params[] = {TEXT(f->states), TEXT(f->root), TIME(f->since_ns), TIME(f->before_ns), INT(f->limit > 0 ? f->limit : LIMIT),
                           TEXT(f->before_id ? f->before_id : ""), TEXT(f->pipeline)};
  return store_fetch(s, sql, run_columns, sizeof **ret, a, ret, ret_n, e, params, sql == SQL_RUN_LIST ? 6 : 7);
}

/* No run is queued before it is due, but for clocks that differ: so most of a long history need not be looked at. */
int store_of_due(struct store *s, const char *pipeline, int64_t due_ns, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e) {
  return store_fetch(s, SQL_RUN_OF_DUE, run_columns, sizeof **ret, a, ret, ret_n, e,
                     PARAMS(TEXT(pipeline), TIME(due_ns), TIME(due_ns - STORE_AHEAD_NS), INT(OF_DUE)));
}

int store_get(struct store *s, const char *id, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e) {
  if (store_fetch(s, SQL_RUN_GET, run_columns, sizeof **ret, a, ret, ret_n, e, PARAMS(TEXT(id))) < 0)
    return -1;
  return *ret_n || !*id ? 0 : store_fetch(s, SQL_RUN_BEGINS, run_columns, sizeof **ret, a, ret, ret_n, e, PARAMS(TEXT(id)));
}

int store_latest(struct store *s, const struct store_names *of, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e) {
  return store_fetch_of(s, SQL_RUN_LATEST_OF, SQL_RUN_LATEST, of, run_columns, sizeof **ret, a, ret, ret_n, e);
}

int store_waiting(struct store *s, const struct store_names *of, int64_t limit, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e) {
  return store_fetch(s, SQL_RUN_WAITING_OF, run_columns, sizeof **ret, a, ret, ret_n, e, PARAMS(names_value(of, a), INT(limit)));
}

int store_tasks(struct store *s, const char *run, struct arena *a, struct store_task **ret, size_t *ret_n, struct err *e) {
  return store_fetch(s, SQL_TASK_LIST, task_columns, sizeof **ret, a, ret, ret_n, e, PARAMS(TEXT(run)));
}

/* ---- events ----------------------------------------------------------------------------------------------------------------------------- */

int events_add(struct store *s, const struct store_event *ev, size_t n, struct err *e) {
  for (size_t i = 0; i < n; i++, ev++)
    if (store_do(s, SQL_EVENT_ADD, NULL, e,
                 PARAMS(TIME(ev->at_ns), TEXT(ev->level), TEXT(ev->kind), TEXT(ev->host ? ev->host : s->host), TEXT(ev->pipeline), TEXT(ev->run),
                        TEXT(ev->stage), TEXT(ev->shard), TEXT(ev->message))) < 0)
      return -1;
  return 0;
}

int store_event_add(struct store *s, const struct store_event *events, size_t n, struct err *e) {
  if (n == 0)
    return 0;
  return store_begin(s, ACCESS_LIGHT, e) < 0 ? -1 : store_end(s, events_add(s, events, n, e), e);
}

int store_events(struct store *s, int64_t after, const char *pipeline, const char *run, int64_t limit, struct arena *a, struct store_event **ret,
                 size_t *ret_n, struct err *e) {
  return store_fetch(s, after < 0 ? SQL_EVENT_NEWEST : SQL_EVENT_AFTER, event_columns, sizeof **ret, a, ret, ret_n, e,
                     PARAMS(INT(after), TEXT(pipeline), TEXT(run), INT(limit > 0 ? limit : LIMIT)));
}

/* ---- forgetting ------------------------------------------------------------------------------------------------------------------------- */

/* What stands at place `keep` from the newest: that and all older ones are too many.  0: none is. */
static int surplus(struct store *s, enum sql sql, int64_t keep, int64_t *ret, struct err *e) {
  struct rows rows = {0};
  if (keep > 0 && store_do(s, sql, &rows, e, PARAMS(INT(keep))) < 0)
    return -1;
  *ret = rows.n ? rows_at(&rows, 0, 0)->i : 0;
  return 0;
}

static int prune(struct store *s, int64_t now_ns, int64_t keep_age_ns, int64_t keep_count, int64_t *ret_n, struct err *e) {
  struct rows runs, events;
  int64_t old = keep_age_ns > 0 ? (now_ns - keep_age_ns) / 1000 : 0, ended, event;
  if (surplus(s, SQL_RUN_PRUNE_BEFORE, keep_count, &ended, e) < 0 || surplus(s, SQL_EVENT_PRUNE_BEFORE, keep_count, &event, e) < 0)
    return -1;
  if (store_do(s, SQL_RUN_PRUNE, &runs, e, PARAMS(INT(ended > old ? ended : old), INT(PRUNE_AT_ONCE))) < 0 ||
      store_do(s, SQL_NOTICE_PRUNE, NULL, e, PARAMS(TIME(now_ns - STORE_NOTICE_AGE_NS))) < 0 ||
      store_do(s, SQL_HOST_PRUNE, NULL, e, PARAMS(TIME(now_ns + s->behind_ns - STORE_HOST_AGE_NS))) < 0 ||
      store_do(s, SQL_EVENT_PRUNE, &events, e, PARAMS(INT(old), INT(event), INT(PRUNE_AT_ONCE))) < 0)
    return -1;
  *ret_n = (int64_t)(runs.n + events.n);
  return 0;
}

int store_prune(struct store *s, int64_t now_ns, int64_t keep_age_ns, int64_t keep_count, int64_t *ret_n, struct err *e) {
  int64_t n = 0;
  if (store_begin(s, ACCESS_LIGHT, e) < 0 || store_end(s, prune(s, now_ns, keep_age_ns, keep_count, &n, e), e) < 0)
    return -1;
  *ret_n = n;
  return 0;
}
