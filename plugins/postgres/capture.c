/* Records of rows as they came and as they were loaded (etl.capture/1): tables beside the targets, written in the transaction of the epoch.
 *
 *   captures          (id, pipeline, aside, run, stream, shard, epoch, table_stream, at): a lot of records; aside: as in the state tables
 *   raw_data          (id, captured_at, source, data)
 *   transformed_data  (id, raw_id, row, status, reason, data)
 *
 * What records have in common is with their lot, so that they are small.  Ids grow with the place in the table: brin finds them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

static const char *const statuses[] = {
    [ETL_CAPTURED_VALID] = "valid", [ETL_CAPTURED_QUARANTINED] = "quarantined", [ETL_CAPTURED_FILTERED] = "filtered"};
enum { STATUSES = sizeof statuses / sizeof *statuses };

static const char *status_name(uint32_t status) { return status < STATUSES && statuses[status] ? statuses[status] : "valid"; }

/* ---- the tables ----------------------------------------------------------------------------------------------------------------------- */

void capture_fini(struct capture *c) {
  free(c->raw.schema);
  free(c->raw.table);
  free(c->transformed.schema);
  free(c->transformed.table);
  text_fini(&c->refused);
  *c = (struct capture){0};
}

/* given: "schema.table", or "table" of the state schema; NULL: the usual one. */
static int32_t take_table(struct instance *in, const char *given, const char *usual, struct capture_table *ret) {
  const char *dot = given ? strchr(given, '.') : NULL;
  ret->schema = dot ? strndup(given, (size_t)(dot - given)) : strdup(in->settings.state_schema);
  ret->table = strdup(dot ? dot + 1 : given ? given : usual);
  return ret->schema && ret->table ? ETL_OK : out_of_memory(in);
}

static int32_t tables(void *self, const struct etl_capture_tables *t) {
  struct instance *in = self;
  int32_t rc = ETL_OK;
  capture_fini(&in->capture);
  if (t->raw)
    rc = take_table(in, t->raw_table, "raw_data", &in->capture.raw);
  if (rc == ETL_OK && t->transformed)
    rc = take_table(in, t->transformed_table, "transformed_data", &in->capture.transformed);
  return rc;
}

static void sql_name(struct text *t, const struct capture_table *c) {
  text_add_name(t, c->schema);
  text_add(t, ".");
  text_add_name(t, c->table);
}

struct shape { /* of a table for records */
  const char *columns, *index, *check;
};
static const struct shape raw_shape = {
    "id bigint NOT NULL, captured_at timestamptz NOT NULL, source text NOT NULL, data json NOT NULL",
    "USING brin (id, captured_at) WITH (autosummarize = on)",
    "('id', 'bigint'), ('captured_at', 'timestamptz'), ('source', 'text'), ('data', 'json')"};
static const struct shape transformed_shape = {
    "id bigint NOT NULL, raw_id bigint, row bigint, status text NOT NULL, reason text, data json",
    "USING brin (id, raw_id) WITH (autosummarize = on)",
    "('id', 'bigint'), ('raw_id', 'bigint'), ('row', 'bigint'), ('status', 'text'), ('reason', 'text'), ('data', 'json')"};
static const char lots_columns[] =
    "id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, pipeline text NOT NULL, aside text NOT NULL, run text NOT NULL, stream text NOT NULL, "
    "shard text NOT NULL, epoch bigint NOT NULL, table_stream text, at timestamptz NOT NULL DEFAULT pg_catalog.now()";

/* One that is there is left as it is, so that its owner may have more indexes, or none. */
static void sql_create(struct text *sql, const struct capture_table *c, const char *columns, const char *const *indexes) {
  struct text name = {0}, block = {0};
  if (!c->table)
    return;
  sql_name(&name, c);
  sql_create_schema(sql, c->schema);
  text_add(&block, "BEGIN IF pg_catalog.to_regclass(");
  text_add_literal(&block, text_str(&name));
  text_addf(&block, ") IS NULL THEN CREATE TABLE %s (%s); ", text_str(&name), columns);
  for (; *indexes; indexes++)
    text_addf(&block, "CREATE INDEX ON %s %s; ", text_str(&name), *indexes);
  text_add(&block, "END IF; END");
  text_add_block(sql, &block);
  text_add(sql, "; ");
  sql->failed |= name.failed || block.failed;
  text_fini(&name);
  text_fini(&block);
}

/* ---- lots ----------------------------------------------------------------------------------------------------------------------------- */

/* fmt has @ for the state schema; $1 is the pipeline, $2 param. */
static int32_t on_lots(struct instance *in, const char *doing, const char *fmt, const char *param, PGresult **ret) {
  return state_query(in, doing, fmt, 2, (const char *const[]){in->pipeline, param}, NULL, NULL, ret);
}

