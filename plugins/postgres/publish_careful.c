/* The end of a run with rows that only the target refuses: a constraint, trigger or key that the staging table does not have.  What was staged
 * is taken as one careful epoch: numbered in the order in which it came, and merged in halves until the rows to blame stand alone (merge.c).
 * Those are stored here, in the transaction that publishes the others, with the epoch of the lane that staged them; the host only counts them.
 *
 * The rows as they came are gone by then: their raw form is made from what was staged. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"
#include "source_table.h"

#define NUMBER "\"etl: number\"" /* of a staged row as its lane counted it */

enum {
  EPOCH_SHIFT = 32, /* a number is the epoch before, and the row in this one */
  OWN_COLUMNS = 3   /* before those of the row: number, stream, shard */
};

struct staged_fields { /* how staged rows are read back */
  struct source_settings settings;
  struct source_table table;
};

void careful_fini(struct target *g) {
  if (!g->fields)
    return;
  source_table_fini(&g->fields->table);
  names_fini(&g->fields->settings.columns);
  free(g->fields);
  g->fields = NULL;
}

/* ---- taking all that was staged ---------------------------------------------------------------------------------------------------------- */

static int32_t describe(struct target *g) {
  struct text name = {0};
  careful_fini(g);
  if (!(g->fields = calloc(1, sizeof *g->fields)))
    return out_of_memory(g->in);
  struct names *names = &g->fields->settings.columns;
  if (!(names->list = calloc(g->columns.n + 1, sizeof *names->list)))
    return out_of_memory(g->in);
  for (; names->n < g->columns.n; names->n++)
    if (!(names->list[names->n] = strdup(g->columns.list[names->n].name)))
      return out_of_memory(g->in);
  stream_name(&name, g->into_schema, g->into);
  int32_t rc = name.failed ? out_of_memory(g->in)
                           : source_table_init(&g->fields->table, &g->in->session, &g->fields->settings, text_str(&name));
  text_fini(&name);
  etl_schema_release(&g->rows);
  return rc == ETL_OK ? source_table_schema(&g->fields->table, g->in->host, &g->rows) : rc;
}

int32_t careful_stage(struct target *g) {
  struct instance *in = g->in;
  struct text sql = {0};
  PGresult *r = NULL;
  int32_t rc = describe(g);
  text_addf(&sql, "CREATE TEMPORARY TABLE %s ON COMMIT DROP AS SELECT ", g->staging);
  sql_columns(&sql, &g->columns, "");
  text_add(&sql, ", pg_catalog.row_number() OVER (ORDER BY " MERGE_ROW ", " MERGE_LANE ") AS " MERGE_ROW ", " MERGE_ROW " AS " NUMBER ", " MERGE_LANE
                 " FROM ");
  sql_table(&sql, g);
  if (rc == ETL_OK)
    rc = sql.failed ? out_of_memory(in) : session_query(&in->session, "looking for the rows to blame", text_str(&sql), 0, NULL, &r);
  if (rc == ETL_OK)
    g->staged_rows = strtoll(PQcmdTuples(r), NULL, 10);
  PQclear(r);
  text_clear(&sql);
  text_addf(&sql, "CREATE UNIQUE INDEX ON pg_temp.%s (" MERGE_ROW "); ANALYZE pg_temp.%s", g->staging, g->staging);
  if (rc == ETL_OK)
    rc = run_text(in, "looking for the rows to blame", &sql);
  text_fini(&sql);
  g->staged = rc == ETL_OK;
  return rc;
}

/* ---- setting rows aside ------------------------------------------------------------------------------------------------------------------ */

static int32_t damaged(const struct target *g, const char *column) {
  struct etl_error e = ETL_ERROR(ETL_E_INTERNAL);
  return etl_failf(g->in->host, &e, "postgres: what the server sent for column \"%s\" of %s is not the binary form of its type", column, g->name);
}

/* A value that Arrow does not have was none of the source's, as it came by Arrow: it is NULL. */
static int32_t add_row(struct target *g, struct etl_batch *b, const PGresult *r, int row) {
  const struct source_table *t = &g->fields->table;
  if (etl_batch_row(b) < 0)
    return out_of_memory(g->in);
  for (size_t i = 0; i < t->n; i++) {
    int at = (int)i + OWN_COLUMNS;
    const struct field *f = &t->fields[i];
    enum decoded st = PQgetisnull(r, row, at) ? DECODED_REFUSED
                                              : f->type->decode(b, (int64_t)i, f, (const uint8_t *)PQgetvalue(r, row, at), (uint32_t)PQgetlength(r, row, at));
    if (st == DECODED_DAMAGED)
      return damaged(g, f->name);
    if (st == DECODED_NO_MEMORY || (st == DECODED_REFUSED && etl_batch_null(b, (int64_t)i) < 0))
      return out_of_memory(g->in);
  }
  return ETL_OK;
}

