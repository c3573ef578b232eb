/* Where lanes stand, in the sink itself.
 *
 *   etl.pipelines (pipeline, owner, run, claimed_at)      owner: grows with every run that claims
 *   etl.cursors   (pipeline, aside, stream, shard, target, epoch, cursor, rows, run, updated_at)
 *                 aside: '', or the run that builds its table aside; its cursors take the place of the others at the swap
 *                 target: the table that has the rows up to the cursor; a pipeline that names another one may not go on from there
 *
 * A commit holds etl.pipelines' row FOR SHARE while it stores its cursor, and a claim updates that row: so a claim waits for commits in
 * flight, and a commit that comes later sees the new owner and fails.  The same lock makes committed() wait for a transaction whose
 * COMMIT was sent and not answered: its backend still holds it, until it has committed or noticed that its client is gone. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

void sql_state(struct text *t, const struct instance *in, const char *table) {
  text_add_name(t, in->settings.state_schema);
  text_addf(t, ".%s", table);
}

const char *cursors_scope(const struct instance *in) { return in->aside ? in->run : ""; }

/* fmt with each @ replaced by the state schema's name. */
static int32_t ask(struct instance *in, const char *doing, const char *fmt, int n, const char *const *params, const int *lengths,
                   const int *formats, PGresult **ret) {
  struct text sql = {0};
  char one[2] = {0};
  for (const char *p = fmt; *p; p++) {
    one[0] = *p;
    if (*p == '@')
      text_add_name(&sql, in->settings.state_schema);
    else
      text_add(&sql, one);
  }
  int32_t rc = sql.failed ? out_of_memory(in) : session_query_binary(&in->session, doing, text_str(&sql), n, params, lengths, formats, ret);
  text_fini(&sql);
  return rc;
}

static int32_t run_state(struct instance *in, const char *doing, const char *sql) { return ask(in, doing, sql, 0, NULL, NULL, NULL, NULL); }

/* ---- the tables ------------------------------------------------------------------------------------------------------------------------ */

static int32_t state_exists(struct instance *in, bool *ret) {
  PGresult *r;
  struct text name = {0};
  sql_state(&name, in, "cursors");
  int32_t rc = session_query(&in->session, "looking for the state tables", "SELECT pg_catalog.to_regclass($1) IS NOT NULL", 1,
                             (const char *const[]){text_str(&name)}, &r);
  text_fini(&name);
  if (rc != ETL_OK)
    return rc;
  *ret = *PQgetvalue(r, 0, 0) == 't';
  PQclear(r);
  return ETL_OK;
}

