/* Rows that were set aside: stored with their epoch, told and dropped again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

static const char *const class_names[] = {
  [ETL_E_CONFIG] = "config",       [ETL_E_AUTH] = "auth",       [ETL_E_RETRYABLE] = "retryable",     [ETL_E_DATA] = "data",
  [ETL_E_SCHEMA] = "schema",       [ETL_E_INDOUBT] = "indoubt", [ETL_E_FENCED] = "fenced",           [ETL_E_PERMANENT] = "permanent",
  [ETL_E_UNSUPPORTED] = "unsupported", [ETL_E_INTERNAL] = "internal"};
enum { CLASSES = sizeof class_names / sizeof *class_names };

static const char *class_name(uint32_t c) { return c > 0 && c < CLASSES ? class_names[c] : "data"; }

static uint32_t class_of(const char *name) {
  for (uint32_t c = 1; c < CLASSES; c++)
    if (strcmp(class_names[c], name) == 0)
      return c;
  return ETL_E_DATA;
}

/* ---- storing ---------------------------------------------------------------------------------------------------------------------------- */

int32_t quarantine_store(struct instance *in, const struct etl_rejected *r) {
  char epoch[24], seq[24], code[24], row[24];
  snprintf(epoch, sizeof epoch, "%" PRIu64, r->epoch);
  snprintf(seq, sizeof seq, "%" PRIu64, r->seq);
  snprintf(code, sizeof code, "%" PRId64, r->vendor_code);
  snprintf(row, sizeof row, "%" PRId64, r->row);
  const char *params[] = {in->pipeline, cursors_scope(in), in->run, r->stream, r->shard, epoch, seq, r->stage, r->connector, r->table_stream, class_name(r->error_class),
                          r->vendor_code ? code : NULL, r->vendor_state, r->column, r->row >= 0 ? row : NULL, r->message, r->raw, r->columns};
  return state_query(in, "keeping a row that was set aside",
                     "INSERT INTO @.quarantine (pipeline, aside, run, stream, shard, epoch, seq, stage, connector, table_stream, error_class, vendor_code, "
                     "vendor_state, column_name, row, message, raw, columns) VALUES ($1, $2, $3, $4, $5, $6::bigint, $7::bigint, $8, $9, $10, $11, "
                     "$12::bigint, $13, $14, $15::bigint, $16, $17::json, $18::json)",
                     (int)(sizeof params / sizeof *params), params, NULL, NULL, NULL);
}

/* What came before for the same epoch was never committed together with it, or is of a life before a full refresh. */
static int32_t forget(struct instance *in, const struct etl_rejected *r) {
  char epoch[24];
  snprintf(epoch, sizeof epoch, "%" PRIu64, r->epoch);
  return state_query(in, "replacing rows that were set aside",
                     "DELETE FROM @.quarantine WHERE pipeline = $1 AND stream = $2 AND shard = $3 AND epoch = $4::bigint AND aside = $5", 5,
                     (const char *const[]){in->pipeline, r->stream, r->shard, epoch, cursors_scope(in)}, NULL, NULL, NULL);
}

int32_t quarantine_reject(struct instance *in, const struct etl_rejected *const *rows, uint64_t n) {
  int32_t rc = ETL_OK;
  for (uint64_t i = 0; i < n && rc == ETL_OK; i++) {
    bool first = i == 0 || rows[i]->epoch != rows[i - 1]->epoch || strcmp(rows[i]->shard, rows[i - 1]->shard) != 0 ||
                 strcmp(rows[i]->stream, rows[i - 1]->stream) != 0;
    rc = first ? forget(in, rows[i]) : ETL_OK;
    if (rc == ETL_OK)
      rc = quarantine_store(in, rows[i]);
  }
  return rc;
}

/* ---- telling ---------------------------------------------------------------------------------------------------------------------------- */

static const char *text_at(const PGresult *r, int row, int column) { return PQgetisnull(r, row, column) ? NULL : PQgetvalue(r, row, column); }
static int64_t number_at(const PGresult *r, int row, int column, int64_t none) {
  return PQgetisnull(r, row, column) ? none : strtoll(PQgetvalue(r, row, column), NULL, 10);
}