static int32_t forget_records(struct instance *in, const char *doing, const struct capture_table *c, const PGresult *lots) {
  struct text sql = {0};
  if (!c->table)
    return ETL_OK;
  text_add(&sql, "DELETE FROM ");
  sql_name(&sql, c);
  text_addf(&sql, " WHERE id >= $1::bigint << %d AND id < ($2::bigint + 1) << %d AND id >> %d = ANY ($3::bigint[])", ETL_CAPTURE_LOT_BITS,
            ETL_CAPTURE_LOT_BITS, ETL_CAPTURE_LOT_BITS);
  int32_t rc = sql.failed ? out_of_memory(in)
                          : session_query(&in->session, doing, text_str(&sql), 3,
                                          (const char *const[]){PQgetvalue(lots, 0, 0), PQgetvalue(lots, 0, 1), PQgetvalue(lots, 0, 2)}, NULL);
  text_fini(&sql);
  return rc;
}

/* Some lots for which `where` holds, with their records.  Lots go last: if it ends on the way, the next one does the rest. */
static int32_t forget_some(struct instance *in, const char *doing, const char *where, const char *param, uint64_t *ret_lots) {
  enum { LOTS = 16 };
  struct text sql = {0};
  PGresult *lots = NULL;
  text_addf(&sql,
            "SELECT min(id), max(id), pg_catalog.array_agg(id), count(*) FROM (SELECT id FROM @.captures WHERE pipeline = $1 AND %s ORDER BY at "
            "LIMIT %d) AS l",
            where, LOTS);
  int32_t rc = sql.failed ? out_of_memory(in) : on_lots(in, doing, text_str(&sql), param, &lots);
  *ret_lots = rc == ETL_OK ? strtoull(PQgetvalue(lots, 0, 3), NULL, 10) : 0;
  bool any = *ret_lots > 0;
  if (any)
    rc = forget_records(in, doing, &in->capture.raw, lots);
  if (any && rc == ETL_OK)
    rc = forget_records(in, doing, &in->capture.transformed, lots);
  if (any && rc == ETL_OK)
    rc = on_lots(in, doing, "DELETE FROM @.captures WHERE pipeline = $1 AND id = ANY ($2::bigint[])", PQgetvalue(lots, 0, 2), NULL);
  PQclear(lots);
  text_fini(&sql);
  return rc;
}

static int32_t forget(struct instance *in, const char *doing, const char *where, const char *param) {
  uint64_t lots = 1;
  int32_t rc = ETL_OK;
  while (rc == ETL_OK && lots > 0)
    rc = forget_some(in, doing, where, param, &lots);
  return rc;
}

static bool captures(const struct instance *in) { return in->capture.raw.table || in->capture.transformed.table; }

int32_t capture_drop(struct instance *in, const char *run) {
  return captures(in) ? forget(in, "removing captured records", "aside = $2", run) : ETL_OK;
}

static int32_t check_shape(struct instance *in, const struct capture_table *c, const struct shape *shape) {
  struct text sql = {0}, name = {0};
  PGresult *r = NULL;
  if (!c->table)
    return ETL_OK;
  sql_name(&name, c);
  text_addf(&sql, "SELECT c, t FROM (VALUES %s) AS v (c, t) WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_attribute WHERE attrelid = $1::regclass AND "
            "attname = c AND NOT attisdropped AND atttypid = t::regtype)", shape->check);
  const char *param = text_str(&name);
  int32_t rc = sql.failed || name.failed
                   ? out_of_memory(in)
                   : session_query(&in->session, "looking at tables for captured records", text_str(&sql), 1, &param, &r);
  if (rc == ETL_OK && PQntuples(r) > 0) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.remedy = "rename it, or name another table in capture";
    rc = etl_failf(in->host, &e, "postgres: the table %s cannot have captured records, as it has no column %s of type %s", param, PQgetvalue(r, 0, 0),
                   PQgetvalue(r, 0, 1));
  }
  PQclear(r);
  text_fini(&sql);
  text_fini(&name);
  return rc;
}

static int32_t create(void *self) {
  struct instance *in = self;
  const struct capture_table lots = {.schema = in->settings.state_schema, .table = (char[]){"captures"}};
  struct text sql = {0};
  text_add(&sql, "BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(7310868735421377); "); /* lanes of several pipelines come together */
  sql_create(&sql, &lots, lots_columns, (const char *const[]){"(pipeline, at)", "(pipeline, aside) WHERE aside <> ''", NULL});
  sql_create(&sql, &in->capture.raw, raw_shape.columns, (const char *const[]){raw_shape.index, NULL});
  sql_create(&sql, &in->capture.transformed, transformed_shape.columns, (const char *const[]){transformed_shape.index, NULL});
  text_add(&sql, "COMMIT");
  int32_t rc = session_connect(&in->session);
  if (rc == ETL_OK)
    rc = sql.failed ? out_of_memory(in) : session_run(&in->session, "making the tables for captured records", text_str(&sql));
  if (rc != ETL_OK)
    session_rollback(&in->session);
  text_fini(&sql);
  if (rc == ETL_OK)
    rc = check_shape(in, &in->capture.raw, &raw_shape);
  if (rc == ETL_OK)
    rc = check_shape(in, &in->capture.transformed, &transformed_shape);
  if (rc != ETL_OK || in->keep)
    return rc;
  return forget(in, "removing captured records of dead runs", "aside <> '' AND aside <> $2", in->run);
}

