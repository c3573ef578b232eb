/* Merging: rows go into a temporary table of the session, then by key into the target.  The newest row of a key wins: by newest_by, else
 * the one that came last.  A column of the staging table counts the rows as they come: where the server stores them tells nothing, since
 * a short row may go into the room that a long one left.
 *
 * Merged with care, the staging table is halved until the rows that cannot be merged stand alone.  Parts are merged in the order in which
 * their rows came, so that what wins is the same as in one go. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

void sql_staging(struct text *t, const struct target *g, const struct columns *columns) {
  text_addf(t, "CREATE TEMPORARY TABLE %s ON COMMIT DELETE ROWS AS SELECT ", g->staging);
  sql_columns(t, columns, "");
  text_add(t, ", 0::bigint AS " MERGE_ROW " FROM ");
  sql_table(t, g);
  text_add(t, " WITH NO DATA");
}

static void add_assignments(struct text *t, const struct target *g, const struct columns *columns) {
  size_t n = 0;
  for (size_t i = 0; i < columns->n && mode_updates(g->mode); i++) {
    if (names_has(g->key, columns->list[i].name))
      continue;
    text_add(t, n++ ? ", " : " DO UPDATE SET ");
    text_add_name(t, columns->list[i].name);
    text_add(t, " = excluded.");
    text_add_name(t, columns->list[i].name);
  }
  if (n == 0) {
    text_add(t, " DO NOTHING");
  } else if (g->newest_by) { /* NULL is the smallest */
    text_add(t, " WHERE t.");
    text_add_name(t, g->newest_by);
    text_add(t, " IS NULL OR excluded.");
    text_add_name(t, g->newest_by);
    text_add(t, " >= t.");
    text_add_name(t, g->newest_by);
  }
}

/* In key order, so that two lanes that meet the same rows lock them in the same order. */
void sql_merge(struct text *t, const struct target *g, const struct columns *columns, int64_t from, int64_t to) {
  text_add(t, "INSERT INTO ");
  if (g->in->stages)
    sql_target(t, g);
  else
    sql_table(t, g);
  text_add(t, " AS t (");
  sql_columns(t, columns, "");
  text_add(t, ") SELECT DISTINCT ON (");
  sql_names(t, g->key, "");
  text_add(t, ") ");
  sql_columns(t, columns, "");
  text_add(t, " FROM ");
  if (g->in->stages)
    sql_table(t, g);
  else
    text_addf(t, "pg_temp.%s", g->staging);
  if (to)
    text_addf(t, " WHERE " MERGE_ROW " BETWEEN %" PRId64 " AND %" PRId64, from, to);
  text_add(t, " ORDER BY ");
  sql_names(t, g->key, "");
  if (g->newest_by) {
    text_add(t, ", ");
    text_add_name(t, g->newest_by);
    text_add(t, " DESC NULLS LAST");
  }
  text_add(t, mode_updates(g->mode) ? ", " MERGE_ROW " DESC ON CONFLICT (" : ", " MERGE_ROW " ON CONFLICT (");
  sql_names(t, g->key, "");
  text_add(t, ")");
  add_assignments(t, g, columns);
}

/* ---- in one go -------------------------------------------------------------------------------------------------------------------------- */

static int32_t check_keys(struct target *g) {
  struct instance *in = g->in;
  struct text sql = {0};
  PGresult *r = NULL;
  text_add(&sql, "SELECT ");
  for (size_t i = 0; i < g->key->n; i++) {
    text_addf(&sql, "%smin(" MERGE_ROW ") FILTER (WHERE ", i ? ", " : "");
    text_add_name(&sql, g->key->list[i]);
    text_add(&sql, " IS NULL)");
  }
  text_addf(&sql, " FROM pg_temp.%s", g->staging);
  int32_t rc = sql.failed ? out_of_memory(in) : session_query(&in->session, "looking for keys that are NULL", text_str(&sql), 0, NULL, &r);
  text_fini(&sql);
  if (rc != ETL_OK)
    return rc;
  for (size_t i = 0; i < g->key->n && rc == ETL_OK; i++)
    if (!PQgetisnull(r, 0, (int)i)) {
      struct etl_error e = ETL_ERROR(ETL_E_DATA);
      e.remedy = "leave such rows out at the source, or choose a key that is never NULL";
      rc = etl_failf(in->host, &e, "postgres: %s: row %s of the epoch has NULL in the key column \"%s\"", g->name, PQgetvalue(r, 0, (int)i),
                     g->key->list[i]);
    }
  PQclear(r);
  return rc;
}

static int32_t merge_part(struct target *g, int64_t from, int64_t to) {
  struct text sql = {0};
  sql_merge(&sql, g, &g->columns, from, to);
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_run(&g->in->session, "merging", text_str(&sql));
  text_fini(&sql);
  return rc;
}

