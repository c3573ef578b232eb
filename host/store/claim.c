/* Out of the queue, under a lease: a run is claimed, started, renewed, given back, taken over.  Whoever claims takes the row of the pipeline
 * first and looks for its active runs after that, so two hosts never pass each other between the look and the claim; the unique
 * index pipeline_runs_active stands behind it. */
#include <stdlib.h>
#include <string.h>

#include "store/priv.h"

enum { PAGE_MIN = 32, PAGE_MAX = 256 }; /* candidates looked at together */

struct claim {
  struct store *s;
  const struct store_limits *limits;
  int64_t now_ns, lease_until_ns;
  struct store_run *runs;
  size_t n, room;
  int64_t *used; /* of each limited connection */
};

/* ---- connections ----------------------------------------------------------------------------------------------------------------------- */

static bool has_word(const char *words, const char *word) {
  size_t n = strlen(word);
  for (const char *at = words; at && *at; at += strcspn(at, " "), at += strspn(at, " "))
    if (strcspn(at, " ") == n && strncmp(at, word, n) == 0)
      return true;
  return false;
}

static void count_connections(struct claim *c, const char *words) {
  for (size_t i = 0; i < c->limits->connections_n; i++)
    c->used[i] += has_word(words, c->limits->connections[i]);
}

static bool connections_free(const struct claim *c, const char *words) {
  for (size_t i = 0; i < c->limits->connections_n; i++)
    if (c->used[i] >= c->limits->connection_max[i] && has_word(words, c->limits->connections[i]))
      return false;
  return true;
}

/* Hosts that count what all of them use count one after the other. */
static int count_active(struct claim *c, struct err *e) {
  struct rows rows;
  if (c->limits->connections_n == 0)
    return 0;
  c->used = arena_alloc(c->s->scratch, c->limits->connections_n * sizeof *c->used);
  if (store_do(c->s, SQL_LOCK_CLAIMS, NULL, e, NULL, 0) < 0 || store_do(c->s, SQL_RUN_ACTIVE_CONNECTIONS, &rows, e, NULL, 0) < 0)
    return -1;
  for (size_t i = 0; i < rows.n; i++)
    count_connections(c, rows_at(&rows, i, 0)->s);
  return 0;
}

/* ---- claiming -------------------------------------------------------------------------------------------------------------------------- */

static void keep(struct claim *c, const struct rows *rows) {
  if (c->n == c->room) {
    c->room = c->room ? c->room * 2 : 16;
    c->runs = xrealloc(c->runs, c->room * sizeof *c->runs);
  }
  const struct store_run *run = columns_read(run_columns, sizeof *run, rows, c->s->scratch);
  c->runs[c->n++] = *run;
  count_connections(c, run->connections);
}

/* Nothing is claimed, which is no error, when another host was faster. */
static int take(struct claim *c, const struct store_run *r, struct err *e) {
  struct rows rows;
  if (store_do(c->s, SQL_PIPELINE_FENCE, &rows, e, PARAMS(TEXT(r->pipeline), TIME(c->now_ns))) < 0)
    return -1;
  if (rows.n == 0)
    return 0;
  int64_t fence = rows_at(&rows, 0, 0)->i;
  if (store_do(c->s, SQL_RUN_CLAIM, &rows, e, PARAMS(TEXT(r->id), TEXT(c->s->host), TIME(c->lease_until_ns), INT(fence))) < 0)
    return -1;
  if (rows.n)
    keep(c, &rows);
  return 0;
}

/* Candidates behind `after` in their order: NULL for the first. */
static int page(struct claim *c, const struct store_run *after, size_t size, struct store_run **ret, size_t *ret_n, struct err *e) {
  struct rows rows;
  int64_t priority = after ? -after->priority : INT64_MIN;
  if (store_do(c->s, SQL_RUN_CANDIDATES, &rows, e,
               PARAMS(TIME(c->now_ns), INT(priority), INT(after ? after->due_ns / 1000 : 0), INT(after ? after->queued_ns / 1000 : 0),
                      TEXT(after ? after->id : ""), INT((int64_t)size))) < 0)
    return -1;
  *ret = columns_read(run_columns, sizeof **ret, &rows, c->s->scratch);
  *ret_n = rows.n;
  return 0;
}