static int32_t lot(void *self, const struct etl_capture_lot *l, int64_t *ret_lot) {
  struct instance *in = self;
  char epoch[24];
  PGresult *r = NULL;
  snprintf(epoch, sizeof epoch, "%" PRIu64, l->epoch);
  int32_t rc = settle_pause(in);
  if (rc == ETL_OK)
    rc = state_query(in, "keeping captured records",
                     "INSERT INTO @.captures (pipeline, aside, run, stream, shard, epoch, table_stream) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                     "RETURNING id",
                     7, (const char *const[]){in->pipeline, cursors_scope(in), in->run, l->stream, l->shard, epoch, l->table_stream}, NULL, NULL, &r);
  if (rc == ETL_OK)
    *ret_lot = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
  PQclear(r);
  return rc;
}

/* ---- storing -------------------------------------------------------------------------------------------------------------------------- */

static void add_length(struct text *t, uint32_t n) {
  uint8_t bytes[4];
  put32(bytes, n);
  text_add_bytes(t, (const char *)bytes, sizeof bytes);
}

/* A value of binary COPY; NULL is NULL. */
static void add_value(struct text *t, const char *s) {
  size_t n = s ? strlen(s) : 0;
  add_length(t, s ? (uint32_t)n : UINT32_MAX);
  text_add_bytes(t, s ? s : "", n);
}

static void add_came(struct text *t, const struct etl_captured *c) {
  const char *data = c->data;
  uint64_t at_us = (uint64_t)(c->at_ns / 1000 - EPOCH_US);
  uint8_t head[2 + 2 * 12];
  for (uint64_t i = 0; i < c->n; i++, data += strlen(data) + 1) {
    put64(put32(put64(put32(put16(head, 4), 8), (uint64_t)c->id + i), 8), at_us);
    text_add_bytes(t, (const char *)head, sizeof head);
    add_value(t, c->source);
    add_value(t, data);
  }
}

static void add_went(struct text *t, const struct etl_captured *c) {
  const char *data = c->data;
  uint8_t head[2 + 3 * 12];
  for (uint64_t i = 0; i < c->n; i++, data += data ? strlen(data) + 1 : 0) {
    uint8_t *p = put64(put32(put16(head, 6), 8), (uint64_t)c->id + i);
    p = c->raw && c->raw[i] ? put64(put32(p, 8), (uint64_t)c->raw[i]) : put32(p, UINT32_MAX);
    p = c->row > 0 ? put64(put32(p, 8), (uint64_t)c->row + i) : put32(p, UINT32_MAX);
    text_add_bytes(t, (const char *)head, (size_t)(p - head));
    add_value(t, status_name(c->status));
    add_value(t, c->reason);
    add_value(t, data);
  }
}

static int32_t copy(struct instance *in, const struct capture_table *table, const char *columns, bool raw, const struct etl_captured *const *records,
                    uint64_t n) {
  static const char doing[] = "keeping captured records";
  struct text sql = {0}, rows = {0};
  int64_t stored;
  int32_t rc = ETL_OK;
  text_add_bytes(&rows, COPY_HEADER, COPY_HEADER_BYTES);
  for (uint64_t i = 0; i < n; i++)
    if (raw && !records[i]->status)
      add_came(&rows, records[i]);
    else if (!raw && records[i]->status)
      add_went(&rows, records[i]);
  bool any = rows.n > COPY_HEADER_BYTES;
  text_add_bytes(&rows, "\377\377", 2);
  text_add(&sql, "COPY ");
  sql_name(&sql, table);
  text_addf(&sql, " (%s) FROM STDIN (FORMAT binary)", columns);
  if (rows.failed || sql.failed)
    rc = out_of_memory(in);
  if (rc == ETL_OK && any)
    rc = session_run(&in->session, doing, text_str(&sql));
  if (rc == ETL_OK && any)
    rc = session_copy_data(&in->session, rows.p, rows.n);
  if (rc == ETL_OK && any)
    rc = session_copy_end(&in->session, doing, &stored);
  text_fini(&sql);
  text_fini(&rows);
  return rc;
}

