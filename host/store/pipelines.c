/* What is remembered of a pipeline between its runs: whether it is paused, how far it is, its breakers, its cursors. */
#include <jansson.h>
#include <string.h>

#include "store/priv.h"

int store_pause(struct store *s, const char *pipeline, bool paused, int64_t now_ns, struct err *e) {
  return store_begin(s, ACCESS_WRITE, e) < 0
             ? -1
             : store_end(s, store_do(s, SQL_PIPELINE_PAUSE, NULL, e, PARAMS(TEXT(pipeline), INT(paused), TIME(now_ns))), e);
}

int store_paused(struct store *s, struct arena *a, struct store_pipeline **ret, size_t *ret_n, struct err *e) {
  return store_fetch(s, SQL_PIPELINE_PAUSED, pipeline_columns, sizeof **ret, a, ret, ret_n, e, NULL, 0);
}

struct value names_value(const struct store_names *of, struct arena *a) {
  json_t *list = json_array();
  for (size_t i = 0; i < of->n; i++)
    json_array_append_new(list, json_string(of->list[i]));
  cleanup_free char *text = json_dumps(list, JSON_COMPACT);
  json_decref(list);
  return TEXT(arena_strdup(a, text));
}

int store_fetch_of(struct store *s, enum sql some, enum sql all, const struct store_names *of, const struct column *columns, size_t size, struct arena *a,
                   void *ret, size_t *ret_n, struct err *e) {
  if (!of)
    return store_fetch(s, all, columns, size, a, ret, ret_n, e, NULL, 0);
  return store_fetch(s, some, columns, size, a, ret, ret_n, e, PARAMS(names_value(of, a)));
}

int store_pipelines(struct store *s, const struct store_names *of, struct arena *a, struct store_pipeline **ret, size_t *ret_n, struct err *e) {
  return store_fetch_of(s, SQL_PIPELINE_LIST_OF, SQL_PIPELINE_LIST, of, pipeline_columns, sizeof **ret, a, ret, ret_n, e);
}

int store_pipelines_note(struct store *s, const struct store_pipeline *p, size_t n, struct err *e) {
  if (n == 0)
    return 0;
  if (store_begin(s, ACCESS_WRITE, e) < 0)
    return -1;
  int rc = 0;
  for (size_t i = 0; i < n && rc == 0; i++)
    rc = store_do(s, SQL_PIPELINE_NOTE, NULL, e, PARAMS(TEXT(p[i].name), TIME(p[i].last_due_ns), TIME(p[i].window_to_ns), TIME(0)));
  return store_end(s, rc, e);
}

/* ---- breakers --------------------------------------------------------------------------------------------------------------------------- */

int store_breakers(struct store *s, const struct store_names *of, struct arena *a, struct store_breaker **ret, size_t *ret_n, struct err *e) {
  return store_fetch_of(s, SQL_BREAKER_LIST_OF, SQL_BREAKER_LIST, of, breaker_columns, sizeof **ret, a, ret, ret_n, e);
}

/* While a breaker is not open, a probe that still waits has nothing to try.  One that is queued when it opens comes after this. */
static int withdraw_probes(struct store *s, const struct store_breaker *b, struct err *e) {
  if (strcmp(b->state, "open") == 0 || (b->shard && *b->shard))
    return 0;
  const char *why = strcmp(b->state, "closed") == 0 ? "the circuit breaker was closed before its probe began" : "another run tries whether it works again";
  return store_do(s, SQL_BREAKER_WITHDRAW_PROBES, NULL, e, PARAMS(TEXT(b->pipeline), TEXT(why), TIME(b->changed_ns)));
}

int breakers_put(struct store *s, const struct store_breaker *b, size_t n, struct err *e) {
  for (size_t i = 0; i < n; i++, b++) {
    bool nothing = strcmp(b->state, "closed") == 0 && b->failures == 0;
    const char *shard = b->shard ? b->shard : "";
    int rc = nothing ? store_do(s, SQL_BREAKER_FORGET, NULL, e, PARAMS(TEXT(b->pipeline), TEXT(shard)))
                     : store_do(s, SQL_BREAKER_PUT, NULL, e,
                                PARAMS(TEXT(b->pipeline), TEXT(shard), TEXT(b->state), INT(b->failures), TIME(b->opened_ns), TIME(b->changed_ns),
                                       TEXT(b->reason)));
    if (rc < 0 || withdraw_probes(s, b, e) < 0)
      return -1;
  }
  return 0;
}

int store_breakers_save(struct store *s, const struct store_breaker *b, size_t n, struct err *e) {
  if (n == 0)
    return 0;
  return store_begin(s, ACCESS_WRITE, e) < 0 ? -1 : store_end(s, breakers_put(s, b, n, e), e);
}

/* ---- cursors of sinks without their own ------------------------------------------------------------------------------------------------- */

int store_cursors(struct store *s, const char *pipeline, struct arena *a, struct store_cursor **ret, size_t *ret_n, struct err *e) {
  return store_fetch(s, SQL_CURSOR_LIST, cursor_columns, sizeof **ret, a, ret, ret_n, e, PARAMS(TEXT(pipeline)));
}

static int put_cursor(struct store *s, const struct store_cursor *c, struct err *e) {
  struct rows rows;
  if (!c->cursor)
    return store_do(s, SQL_CURSOR_DROP, NULL, e, PARAMS(TEXT(c->pipeline), TEXT(c->stream), TEXT(c->shard), INT(c->owner)));
  if (store_do(s, SQL_CURSOR_PUT, &rows, e,
               PARAMS(TEXT(c->pipeline), TEXT(c->stream), TEXT(c->shard), INT(c->owner), INT(c->epoch), TEXT(c->cursor))) < 0)
    return -1;
  if (rows.n)
    return 0;
  err_set(e, ETL_E_FENCED,
          "the cursor of pipeline %s, stream %s, shard %s is not stored: a newer run has stored one, or this epoch (%lld) is stored already",
          c->pipeline, c->stream, c->shard, (long long)c->epoch);
  return err_remedy(e, "nothing is wrong: the newer run goes on from its own");
}

int store_cursors_put(struct store *s, const struct store_cursor *c, size_t n, struct err *e) {
  if (n == 0)
    return 0;
  if (store_begin(s, ACCESS_WRITE, e) < 0)
    return -1;
  int rc = 0;
  for (size_t i = 0; i < n && rc == 0; i++)
    rc = put_cursor(s, &c[i], e);
  return store_end(s, rc, e);
}
