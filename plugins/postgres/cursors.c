/* Where lanes stand, in the sink itself.  The tables are described in state.c.
 *
 * A commit holds etl.pipelines' row FOR SHARE while it stores its cursor, and a claim updates that row: so a claim waits for commits in
 * flight, and a commit that comes later sees the new owner and fails.  The same lock makes committed() wait for a transaction whose
 * COMMIT was sent and not answered: its backend still holds it, until it has committed or noticed that its client is gone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

const char *cursors_scope(const struct instance *in) { return in->replace || in->stages ? in->run : ""; }

/* ---- claim ------------------------------------------------------------------------------------------------------------------------------- */

int32_t cursors_claim(struct instance *in, const struct etl_claim *c, uint64_t *ret_owner) {
  char wanted[24];
  PGresult *r;
  bool there = false;
  int32_t rc = session_connect(&in->session);
  if (rc == ETL_OK)
    rc = state_exists(in, &there);
  if (rc == ETL_OK && !there)
    rc = state_create(in);
  if (rc != ETL_OK)
    return rc;
  snprintf(wanted, sizeof wanted, "%" PRIu64, c->owner);
  rc = state_query(in, "claiming the pipeline",
           "INSERT INTO @.pipelines AS p (pipeline, owner, run) VALUES ($1, greatest($2::bigint, 1), $3) "
           "ON CONFLICT (pipeline) DO UPDATE SET owner = CASE WHEN $2::bigint = 0 THEN p.owner + 1 ELSE $2::bigint END, run = $3, "
           "claimed_at = pg_catalog.now() WHERE $2::bigint = 0 OR $2::bigint >= p.owner RETURNING owner",
           3, (const char *const[]){in->pipeline, wanted, c->run}, NULL, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  if (PQntuples(r) == 1) {
    *ret_owner = in->owner = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
  } else {
    struct etl_error e = ETL_ERROR(ETL_E_FENCED);
    rc = etl_failf(in->host, &e, "postgres: a newer run than %s has claimed the pipeline %s", wanted, in->pipeline);
  }
  PQclear(r);
  return rc;
}

static int32_t fenced(const struct instance *in, const char *why) {
  struct etl_error e = ETL_ERROR(ETL_E_FENCED);
  e.remedy = "nothing is lost: the newer run goes on; run one instance of a pipeline at a time";
  return etl_failf(in->host, &e, "postgres: another run has taken over the pipeline %s: %s", in->pipeline, why);
}

int32_t cursors_check_run(struct instance *in, const char *run) {
  PGresult *r;
  int32_t rc = state_query(in, "looking who owns the pipeline", "SELECT run FROM @.pipelines WHERE pipeline = $1 FOR NO KEY UPDATE" /* waits for a swap whose answer was lost */, 1,
                   (const char *const[]){in->pipeline}, NULL, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  if (PQntuples(r) != 1 || strcmp(PQgetvalue(r, 0, 0), run) != 0)
    rc = fenced(in, PQntuples(r) == 1 ? PQgetvalue(r, 0, 0) : "its row in pipelines was deleted");
  PQclear(r);
  return rc;
}

/* ---- committed ------------------------------------------------------------------------------------------------------------------------------ */

/* A part of settings.target, "table, stream: table, ...": where a stream goes; one without a name is for all that no other names. */
struct entry {
  const char *p;
  size_t n, name; /* bytes; of the name among them */
};

static bool next_entry(const char **text, struct entry *ret) {
  const char *end = strstr(*text, ", ");
  *ret = (struct entry){.p = *text, .n = end ? (size_t)(end - *text) : strlen(*text)};
  for (size_t i = 1; i + 1 < ret->n && !ret->name; i++)
    ret->name = ret->p[i] == ':' && ret->p[i + 1] == ' ' ? i : 0;
  *text += ret->n + (end ? 2 : 0);
  return ret->n > 0;
}

static bool names_stream(const struct entry *e, const char *stream) {
  return e->name && ((strlen(stream) == e->name && memcmp(stream, e->p, e->name) == 0) || stream_ends(stream, e->p, e->name));
}

static bool has_entry(const char *text, const struct entry *e) {
  struct entry other;
  while (next_entry(&text, &other))
    if (other.n == e->n && memcmp(other.p, e->p, e->n) == 0)
      return true;
  return false;
}

static bool names_any(const char *text, const char *stream) {
  struct entry e;
  while (next_entry(&text, &e))
    if (names_stream(&e, stream))
      return true;
  return false;
}

static bool has_rest(const char *text) {
  struct entry e;
  while (next_entry(&text, &e))
    if (!e.name)
      return true;
  return false;
}

/* Is it of another lane's stream, whose cursor is looked at by itself?  Else it may be of what a transformer makes of this one. */
static bool of_another(const PGresult *r, const char *stream, const struct entry *e) {
  for (int i = 0; i < PQntuples(r); i++)
    if (strcmp(PQgetvalue(r, i, 0), stream) != 0 && names_stream(e, PQgetvalue(r, i, 0)))
      return true;
  return false;
}

/* Do the rows of the stream go where they went before?  When in doubt they do not. */
static bool stays(const PGresult *r, const char *stream, const char *before, const char *now) {
  bool rest = has_rest(before), rest_now = has_rest(now);
  struct entry e;
  for (const char *p = before; next_entry(&p, &e);) {
    if (has_entry(now, &e))
      continue;
    bool harmless = !e.name                    ? names_any(before, stream)
                    : names_stream(&e, stream) ? !rest_now && !names_any(now, stream) /* no longer loaded */
                                               : of_another(r, stream, &e);
    if (!harmless)
      return false;
  }
  for (const char *p = now; next_entry(&p, &e);)
    if (e.name && !has_entry(before, &e) && (names_stream(&e, stream) || (rest && !of_another(r, stream, &e))))
      return false;
  return true;
}

/* New rows would go into the new table, and the old ones would never be there. */
static int32_t check_target(const struct instance *in, const PGresult *r) {
  for (int i = 0; i < PQntuples(r); i++) {
    const char *target = PQgetvalue(r, i, 4);
    if (strcmp(target, in->settings.target) == 0 || stays(r, PQgetvalue(r, i, 0), target, in->settings.target))
      continue;
    struct text remedy = {0};
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    text_add(&remedy, "run with --full-refresh to load it from the start; or, if the table was renamed: UPDATE ");
    sql_state(&remedy, in, "cursors");
    text_add(&remedy, " SET target = ");
    text_add_literal(&remedy, in->settings.target);
    text_add(&remedy, " WHERE pipeline = ");
    text_add_literal(&remedy, in->pipeline);
    e.option = "table";
    e.remedy = text_str(&remedy);
    int32_t rc = etl_failf(in->host, &e, "postgres: the pipeline %s has loaded %s so far; %s would get only what is new from now on", in->pipeline,
                           target, in->settings.target);
    text_fini(&remedy);
    return rc;
  }
  return ETL_OK;
}

static int32_t tell(const PGresult *r, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  int32_t rc = ETL_OK;
  for (int i = 0; i < PQntuples(r) && rc == ETL_OK; i++) {
    size_t n;
    if (strcmp(PQgetvalue(r, i, 2), "0") == 0)
      continue; /* forgotten in this run */
    unsigned char *cursor = PQunescapeBytea((const unsigned char *)PQgetvalue(r, i, 3), &n);
    if (!cursor)
      return ETL_FAILED;
    struct etl_cursor c = {.struct_size = sizeof c,
                           .stream = PQgetvalue(r, i, 0),
                           .shard = PQgetvalue(r, i, 1),
                           .epoch = strtoull(PQgetvalue(r, i, 2), NULL, 10),
                           .cursor = {cursor, n},
                           .note = PQgetisnull(r, i, 5) ? NULL : PQgetvalue(r, i, 5),
                           .flags = *PQgetvalue(r, i, 6) == 't' ? ETL_CURSOR_FINISHED : 0};
    rc = each(arg, &c);
    PQfreemem(cursor);
  }
  return rc;
}

/* Two statements and no transaction around them: the second one's snapshot is taken after the wait of the first. */
static int32_t wait_for_commits(struct instance *in) {
  PGresult *r;
  int32_t rc = state_query(in, "waiting for commits in flight", "SELECT owner FROM @.pipelines WHERE pipeline = $1 FOR NO KEY UPDATE", 1,
                   (const char *const[]){in->pipeline}, NULL, NULL, &r);
  PQclear(rc == ETL_OK ? r : NULL);
  return rc;
}

int32_t cursors_committed(struct instance *in, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  PGresult *r;
  bool there = false, new = false;
  int32_t rc = session_connect(&in->session);
  if (rc == ETL_OK)
    rc = state_has(in, "cursors", &there);
  if (rc == ETL_OK && there)
    rc = state_exists(in, &new); /* a plan looks at tables that only the next claim brings up to date */
  if (rc != ETL_OK || !there)
    return rc;
  if (!in->testing && (rc = wait_for_commits(in)) != ETL_OK)
    return rc;
  rc = state_query(in, "asking where the lanes stand",
           new ? "SELECT DISTINCT ON (stream, shard) stream, shard, epoch, cursor, target, note, finished FROM @.cursors WHERE pipeline = $1 AND "
                 "(aside = $2 OR (aside = '' AND $3::boolean)) ORDER BY stream, shard, aside DESC"
               : "SELECT stream, shard, epoch, cursor, target, NULL, false FROM @.cursors WHERE pipeline = $1 AND aside = $2 AND $3::boolean IS NOT NULL "
                 "ORDER BY stream, shard", 3,
           (const char *const[]){in->pipeline, cursors_scope(in), in->stages && !in->anew ? "t" : "f"}, NULL, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  rc = check_target(in, r);
  if (rc == ETL_OK && tell(r, each, arg) != ETL_OK)
    rc = out_of_memory(in);
  PQclear(r);
  return rc;
}

/* ---- store --------------------------------------------------------------------------------------------------------------------------------- */

int32_t cursors_check_owner(struct instance *in) {
  PGresult *r;
  int32_t rc = state_query(in, "looking who owns the pipeline", "SELECT owner, run FROM @.pipelines WHERE pipeline = $1 FOR SHARE", 1,
                   (const char *const[]){in->pipeline}, NULL, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  if (PQntuples(r) != 1)
    rc = fenced(in, "its row in pipelines was deleted");
  else if (strtoull(PQgetvalue(r, 0, 0), NULL, 10) != in->owner)
    rc = fenced(in, PQgetvalue(r, 0, 1));
  PQclear(r);
  return rc;
}

static int32_t forget(struct instance *in, const struct etl_cursor *to) {
  if (in->stages) /* what stood before is deleted at the end of the run; the rows are staged all the same */
    return state_query(in, "forgetting a lane",
                       "INSERT INTO @.cursors (pipeline, aside, stream, shard, epoch, cursor, rows, run, target) "
                       "VALUES ($1, $2, $3, $4, 0, '', 0, $2, $5) "
                       "ON CONFLICT (pipeline, aside, stream, shard) DO UPDATE SET epoch = 0",
                       5, (const char *const[]){in->pipeline, cursors_scope(in), to->stream, to->shard, in->settings.target}, NULL, NULL, NULL);
  return state_query(in, "forgetting a lane", "DELETE FROM @.cursors WHERE pipeline = $1 AND aside = $2 AND stream = $3 AND shard = $4", 4,
                     (const char *const[]){in->pipeline, cursors_scope(in), to->stream, to->shard}, NULL, NULL, NULL);
}

int32_t cursors_store(struct instance *in, const struct etl_cursor *to) {
  char from_epoch[24], to_epoch[24], rows[24];
  if (to->flags & ETL_CURSOR_FORGET)
    return forget(in, to);
  snprintf(from_epoch, sizeof from_epoch, "%" PRIu64, to->epoch - 1);
  snprintf(to_epoch, sizeof to_epoch, "%" PRIu64, to->epoch);
  snprintf(rows, sizeof rows, "%" PRId64, in->written);
  const char *note = ETL_HAS(to, etl_cursor, note) ? to->note : NULL;
  const char *params[] = {in->pipeline, cursors_scope(in), to->stream, to->shard, from_epoch, to_epoch, to->cursor.p, rows, in->run,
                          in->settings.target, note, to->flags & ETL_CURSOR_FINISHED ? "t" : "f", in->stages && !in->anew ? "t" : "f"};
  const int lengths[] = {0, 0, 0, 0, 0, 0, (int)to->cursor.n, 0, 0, 0, 0, 0, 0}, formats[] = {0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
  PGresult *r;
  int32_t rc = state_query(in, "storing the cursor",
                   "INSERT INTO @.cursors AS c (pipeline, aside, stream, shard, epoch, cursor, rows, run, target, note, finished) "
                   "SELECT $1, $2, $3, $4, $6::bigint, $7::bytea, $8::bigint, $9, $10, $11, $12::boolean WHERE $5::bigint = 0 OR EXISTS (SELECT 1 FROM @.cursors "
                   "WHERE pipeline = $1 AND stream = $3 AND shard = $4 AND (aside = $2 OR (aside = '' AND epoch = $5::bigint AND $13::boolean))) "
                   "ON CONFLICT (pipeline, aside, stream, shard) DO UPDATE SET epoch = excluded.epoch, cursor = excluded.cursor, note = excluded.note, "
                   "finished = excluded.finished, rows = c.rows + excluded.rows, run = excluded.run, updated_at = pg_catalog.now() WHERE c.epoch = $5::bigint",
                   (int)(sizeof params / sizeof *params), params, lengths, formats, &r);
  if (rc != ETL_OK)
    return rc;
  if (strcmp(PQcmdTuples(r), "1") != 0)
    rc = fenced(in, "the lane stands at another epoch than this run left it");
  PQclear(r);
  return rc;
}