/* Owned. */
static int32_t read_raw(struct target *g, const PGresult *r, int row, char **ret) {
  struct etl_batch b;
  struct ArrowArray rows = {0};
  int32_t rc = etl_batch_init(&b, g->in->host, &g->rows, 1) < 0 ? out_of_memory(g->in) : add_row(g, &b, r, row);
  if (rc == ETL_OK && (etl_batch_finish(&b, &rows) < 0 || !(*ret = etl_row_json(&g->rows, &rows, 0))))
    rc = out_of_memory(g->in);
  etl_batch_fini(&b);
  etl_array_release(&rows);
  return rc;
}

/* [["name", "format", "extension"], ...]; owned. */
static char *columns_json(const struct ArrowSchema *s) {
  json_t *list = json_array();
  for (int64_t i = 0; i < s->n_children; i++) {
    uint64_t n = 0;
    const char *extension = etl_schema_meta(s->children[i], ETL_META_EXTENSION, &n);
    json_array_append_new(list, json_pack("[s, s, s#]", s->children[i]->name, s->children[i]->format, extension ? extension : "", (int)n));
  }
  char *text = json_dumps(list, 0);
  json_decref(list);
  return text;
}

static int32_t next_seq(struct instance *in, const struct etl_rejected *one, uint64_t *ret) {
  char epoch[24];
  PGresult *r;
  snprintf(epoch, sizeof epoch, "%" PRIu64, one->epoch);
  int32_t rc = state_query(in, "keeping a row that was set aside",
                           "SELECT coalesce(pg_catalog.max(seq), 0) + 1 FROM @.quarantine WHERE pipeline = $1 AND aside = $2 AND stream = $3 AND shard = $4 "
                           "AND epoch = $5::bigint",
                           5, (const char *const[]){in->pipeline, cursors_scope(in), one->stream, one->shard, epoch}, NULL, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  *ret = strtoull(PQgetvalue(r, 0, 0), NULL, 10);
  PQclear(r);
  return ETL_OK;
}

static int32_t store(struct instance *in, struct etl_rejected *one) {
  int32_t rc = next_seq(in, one, &one->seq);
  if (rc == ETL_OK)
    rc = quarantine_store(in, one);
  capture_refused(in, one);
  return rc == ETL_OK ? state_query(in, "counting the rows of a lane",
                                    "UPDATE @.cursors SET rows = rows - 1 WHERE pipeline = $1 AND aside = $2 AND stream = $3 AND shard = $4", 4,
                                    (const char *const[]){in->pipeline, cursors_scope(in), one->stream, one->shard}, NULL, NULL, NULL)
                      : rc;
}

static int32_t keep_row(struct target *g, const PGresult *r, int row, const struct etl_error *e, const char *why) {
  struct instance *in = g->in;
  uint64_t number = get64((const uint8_t *)PQgetvalue(r, row, 0));
  char *raw = NULL, *columns = columns_json(&g->rows);
  int32_t rc = columns ? read_raw(g, r, row, &raw) : out_of_memory(in);
  struct etl_bad_row bad = {.struct_size = sizeof bad,
                            .error_class = ETL_E_DATA,
                            .row = (int64_t)(number & UINT32_MAX) - 1,
                            .column = e->column,
                            .vendor_state = e->vendor_state,
                            .message = why,
                            .raw = {raw, raw ? strlen(raw) : 0},
                            .stream = g->stream,
                            .schema = &g->rows};
  struct etl_rejected one = {.struct_size = sizeof one,
                             .error_class = ETL_E_DATA,
                             .stream = PQgetvalue(r, row, 1),
                             .shard = PQgetvalue(r, row, 2),
                             .epoch = (number >> EPOCH_SHIFT) + 1,
                             .stage = "load",
                             .connector = "postgres",
                             .table_stream = g->stream,
                             .vendor_state = e->vendor_state,
                             .column = e->column >= 0 ? g->rows.children[e->column]->name : NULL,
                             .row = bad.row,
                             .message = why,
                             .raw = raw,
                             .columns = columns};
  if (rc == ETL_OK)
    rc = in->host->bad_row(in->host, &bad);
  if (rc == ETL_OK)
    rc = store(in, &one);
  free(columns);
  free(raw);
  return rc;
}

int32_t careful_reject(struct target *g, const char *where, const struct etl_error *e, const char *why) {
  const struct source_table *t = &g->fields->table;
  struct text sql = {0};
  PGresult *r = NULL;
  text_addf(&sql, "DELETE FROM pg_temp.%s WHERE %s RETURNING " NUMBER ", " MERGE_LANE "::json ->> 0, " MERGE_LANE "::json ->> 1", g->staging, where);
  for (size_t i = 0; i < t->n; i++) {
    text_add(&sql, ", ");
    text_add_name(&sql, t->fields[i].name);
    text_add(&sql, t->fields[i].as_text ? "::text" : "");
  }
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_query_values(&g->in->session, "setting rows aside", text_str(&sql), &r);
  text_fini(&sql);
  for (int i = 0; rc == ETL_OK && i < PQntuples(r); i++)
    rc = keep_row(g, r, i, e, why);
  PQclear(r);
  return rc;
}
