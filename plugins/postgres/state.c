/* The tables that say where pipelines stand, and the rows they set aside.
 *
 *   pipelines  (pipeline, owner, run, claimed_at)      owner: grows with every run that claims
 *   cursors    (pipeline, aside, stream, shard, target, epoch, cursor, note, finished, rows, run, updated_at)
 *              aside: '', or the run that builds its tables aside; its cursors take the place of the others at the swap
 *              target: what has the rows up to the cursor; a pipeline that names another one may not go on from there
 *              note: the host's; finished: the lane was a piece and is read to its end
 *   asides     (pipeline, run, schema_name, table_name, stream)      tables aside, so that a later run removes what a dead one left
 *   streams    (pipeline, stream, lane, columns)      the columns that a lane's rows had last
 *   targets    (pipeline, schema_name, table_name, stream, run)      the stream that a table has its rows from, in the run that was there last
 *   quarantine one row for each that was set aside, with aside as for cursors; those of an epoch are replaced when it is written again */
#include <stdlib.h>

#include "instance.h"

void sql_state(struct text *t, const struct instance *in, const char *table) {
  text_add_name(t, in->settings.state_schema);
  text_addf(t, ".%s", table);
}

int32_t state_query(struct instance *in, const char *doing, const char *fmt, int n, const char *const *params, const int *lengths,
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

int32_t state_has(struct instance *in, const char *table, bool *ret) {
  PGresult *r;
  struct text name = {0};
  sql_state(&name, in, table);
  int32_t rc = name.failed ? out_of_memory(in)
                           : session_query(&in->session, "looking for the state tables", "SELECT pg_catalog.to_regclass($1) IS NOT NULL", 1,
                                           (const char *const[]){text_str(&name)}, &r);
  text_fini(&name);
  if (rc != ETL_OK)
    return rc;
  *ret = *PQgetvalue(r, 0, 0) == 't';
  PQclear(r);
  return ETL_OK;
}

/* The newest of the tables tells for all. */
int32_t state_exists(struct instance *in, bool *ret) { return state_has(in, "targets", ret); }

/* In this order, in one transaction; each does nothing where it is done already. */
static const char *const statements[] = {
  "BEGIN",
  "SELECT pg_catalog.pg_advisory_xact_lock(7310868735421376)", /* the first claims of several pipelines come together */
  NULL, /* the schema */
  "CREATE TABLE IF NOT EXISTS @.pipelines (pipeline text PRIMARY KEY, owner bigint NOT NULL, run text NOT NULL, "
  "claimed_at timestamptz NOT NULL DEFAULT pg_catalog.now())",
  "CREATE TABLE IF NOT EXISTS @.cursors (pipeline text, aside text DEFAULT '', stream text, shard text, target text NOT NULL, epoch bigint NOT NULL, "
  "cursor bytea NOT NULL, rows bigint NOT NULL, run text NOT NULL, updated_at timestamptz NOT NULL DEFAULT pg_catalog.now(), "
  "PRIMARY KEY (pipeline, aside, stream, shard))",
  "ALTER TABLE @.cursors ADD COLUMN IF NOT EXISTS note text, ADD COLUMN IF NOT EXISTS finished boolean NOT NULL DEFAULT false",
  "CREATE TABLE IF NOT EXISTS @.asides (pipeline text, run text, schema_name text, table_name text, PRIMARY KEY (pipeline, run))",
  "ALTER TABLE @.asides DROP CONSTRAINT IF EXISTS asides_pkey, ADD COLUMN IF NOT EXISTS stream text NOT NULL DEFAULT ''",
  "ALTER TABLE @.asides ADD PRIMARY KEY (pipeline, run, schema_name, table_name)",
  "CREATE TABLE IF NOT EXISTS @.quarantine (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, pipeline text NOT NULL, aside text NOT NULL DEFAULT '', "
  "run text NOT NULL, stream text NOT NULL, "
  "shard text NOT NULL, epoch bigint NOT NULL, seq bigint NOT NULL, at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(), "
  "stage text NOT NULL, connector text NOT NULL, table_stream text NOT NULL, error_class text NOT NULL, vendor_code bigint, vendor_state text, "
  "column_name text, row bigint, message text NOT NULL, raw json NOT NULL, columns json, UNIQUE (pipeline, aside, stream, shard, epoch, seq))",
  "CREATE TABLE IF NOT EXISTS @.streams (pipeline text, stream text, lane text, columns text[] NOT NULL, PRIMARY KEY (pipeline, stream, lane))",
  "CREATE TABLE IF NOT EXISTS @.targets (pipeline text, schema_name text, table_name text, stream text NOT NULL, run text NOT NULL, "
  "PRIMARY KEY (pipeline, schema_name, table_name))",
  "COMMIT"};

static int32_t create_schema(struct instance *in) {
  struct text sql = {0};
  sql_create_schema(&sql, in->settings.state_schema);
  int32_t rc = sql.failed ? out_of_memory(in) : session_run(&in->session, "creating the state schema", text_str(&sql));
  text_fini(&sql);
  return rc;
}

int32_t state_create(struct instance *in) {
  for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
    bool there = false;
    int32_t rc = statements[i] ? state_query(in, "creating the state tables", statements[i], 0, NULL, NULL, NULL, NULL) : create_schema(in);
    if (rc == ETL_OK && i == 1)
      rc = state_exists(in, &there); /* another claim was faster */
    if (rc != ETL_OK || there) {
      session_rollback(&in->session);
      return rc;
    }
  }
  return ETL_OK;
}