int32_t merge_all(struct target *g) {
  int32_t rc = check_keys(g);
  return rc == ETL_OK ? merge_part(g, 0, 0) : rc;
}

/* ---- with care -------------------------------------------------------------------------------------------------------------------------- */

static int64_t column_index(const struct target *g, const char *name) { return name ? etl_schema_find(&g->rows, name) : -1; }

/* A column of "gone" so that row_to_json() writes it as etl_row_json() does. */
static void add_shown(struct text *t, const struct column *c) {
  bool zone = c->f.logical == ETL_L_TIMESTAMP && c->f.tz,
       text = c->f.logical == ETL_L_DECIMAL || c->f.logical == ETL_L_STRING || c->f.logical == ETL_L_JSON;
  text_add(t, zone ? "pg_catalog.to_json(gone." : "gone.");
  text_add_name(t, c->name);
  text_add(t, zone ? " AT TIME ZONE 'UTC') #>> '{}' || 'Z' AS " : text ? "::text AS " : c->f.logical == ETL_L_DATE ? "::date AS " : " AS ");
  text_add_name(t, c->name);
}

/* Sets staged rows aside: those for which where holds. */
static int32_t reject_where(struct target *g, const char *where, const struct etl_error *e, const char *why) {
  struct instance *in = g->in;
  struct text sql = {0};
  PGresult *r = NULL;
  text_add(&sql, "WITH gone AS (DELETE FROM pg_temp.");
  text_addf(&sql, "%s WHERE %s RETURNING *) SELECT gone." MERGE_ROW ", pg_catalog.row_to_json(r) FROM gone, LATERAL (SELECT ", g->staging, where);
  for (size_t i = 0; i < g->columns.n; i++) {
    text_add(&sql, i ? ", " : "");
    add_shown(&sql, &g->columns.list[i]);
  }
  text_add(&sql, ") r ORDER BY 1");
  int32_t rc = sql.failed ? out_of_memory(in) : session_query(&in->session, "setting rows aside", text_str(&sql), 0, NULL, &r);
  text_fini(&sql);
  for (int i = 0; rc == ETL_OK && i < PQntuples(r); i++) {
    const char *raw = PQgetvalue(r, i, 1);
    struct etl_bad_row bad = {.struct_size = sizeof bad,
                              .error_class = ETL_E_DATA,
                              .row = strtoll(PQgetvalue(r, i, 0), NULL, 10) - 1,
                              .column = e->column,
                              .vendor_state = e->vendor_state,
                              .message = why,
                              .raw = {raw, strlen(raw)},
                              .stream = g->stream,
                              .schema = &g->rows};
    rc = in->host->bad_row(in->host, &bad);
    in->written--;
  }
  PQclear(r);
  return rc;
}

static int32_t reject_null_keys(struct target *g) {
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < g->key->n && rc == ETL_OK; i++) {
    struct etl_error e = ETL_ERROR(ETL_E_DATA);
    struct text where = {0}, why = {0};
    e.column = (int32_t)column_index(g, g->key->list[i]);
    text_add_name(&where, g->key->list[i]);
    text_add(&where, " IS NULL");
    text_addf(&why, "postgres: %s: NULL in the key column \"%s\"", g->name, g->key->list[i]);
    rc = where.failed || why.failed ? out_of_memory(g->in) : reject_where(g, text_str(&where), &e, text_str(&why));
    text_fini(&where);
    text_fini(&why);
  }
  return rc;
}

struct part {
  struct target *g;
  int64_t from, to;
};

static int32_t try_part(void *arg) {
  const struct part *p = arg;
  return merge_part(p->g, p->from, p->to);
}

static int32_t reject_one(struct target *g, int64_t row) {
  const struct trouble *t = &g->in->session.trouble;
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  char where[80];
  e.vendor_state = t->state;
  e.column = (int32_t)column_index(g, t->column);
  snprintf(where, sizeof where, MERGE_ROW " = %" PRId64, row);
  return reject_where(g, where, &e, t->message ? t->message : "no memory for the reason");
}

static int32_t merge_range(struct target *g, int64_t from, int64_t to) {
  struct part p = {g, from, to};
  int32_t rc = settle_try(g->in, try_part, &p);
  if (rc != ETL_IDLE)
    return rc;
  if (from == to)
    return reject_one(g, from);
  int64_t middle = from + (to - from) / 2;
  rc = merge_range(g, from, middle);
  return rc == ETL_OK ? merge_range(g, middle + 1, to) : rc;
}

int32_t merge_careful(struct target *g) {
  int32_t rc = reject_null_keys(g);
  return rc == ETL_OK ? merge_range(g, 1, g->staged_rows) : rc;
}