static int32_t store(void *self, const struct etl_captured *const *records, uint64_t n) {
  struct instance *in = self;
  int32_t rc = settle_pause(in);
  if (rc == ETL_OK && in->capture.raw.table)
    rc = copy(in, &in->capture.raw, "id, captured_at, source, data", true, records, n);
  if (rc == ETL_OK && in->capture.transformed.table)
    rc = copy(in, &in->capture.transformed, "id, raw_id, row, status, reason, data", false, records, n);
  return rc;
}

/* from: "... AS n", with status and reason. */
static int32_t change(struct instance *in, const struct text *from, const char *where) {
  struct text sql = {0};
  text_add(&sql, "UPDATE ");
  sql_name(&sql, &in->capture.transformed);
  text_addf(&sql, " AS t SET row = NULL, status = n.status, reason = n.reason FROM %s WHERE %s", text_str(from), where);
  int32_t rc = sql.failed || from->failed ? out_of_memory(in) : session_run(&in->session, "correcting captured records", text_str(&sql));
  text_fini(&sql);
  return rc;
}

static int32_t revise(void *self, const struct etl_captured *const *records, uint64_t n) {
  struct instance *in = self;
  struct text from = {0};
  char where[100];
  int64_t low = INT64_MAX, high = 0;
  for (uint64_t i = 0; i < n; i++) {
    low = records[i]->id < low ? records[i]->id : low;
    high = records[i]->id > high ? records[i]->id : high;
    text_addf(&from, "%s (%" PRId64 ", '%s', ", i ? "," : "(VALUES", records[i]->id, status_name(records[i]->status));
    text_add_literal(&from, records[i]->reason);
    text_add(&from, ")");
  }
  text_add(&from, ") AS n (id, status, reason)");
  snprintf(where, sizeof where, "t.id = n.id AND t.id BETWEEN %" PRId64 " AND %" PRId64, low, high);
  int32_t rc = settle_pause(in);
  if (rc == ETL_OK)
    rc = change(in, &from, where);
  text_fini(&from);
  return rc;
}

void capture_refused(struct instance *in, const struct etl_rejected *r) {
  struct text *t = &in->capture.refused;
  const char *const texts[] = {r->stream, r->shard, r->table_stream, r->message};
  text_addf(t, "%s(%" PRIu64 ", %" PRId64, t->n ? ", " : "", r->epoch, r->row + 1);
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    text_add(t, ", ");
    text_add_literal(t, texts[i]);
  }
  text_add(t, ")");
}

/* All of them at once: there is no index to find one by. */
static int32_t change_refused(struct instance *in, const char *run) {
  struct text from = {0}, where = {0};
  if (!in->capture.transformed.table || in->capture.refused.n == 0)
    return ETL_OK;
  text_addf(&from,
            "(SELECT c.id AS lot, v.row, '%s' AS status, v.reason FROM (VALUES %s) AS v (epoch, row, stream, shard, table_stream, reason) JOIN ",
            status_name(ETL_CAPTURED_QUARANTINED), text_str(&in->capture.refused));
  sql_state(&from, in, "captures");
  text_add(&from, " AS c USING (epoch, stream, shard, table_stream) WHERE c.pipeline = ");
  text_add_literal(&from, in->pipeline);
  text_add(&from, " AND c.aside = ");
  text_add_literal(&from, run);
  text_add(&from, ") AS n");
  text_addf(&where, "t.id >> %d = n.lot AND t.row = n.row AND t.id >= (SELECT min(id) FROM ", ETL_CAPTURE_LOT_BITS);
  sql_state(&where, in, "captures");
  text_add(&where, " WHERE aside = ");
  text_add_literal(&where, run);
  text_addf(&where, ") << %d", ETL_CAPTURE_LOT_BITS);
  from.failed |= where.failed || in->capture.refused.failed;
  int32_t rc = change(in, &from, text_str(&where));
  text_fini(&from);
  text_fini(&where);
  return rc;
}

int32_t capture_adopt(struct instance *in, const char *run) {
  int32_t rc = change_refused(in, run);
  return rc == ETL_OK && captures(in)
             ? on_lots(in, "bringing captured records into sight", "UPDATE @.captures SET aside = '' WHERE pipeline = $1 AND aside = $2", run, NULL)
             : rc;
}

static int32_t prune(void *self, int64_t before_ns, uint64_t *ret_lots) {
  struct instance *in = self;
  char before[24];
  snprintf(before, sizeof before, "%" PRId64, before_ns / 1000);
  int32_t rc = session_connect(&in->session);
  return rc == ETL_OK ? forget_some(in, "deleting old captured records",
                                    "at < pg_catalog.to_timestamp(0) + $2::bigint * interval '1 microsecond'", before, ret_lots)
                      : rc;
}

const struct etl_capture postgres_capture = {
    .struct_size = sizeof postgres_capture, .tables = tables, .create = create, .lot = lot, .store = store, .revise = revise, .prune = prune};