/* Whether one of its pipeline was claimed since the page was read. */
static bool taken_since(const struct claim *c, size_t first, const char *pipeline) {
  for (size_t i = first; i < c->n; i++)
    if (strcmp(c->runs[i].pipeline, pipeline) == 0)
      return true;
  return false;
}

static int claim(struct claim *c, struct err *e) {
  struct store_run *found = NULL;
  size_t n = 0, size = c->limits->max > PAGE_MIN ? PAGE_MAX : PAGE_MIN, wanted;
  if (count_active(c, e) < 0)
    return -1;
  do {
    wanted = size;
    if (page(c, n ? &found[n - 1] : NULL, wanted, &found, &n, e) < 0)
      return -1;
    size = PAGE_MAX;
    size_t first = c->n;
    for (size_t i = 0; i < n && (int64_t)c->n < c->limits->max; i++)
      if (!taken_since(c, first, found[i].pipeline) && connections_free(c, found[i].connections) &&
          (!c->limits->accept || c->limits->accept(c->limits->arg, &found[i])) && take(c, &found[i], e) < 0)
        return -1;
  } while (n == wanted && (int64_t)c->n < c->limits->max);
  return 0;
}

static struct store_run *copy_out(const struct store_run *runs, size_t n, struct arena *a) {
  struct store_run *copy = arena_alloc(a, (n + 1) * sizeof *copy);
  if (n)
    memcpy(copy, runs, n * sizeof *copy);
  columns_keep(run_columns, sizeof *copy, copy, n, a);
  return copy;
}

/* ---- claims whose commit was not answered ---------------------------------------------------------------------------------------------- */

static void doubt(struct store *s, const struct store_run *runs, size_t n) {
  s->doubts = xrealloc(s->doubts, (s->doubts_n + n) * sizeof *s->doubts);
  for (size_t i = 0; i < n; i++)
    s->doubts[s->doubts_n++] = (struct store_lease){.id = xstrdup(runs[i].id), .fence = runs[i].fence};
}

static int unclaim(struct store *s, const char *id, int64_t fence, int64_t not_before_ns, struct rows *ret, struct err *e) {
  return store_do(s, SQL_RUN_UNCLAIM, ret, e, PARAMS(TEXT(id), TEXT(s->host), INT(fence), TIME(not_before_ns)));
}

/* The caller never heard of them: if they were claimed after all, they go back. */
static int settle_doubts(struct store *s, int64_t now_ns, struct err *e) {
  if (s->doubts_n == 0)
    return 0;
  if (store_begin(s, ACCESS_LIGHT, e) < 0)
    return -1;
  int rc = 0;
  for (size_t i = 0; i < s->doubts_n && rc == 0; i++)
    rc = unclaim(s, s->doubts[i].id, s->doubts[i].fence, now_ns, NULL, e);
  if (store_end(s, rc, e) < 0)
    return -1;
  while (s->doubts_n)
    free((char *)(uintptr_t)s->doubts[--s->doubts_n].id);
  return 0;
}

int store_claim(struct store *s, int64_t now_ns, int64_t lease_until_ns, const struct store_limits *limits, struct arena *a, struct store_run **ret,
                size_t *ret_n, struct err *e) {
  struct claim c = {.s = s, .limits = limits, .now_ns = now_ns, .lease_until_ns = lease_until_ns + s->behind_ns};
  if (settle_doubts(s, now_ns, e) < 0 || store_begin(s, ACCESS_LIGHT, e) < 0)
    return -1;
  int rc = claim(&c, e);
  bool committing = rc == 0;
  rc = store_end(s, rc, e);
  if (rc == 0) {
    *ret = copy_out(c.runs, c.n, a);
    *ret_n = c.n;
  } else if (committing) {
    doubt(s, c.runs, c.n);
  }
  free(c.runs);
  return rc;
}

/* ---- leases ---------------------------------------------------------------------------------------------------------------------------- */

