/* Merging: rows go into a temporary table of the session, then by key into the target.  The newest row of a key wins: by newest_by, else
 * the one that came last.  A column of the staging table counts the rows as they come: where the server stores them tells nothing, since
 * a short row may go into the room that a long one left.
 *
 * Merged with care, the staging table is halved until the rows that cannot be merged stand alone.  Parts are merged in the order in which
 * their rows came, so that what wins is the same as in one go; rows that refer to others which are not there are tried again behind them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

#define FOREIGN_KEY "23503" /* SQLSTATE */

void sql_staging(struct text *t, const struct target *g, const struct columns *columns) {
  text_addf(t, "CREATE TEMPORARY TABLE %s ON COMMIT DELETE ROWS AS SELECT ", g->staging);
  sql_columns(t, columns, "");
  text_add(t, ", 0::bigint AS " MERGE_ROW ", ''::text AS " MERGE_RAW " FROM ");
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

/* What was staged in a run goes to the target itself. */
static void sql_goal(struct text *t, const struct target *g) {
  if (g->in->stages)
    sql_target(t, g);
  else
    sql_table(t, g);
}

static void sql_staged(struct text *t, const struct target *g) {
  if (g->in->stages && !g->staged)
    sql_table(t, g);
  else
    text_addf(t, "pg_temp.%s", g->staging);
}

/* In key order, so that two lanes that meet the same rows lock them in the same order. */
void sql_merge(struct text *t, const struct target *g, const struct columns *columns, int64_t from, int64_t to) {
  text_add(t, "INSERT INTO ");
  sql_goal(t, g);
  text_add(t, " AS t (");
  sql_columns(t, columns, "");
  text_add(t, ") SELECT DISTINCT ON (");
  sql_names(t, g->key, "");
  text_add(t, ") ");
  sql_columns(t, columns, "");
  text_add(t, " FROM ");
  sql_staged(t, g);
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

int32_t merge_refuse_fewer(const struct target *g) {
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  e.remedy = "a trigger or rule of the table drops rows: load a table without it";
  return etl_failf(g->in->host, &e, "postgres: %s took fewer rows than it was given", g->name);
}

/* Rows that are only added; as many must arrive as were sent. */
static int32_t append_part(struct target *g, int64_t from, int64_t to) {
  struct text sql = {0}, where = {0};
  PGresult *r = NULL;
  if (to)
    text_addf(&where, " WHERE " MERGE_ROW " BETWEEN %" PRId64 " AND %" PRId64, from, to);
  text_add(&sql, "WITH added AS (INSERT INTO ");
  sql_goal(&sql, g);
  text_add(&sql, " (");
  sql_columns(&sql, &g->columns, "");
  text_add(&sql, ") OVERRIDING SYSTEM VALUE SELECT ");
  sql_columns(&sql, &g->columns, "");
  text_addf(&sql, " FROM pg_temp.%s%s ORDER BY " MERGE_ROW " RETURNING 1) SELECT (SELECT count(*) FROM added) = (SELECT count(*) FROM pg_temp.%s%s)",
            g->staging, text_str(&where), g->staging, text_str(&where));
  int32_t rc = sql.failed || where.failed ? out_of_memory(g->in) : session_query(&g->in->session, "adding rows", text_str(&sql), 0, NULL, &r);
  if (rc == ETL_OK && *PQgetvalue(r, 0, 0) != 't')
    rc = merge_refuse_fewer(g);
  PQclear(r);
  text_fini(&sql);
  text_fini(&where);
  return rc;
}

static int32_t ask(struct target *g, const char *doing, struct text *sql, bool *ret) {
  PGresult *r = NULL;
  int32_t rc = sql->failed ? out_of_memory(g->in) : session_query(&g->in->session, doing, text_str(sql), 0, NULL, &r);
  if (rc == ETL_OK)
    *ret = *PQgetvalue(r, 0, 0) == 't';
  PQclear(r);
  text_clear(sql);
  return rc;
}

int32_t merge_check_there(struct target *g, int64_t from, int64_t to) {
  static const char doing[] = "looking for rows that a trigger left out";
  struct text sql = {0}, goal = {0};
  bool may = false, gone = false;
  sql_goal(&goal, g);
  text_add(&sql, "SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_trigger WHERE NOT tgisinternal AND tgtype & 7 = 7 AND tgrelid = "); /* each row, BEFORE INSERT */
  text_add_literal(&sql, text_str(&goal));
  text_add(&sql, "::pg_catalog.regclass)");
  sql.failed |= goal.failed;
  int32_t rc = ask(g, doing, &sql, &may);
  text_add(&sql, "SELECT EXISTS (SELECT 1 FROM ");
  sql_staged(&sql, g);
  text_addf(&sql, " AS s WHERE NOT EXISTS (SELECT 1 FROM %s AS t WHERE true", text_str(&goal));
  for (size_t i = 0; i < g->key->n; i++) {
    text_add(&sql, " AND t.");
    text_add_name(&sql, g->key->list[i]);
    text_add(&sql, " = s.");
    text_add_name(&sql, g->key->list[i]);
  }
  text_add(&sql, ")");
  if (to)
    text_addf(&sql, " AND s." MERGE_ROW " BETWEEN %" PRId64 " AND %" PRId64, from, to);
  text_add(&sql, ")");
  if (rc == ETL_OK && may)
    rc = ask(g, doing, &sql, &gone);
  text_fini(&sql);
  text_fini(&goal);
  return rc == ETL_OK && gone ? merge_refuse_fewer(g) : rc;
}

static int32_t merge_part(struct target *g, int64_t from, int64_t to) {
  struct text sql = {0};
  PGresult *r = NULL;
  if (!mode_merges(g->mode))
    return append_part(g, from, to);
  sql_merge(&sql, g, &g->columns, from, to);
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_query(&g->in->session, "merging", text_str(&sql), 0, NULL, &r);
  text_fini(&sql);
  bool fewer = rc == ETL_OK && strtoll(PQcmdTuples(r), NULL, 10) < (to ? to - from + 1 : g->staged_rows);
  PQclear(r);
  return fewer ? merge_check_there(g, from, to) : rc;
}

int32_t merge_all(struct target *g) {
  int32_t rc = mode_merges(g->mode) ? check_keys(g) : ETL_OK;
  return rc == ETL_OK ? merge_part(g, 0, 0) : rc;
}

/* ---- with care -------------------------------------------------------------------------------------------------------------------------- */

static int64_t column_index(const struct target *g, const char *name) { return name ? etl_schema_find(&g->rows, name) : -1; }

/* Sets staged rows aside: those for which where holds. */
static int32_t reject_where(struct target *g, const char *where, const struct etl_error *e, const char *why) {
  struct instance *in = g->in;
  if (in->stages)
    return careful_reject(g, where, e, why);
  struct text sql = {0};
  PGresult *r = NULL;
  text_addf(&sql, "WITH gone AS (DELETE FROM pg_temp.%s WHERE %s RETURNING " MERGE_ROW ", " MERGE_RAW ") SELECT * FROM gone ORDER BY 1", g->staging,
            where);
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

/* In one go, as a plain epoch would: rows may need each other, in any order. */
static int32_t try_all(void *arg) {
  struct instance *in = arg;
  int32_t rc = ETL_OK;
  for (struct target *g = in->targets; g && rc == ETL_OK; g = g->next)
    rc = g->staged_rows ? merge_part(g, 0, 0) : ETL_OK;
  return rc == ETL_OK ? session_run(&in->session, "checking constraints", "SET CONSTRAINTS ALL IMMEDIATE") : rc;
}

/* One pass over what is staged.  Rows that lack one they refer to stay for the next pass, as that may come behind them. */
struct pass {
  struct target *g;
  int64_t from, to; /* the part in hand */
  bool backward;    /* parts are taken from the last to the first */
  bool last;        /* nothing stays */
  int64_t stayed;
  bool changed;     /* rows were merged after one stayed */
};

/* Rows that are merged have numbers below 0. */
static int32_t try_part(void *arg) {
  struct pass *p = arg;
  struct session *s = &p->g->in->session;
  char sql[160];
  PGresult *r = NULL;
  int32_t rc = merge_part(p->g, p->from, p->to);
  if (rc != ETL_OK)
    return rc;
  snprintf(sql, sizeof sql, "UPDATE pg_temp.%s SET " MERGE_ROW " = -" MERGE_ROW " WHERE " MERGE_ROW " BETWEEN %" PRId64 " AND %" PRId64,
           p->g->staging, p->from, p->to);
  rc = session_query(s, "merging", sql, 0, NULL, &r);
  if (rc == ETL_OK)
    p->changed |= p->stayed && strcmp(PQcmdTuples(r), "0") != 0;
  PQclear(r);
  return rc;
}

static int32_t refuse_one(struct pass *p) {
  struct target *g = p->g;
  const struct trouble *t = &g->in->session.trouble;
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  char where[80];
  if (!p->last && t->state && strcmp(t->state, FOREIGN_KEY) == 0) {
    p->stayed++;
    return ETL_OK;
  }
  e.vendor_state = t->state;
  e.column = (int32_t)column_index(g, t->column);
  snprintf(where, sizeof where, MERGE_ROW " = %" PRId64, p->from);
  return reject_where(g, where, &e, t->message ? t->message : "no memory for the reason");
}

static int32_t merge_range(struct pass *p, int64_t from, int64_t to) {
  p->from = from;
  p->to = to;
  int32_t rc = settle_try(p->g->in, try_part, p);
  if (rc != ETL_IDLE)
    return rc;
  if (from == to)
    return refuse_one(p);
  int64_t middle = from + (to - from) / 2;
  rc = p->backward ? merge_range(p, middle + 1, to) : merge_range(p, from, middle);
  if (rc != ETL_OK)
    return rc;
  return p->backward ? merge_range(p, from, middle) : merge_range(p, middle + 1, to);
}

/* A row that stayed must not come over a newer one of its key that is merged by now. */
static int32_t drop_outdated(struct target *g) {
  struct text sql = {0};
  if (!mode_updates(g->mode))
    return ETL_OK;
  text_addf(&sql, "DELETE FROM pg_temp.%s AS s USING pg_temp.%s AS d WHERE s." MERGE_ROW " > 0 AND -d." MERGE_ROW " > s." MERGE_ROW, g->staging,
            g->staging);
  for (size_t i = 0; i < g->key->n + !!g->newest_by; i++) {
    const char *name = i < g->key->n ? g->key->list[i] : g->newest_by; /* whose order the merge itself keeps, but for equal ones */
    text_add(&sql, " AND d.");
    text_add_name(&sql, name);
    text_add(&sql, " IS NOT DISTINCT FROM s.");
    text_add_name(&sql, name);
  }
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_run(&g->in->session, "merging", text_str(&sql));
  text_fini(&sql);
  return rc;
}

static int32_t merge_pass(struct instance *in, struct pass *p, bool first) {
  int32_t rc = ETL_OK;
  for (p->g = in->targets; p->g && rc == ETL_OK; p->g = p->g->next) {
    if (p->g->staged_rows == 0)
      continue;
    rc = first ? ETL_OK : drop_outdated(p->g);
    if (rc == ETL_OK)
      rc = merge_range(p, 1, p->g->staged_rows);
  }
  return rc;
}

/* Every constraint is looked at with the row that may break it. */
static int32_t merge_strictly(struct instance *in) {
  struct pass p = {0};
  int32_t rc = session_run(&in->session, "checking constraints", "SET CONSTRAINTS ALL IMMEDIATE");
  if (rc == ETL_OK)
    rc = merge_pass(in, &p, true);
  while (rc == ETL_OK && p.stayed) {
    p = (struct pass){.backward = !p.backward, .last = !p.changed};
    rc = merge_pass(in, &p, false);
  }
  return rc;
}

static int32_t reject_keyless(struct instance *in) {
  int32_t rc = ETL_OK;
  for (struct target *g = in->targets; g && rc == ETL_OK; g = g->next)
    rc = g->staged_rows && mode_merges(g->mode) ? reject_null_keys(g) : ETL_OK;
  return rc;
}

int32_t merge_careful(struct instance *in) {
  if (in->stages)
    return ETL_OK;
  int32_t rc = reject_keyless(in);
  if (rc == ETL_OK)
    rc = settle_try(in, try_all, in);
  return rc == ETL_IDLE ? merge_strictly(in) : rc;
}

int32_t merge_parts(struct instance *in) {
  int32_t rc = reject_keyless(in);
  return rc == ETL_OK ? merge_strictly(in) : rc;
}