static int32_t tell(const PGresult *r, int i, int32_t (*each)(void *arg, const struct etl_kept *), void *arg) {
  struct etl_rejected rejected = {.struct_size = sizeof rejected,
                                  .stream = PQgetvalue(r, i, 3),
                                  .shard = PQgetvalue(r, i, 4),
                                  .epoch = (uint64_t)number_at(r, i, 5, 0),
                                  .seq = (uint64_t)number_at(r, i, 6, 0),
                                  .stage = PQgetvalue(r, i, 7),
                                  .connector = PQgetvalue(r, i, 8),
                                  .table_stream = PQgetvalue(r, i, 9),
                                  .error_class = class_of(PQgetvalue(r, i, 10)),
                                  .vendor_code = number_at(r, i, 11, 0),
                                  .vendor_state = text_at(r, i, 12),
                                  .column = text_at(r, i, 13),
                                  .row = number_at(r, i, 14, -1),
                                  .message = PQgetvalue(r, i, 15),
                                  .raw = PQgetvalue(r, i, 16),
                                  .columns = text_at(r, i, 17)};
  struct etl_kept kept = {.struct_size = sizeof kept,
                          .id = (uint64_t)number_at(r, i, 0, 0),
                          .run = PQgetvalue(r, i, 1),
                          .at_ns = number_at(r, i, 2, 0) * 1000,
                          .rejected = &rejected};
  return each(arg, &kept);
}

static int32_t list(void *self, uint64_t after, uint64_t limit, int32_t (*each)(void *arg, const struct etl_kept *), void *arg) {
  struct instance *in = self;
  char from[24], count[24];
  bool there = false;
  PGresult *r;
  int32_t rc = session_connect(&in->session);
  if (rc == ETL_OK)
    rc = state_exists(in, &there);
  if (rc != ETL_OK || !there)
    return rc;
  snprintf(from, sizeof from, "%" PRIu64, after);
  snprintf(count, sizeof count, "%" PRIu64, limit);
  rc = state_query(in, "listing rows that were set aside",
                   "SELECT id, run, (extract(epoch FROM at) * 1000000)::bigint, stream, shard, epoch, seq, stage, connector, table_stream, error_class, "
                   "vendor_code, vendor_state, column_name, row, message, raw, columns FROM @.quarantine WHERE pipeline = $1 AND aside = '' AND id > $2::bigint ORDER BY id "
                   "LIMIT nullif($3::bigint, 0)",
                   3, (const char *const[]){in->pipeline, from, count}, NULL, NULL, &r);
  for (int i = 0; rc == ETL_OK && i < PQntuples(r); i++)
    rc = tell(r, i, each, arg);
  PQclear(r);
  return rc;
}

/* Between begin() and commit() a new session would drop them for good, whatever becomes of the epoch. */
static int32_t connect(struct instance *in) {
  return in->in_epoch && session_lost(&in->session) ? session_fail(&in->session, "dropping rows that were set aside", NULL) : instance_connect(in);
}

static int32_t drop(void *self, const uint64_t *ids, uint64_t n, uint64_t *ret_dropped) {
  struct instance *in = self;
  struct text array = {0};
  bool there = false;
  PGresult *r = NULL;
  int32_t rc = connect(in);
  if (rc == ETL_OK)
    rc = state_exists(in, &there);
  *ret_dropped = 0;
  if (rc != ETL_OK || !there)
    return rc;
  text_add(&array, "{");
  for (uint64_t i = 0; i < n; i++)
    text_addf(&array, "%s%" PRIu64, i ? "," : "", ids[i]);
  text_add(&array, "}");
  rc = array.failed ? out_of_memory(in)
                    : state_query(in, "dropping rows that were set aside",
                                  "DELETE FROM @.quarantine WHERE pipeline = $1 AND aside = '' AND ($2::bigint[] IS NULL OR id = ANY ($2::bigint[]))", 2,
                                  (const char *const[]){in->pipeline, ids ? text_str(&array) : NULL}, NULL, NULL, &r);
  text_fini(&array);
  if (rc == ETL_OK)
    *ret_dropped = strtoull(PQcmdTuples(r), NULL, 10);
  PQclear(r);
  return rc;
}

const struct etl_quarantine postgres_quarantine = {.struct_size = sizeof postgres_quarantine, .list = list, .drop = drop};