static int32_t state_create(struct instance *in) {
  static const char *const statements[] = {
    "BEGIN",
    "SELECT pg_catalog.pg_advisory_xact_lock(7310868735421376)", /* the first claims of several pipelines come together */
    "CREATE SCHEMA IF NOT EXISTS @",
    "CREATE TABLE IF NOT EXISTS @.pipelines (pipeline text PRIMARY KEY, owner bigint NOT NULL, run text NOT NULL, "
    "claimed_at timestamptz NOT NULL DEFAULT pg_catalog.now())",
    "CREATE TABLE IF NOT EXISTS @.cursors (pipeline text, aside text DEFAULT '', stream text, shard text, target text NOT NULL, epoch bigint NOT NULL, "
    "cursor bytea NOT NULL, rows bigint NOT NULL, run text NOT NULL, updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(), "
    "PRIMARY KEY (pipeline, aside, stream, shard))",
    "CREATE TABLE IF NOT EXISTS @.asides (pipeline text, run text, schema_name text, table_name text, PRIMARY KEY (pipeline, run))",
    "COMMIT"};
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
    int32_t rc = run_state(in, "creating the state tables", statements[i]);
    if (rc != ETL_OK) {
      session_rollback(&in->session);
      return rc;
    }
  }
  return ETL_OK;
}

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
  rc = ask(in, "claiming the pipeline",
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
  int32_t rc = ask(in, "looking who owns the pipeline", "SELECT run FROM @.pipelines WHERE pipeline = $1 FOR NO KEY UPDATE" /* waits for a swap whose answer was lost */, 1,
                   (const char *const[]){in->pipeline}, NULL, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  if (PQntuples(r) != 1 || strcmp(PQgetvalue(r, 0, 0), run) != 0)
    rc = fenced(in, PQntuples(r) == 1 ? PQgetvalue(r, 0, 0) : "its row in pipelines was deleted");
  PQclear(r);
  return rc;
}

/* ---- committed ------------------------------------------------------------------------------------------------------------------------------ */

/* New rows would go into the new table, and the old ones would never be there. */
static int32_t check_target(const struct instance *in, const PGresult *r) {
  for (int i = 0; i < PQntuples(r); i++) {
    const char *target = PQgetvalue(r, i, 4);
    if (strcmp(target, in->settings.target) == 0)
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
    unsigned char *cursor = PQunescapeBytea((const unsigned char *)PQgetvalue(r, i, 3), &n);
    if (!cursor)
      return ETL_FAILED;
    struct etl_cursor c = {.struct_size = sizeof c,
                           .stream = PQgetvalue(r, i, 0),
                           .shard = PQgetvalue(r, i, 1),
                           .epoch = strtoull(PQgetvalue(r, i, 2), NULL, 10),
                           .cursor = {cursor, n}};
    rc = each(arg, &c);
    PQfreemem(cursor);
  }
  return rc;
}

/* Two statements and no transaction around them: the second one's snapshot is taken after the wait of the first. */
static int32_t wait_for_commits(struct instance *in) {
  PGresult *r;
  int32_t rc = ask(in, "waiting for commits in flight", "SELECT owner FROM @.pipelines WHERE pipeline = $1 FOR NO KEY UPDATE", 1,
                   (const char *const[]){in->pipeline}, NULL, NULL, &r);
  PQclear(rc == ETL_OK ? r : NULL);
  return rc;
}

int32_t cursors_committed(struct instance *in, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  PGresult *r;
  bool there = false;
  int32_t rc = session_connect(&in->session);
  if (rc == ETL_OK)
    rc = state_exists(in, &there);
  if (rc != ETL_OK || !there)
    return rc;
  if (!in->testing && (rc = wait_for_commits(in)) != ETL_OK)
    return rc;
  rc = ask(in, "asking where the lanes stand",
           "SELECT stream, shard, epoch, cursor, target FROM @.cursors WHERE pipeline = $1 AND aside = $2 ORDER BY stream, shard", 2,
           (const char *const[]){in->pipeline, cursors_scope(in)}, NULL, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  rc = check_target(in, r);
  if (rc == ETL_OK && tell(r, each, arg) != ETL_OK)
    rc = out_of_memory(in);
  PQclear(r);
  return rc;
}

/* ---- store --------------------------------------------------------------------------------------------------------------------------------- */

static int32_t check_owner(struct instance *in) {
  PGresult *r;
  int32_t rc = ask(in, "looking who owns the pipeline", "SELECT owner, run FROM @.pipelines WHERE pipeline = $1 FOR SHARE", 1,
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

int32_t cursors_store(struct instance *in, const struct etl_cursor *to) {
  char from_epoch[24], to_epoch[24], rows[24];
  int32_t rc = check_owner(in);
  if (rc != ETL_OK)
    return rc;
  snprintf(from_epoch, sizeof from_epoch, "%" PRIu64, in->from_epoch);
  snprintf(to_epoch, sizeof to_epoch, "%" PRIu64, to->epoch);
  snprintf(rows, sizeof rows, "%" PRId64, in->written);
  const char *params[] = {in->pipeline, cursors_scope(in), to->stream, to->shard, from_epoch, to_epoch, to->cursor.p, rows, in->run,
                          in->settings.target};
  const int lengths[] = {0, 0, 0, 0, 0, 0, (int)to->cursor.n, 0, 0, 0}, formats[] = {0, 0, 0, 0, 0, 0, 1, 0, 0, 0};
  PGresult *r;
  rc = ask(in, "storing the cursor",
           "INSERT INTO @.cursors AS c (pipeline, aside, stream, shard, epoch, cursor, rows, run, target) "
           "SELECT $1, $2, $3, $4, $6::bigint, $7::bytea, $8::bigint, $9, $10 WHERE $5::bigint = 0 OR EXISTS (SELECT 1 FROM @.cursors "
           "WHERE pipeline = $1 AND aside = $2 AND stream = $3 AND shard = $4) "
           "ON CONFLICT (pipeline, aside, stream, shard) DO UPDATE SET epoch = excluded.epoch, cursor = excluded.cursor, "
           "rows = c.rows + excluded.rows, run = excluded.run, updated_at = pg_catalog.now() WHERE c.epoch = $5::bigint",
           (int)(sizeof params / sizeof *params), params, lengths, formats, &r);
  if (rc != ETL_OK)
    return rc;
  if (strcmp(PQcmdTuples(r), "1") != 0)
    rc = fenced(in, "the lane stands at another epoch than this run left it");
  PQclear(r);
  return rc;
}