static int lost(const char *id, struct err *e) {
  err_set(e, ETL_E_FENCED, "the lease on run %s was lost: another host took it over, or it has ended", id);
  return err_remedy(e, "nothing of it is written any more; see 'etl history' for how it went on");
}

int store_unclaim(struct store *s, const char *id, int64_t fence, int64_t not_before_ns, struct err *e) {
  struct rows rows = {0};
  if (store_begin(s, ACCESS_LIGHT, e) < 0 || store_end(s, unclaim(s, id, fence, not_before_ns, &rows, e), e) < 0)
    return -1;
  return rows.n ? 0 : lost(id, e);
}

int store_running(struct store *s, const char *id, int64_t fence, int64_t started_ns, struct err *e) {
  struct rows rows = {0};
  if (store_begin(s, ACCESS_LIGHT, e) < 0 ||
      store_end(s, store_do(s, SQL_RUN_RUNNING, &rows, e, PARAMS(TEXT(id), TEXT(s->host), INT(fence), TIME(started_ns))), e) < 0)
    return -1;
  return rows.n ? 0 : lost(id, e);
}

int store_renew(struct store *s, struct store_lease *leases, size_t n, int64_t lease_until_ns, struct err *e) {
  if (n == 0)
    return 0;
  if (store_begin(s, ACCESS_LIGHT, e) < 0)
    return -1;
  struct rows *rows = arena_alloc(s->scratch, n * sizeof *rows);
  int rc = 0;
  for (size_t i = 0; i < n && rc == 0; i++)
    rc = store_do(s, SQL_RUN_RENEW, &rows[i], e, PARAMS(TEXT(leases[i].id), TEXT(s->host), INT(leases[i].fence), TIME(lease_until_ns + s->behind_ns)));
  if (store_end(s, rc, e) < 0)
    return -1;
  for (size_t i = 0; i < n; i++) {
    const struct value *cancel = rows[i].n ? rows_at(&rows[i], 0, 0) : NULL;
    leases[i].lost = rows[i].n == 0;
    leases[i].cancel = !cancel || cancel->is_null ? NULL : strcmp(cancel->s, "now") == 0 ? "now" : "finish";
  }
  return 0;
}

/* ---- taking over ------------------------------------------------------------------------------------------------------------------------ */

static int take_over(struct store *s, int64_t now_ns, int64_t lease_until_ns, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e) {
  struct rows rows, fence;
  bool first = !s->reaped;
  if (store_do(s, SQL_RUN_ABANDONED, &rows, e, PARAMS(TIME(now_ns + s->behind_ns), TEXT(first ? s->host : NULL), INT(first && s->driver->exclusive))) < 0)
    return -1;
  struct store_run *runs = columns_read(run_columns, sizeof *runs, &rows, s->scratch);
  for (size_t i = 0; i < rows.n; i++) {
    if (store_do(s, SQL_PIPELINE_FENCE_UP, &fence, e, PARAMS(TEXT(runs[i].pipeline), TIME(now_ns))) < 0)
      return -1;
    runs[i].fence = fence.n ? rows_at(&fence, 0, 0)->i : runs[i].fence + 1;
    runs[i].lease_until_ns = lease_until_ns;
    if (store_do(s, SQL_RUN_TAKE_OVER, NULL, e, PARAMS(TEXT(runs[i].id), TEXT(s->host), INT(runs[i].fence), TIME(lease_until_ns + s->behind_ns))) < 0)
      return -1;
  }
  *ret = copy_out(runs, rows.n, a);
  *ret_n = rows.n;
  return 0;
}

int store_reap(struct store *s, int64_t now_ns, int64_t lease_until_ns, struct arena *a, struct store_run **ret, size_t *ret_n, struct err *e) {
  struct store_run *runs = NULL;
  size_t n = 0;
  if (store_begin(s, ACCESS_LIGHT, e) < 0 || store_end(s, take_over(s, now_ns, lease_until_ns, a, &runs, &n, e), e) < 0)
    return -1;
  s->reaped = true;
  *ret = runs;
  *ret_n = n;
  return 0;
}
