/* The end of a run whose rows were staged: how they come from the staging tables to where they belong, in the transaction in hand. */
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

/* ---- by mode ------------------------------------------------------------------------------------------------------------------------- */

/* Columns that both tables have; only names are set. */
static int32_t common_columns(struct target *g, struct columns *ret) {
  struct session *s = &g->in->session;
  struct table staging = {0}, target = {0};
  int32_t rc = table_read(s, g->into_schema, g->into, &staging);
  if (rc == ETL_OK)
    rc = table_read(s, g->schema, g->table, &target);
  if (rc == ETL_OK && !(ret->list = calloc(staging.n + 1, sizeof *ret->list)))
    rc = out_of_memory(g->in);
  for (size_t i = 0; i < staging.n && rc == ETL_OK; i++) {
    const struct attribute *a = table_find(&target, staging.list[i].name);
    if (!a || a->generated)
      continue;
    if (!(ret->list[ret->n].name = strdup(a->name)))
      rc = out_of_memory(g->in);
    ret->n++;
  }
  table_fini(&staging);
  table_fini(&target);
  return rc;
}

static void add_same_key(struct text *sql, const struct target *g) {
  text_add(sql, "EXISTS (SELECT 1 FROM ");
  sql_table(sql, g);
  text_add(sql, " AS s WHERE ");
  for (size_t i = 0; i < g->key->n; i++) {
    text_add(sql, i ? " AND s." : "s.");
    text_add_name(sql, g->key->list[i]);
    text_add(sql, " = t.");
    text_add_name(sql, g->key->list[i]);
  }
  text_add(sql, ")");
}

/* A row that was set aside did come: it is not missing, and nobody knows which of the target's it is. */
static int32_t set_aside(struct target *g, const char *run, bool *ret) {
  PGresult *r;
  int32_t rc = state_query(g->in, "counting rows that were set aside", "SELECT count(*) FROM @.quarantine WHERE pipeline = $1 AND aside = $2", 2,
                           (const char *const[]){g->in->pipeline, run}, NULL, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  *ret = strcmp(PQgetvalue(r, 0, 0), "0") != 0;
  if (*ret)
    etl_logf(g->in->host, ETL_LOG_WARN,
             "postgres: nothing is deleted from %s: %s rows of this run were set aside, and may be among those that seem missing",
             g->name, PQgetvalue(r, 0, 0));
  PQclear(r);
  return ETL_OK;
}

static int32_t delete_missing(struct target *g, const char *run, struct text *sql) {
  bool skip = false;
  int32_t rc = set_aside(g, run, &skip);
  if (rc != ETL_OK || skip)
    return rc;
  text_add(sql, g->deleted_at ? "UPDATE " : "DELETE FROM ");
  sql_target(sql, g);
  if (g->deleted_at) {
    text_add(sql, " AS t SET ");
    text_add_name(sql, g->deleted_at);
    text_add(sql, " = pg_catalog.now() WHERE t.");
    text_add_name(sql, g->deleted_at);
    text_add(sql, " IS NULL AND NOT ");
  } else {
    text_add(sql, " AS t WHERE NOT ");
  }
  add_same_key(sql, g);
  return run_text(g->in, "deleting what is missing", sql);
}

static int32_t bring_back(struct target *g, struct text *sql) {
  if (!g->deleted_at)
    return ETL_OK;
  text_add(sql, "UPDATE ");
  sql_target(sql, g);
  text_add(sql, " AS t SET ");
  text_add_name(sql, g->deleted_at);
  text_add(sql, " = NULL WHERE t.");
  text_add_name(sql, g->deleted_at);
  text_add(sql, " IS NOT NULL AND ");
  add_same_key(sql, g);
  return run_text(g->in, "bringing rows back", sql);
}

void sql_publish(struct text *sql, const struct target *g, const struct columns *columns) {
  if (mode_merges(g->mode)) {
    sql_merge(sql, g, columns, 0, 0);
    return;
  }
  text_add(sql, "INSERT INTO ");
  sql_target(sql, g);
  text_add(sql, " (");
  sql_columns(sql, columns, "");
  text_add(sql, ") SELECT ");
  sql_columns(sql, columns, "");
  text_add(sql, " FROM ");
  sql_table(sql, g);
}

/* Of rows that are only added as many must arrive as were staged; of the others, those of all keys. */
static int32_t bring_rows(struct target *g, struct text *sql) {
  struct instance *in = g->in;
  static const char doing[] = "bringing the run's rows to the target";
  PGresult *added = NULL, *staged = NULL;
  if (mode_merges(g->mode)) {
    int32_t merged = run_text(in, doing, sql);
    return merged == ETL_OK ? merge_check_there(g, 0, 0) : merged;
  }
  int32_t rc = sql->failed ? out_of_memory(in) : session_query(&in->session, doing, text_str(sql), 0, NULL, &added);
  text_clear(sql);
  text_add(sql, "SELECT count(*) FROM ");
  sql_table(sql, g);
  if (rc == ETL_OK)
    rc = sql->failed ? out_of_memory(in) : session_query(&in->session, doing, text_str(sql), 0, NULL, &staged);
  if (rc == ETL_OK && strcmp(PQcmdTuples(added), PQgetvalue(staged, 0, 0)) != 0)
    rc = merge_refuse_fewer(g);
  PQclear(added);
  PQclear(staged);
  text_clear(sql);
  return rc;
}

static int32_t publish_rows(struct target *g) {
  struct columns columns = {0};
  struct text sql = {0};
  int32_t rc = common_columns(g, &columns);
  text_add(&sql, "ANALYZE "); /* nobody else has looked at this table, and plans are made from what is known */
  sql_table(&sql, g);
  if (rc == ETL_OK)
    rc = run_text(g->in, "looking at what was staged", &sql);
  sql_publish(&sql, g, &columns);
  if (rc == ETL_OK)
    rc = bring_rows(g, &sql);
  if (rc == ETL_OK && g->mode == MODE_DELETE_MISSING)
    rc = bring_back(g, &sql);
  columns_fini(&columns);
  text_fini(&sql);
  return rc;
}

/* From the last one back: what refers to others goes before them. */
static int32_t delete_from(struct target *g, const char *run) {
  if (!g)
    return ETL_OK;
  struct text sql = {0};
  int32_t rc = delete_from(g->next, run);
  if (rc == ETL_OK && g->mode == MODE_DELETE_MISSING)
    rc = delete_missing(g, run, &sql);
  text_fini(&sql);
  return rc;
}

struct publishing {
  struct instance *in;
  const char *run;
};

/* Constraints that would be looked at by COMMIT are looked at here, where a row can still be set aside. */
static int32_t publish_at_once(void *arg) {
  const struct publishing *p = arg;
  int32_t rc = ETL_OK;
  for (struct target *g = p->in->targets; g && rc == ETL_OK; g = g->next)
    rc = publish_rows(g);
  if (rc == ETL_OK)
    rc = delete_from(p->in->targets, p->run);
  return rc == ETL_OK ? session_run(&p->in->session, "checking constraints", "SET CONSTRAINTS ALL IMMEDIATE") : rc;
}

static int32_t publish_with_care(struct instance *in, const char *run) {
  int32_t rc = ETL_OK;
  for (struct target *g = in->targets; g && rc == ETL_OK; g = g->next) {
    columns_fini(&g->columns);
    rc = common_columns(g, &g->columns);
    if (rc == ETL_OK)
      rc = careful_stage(g);
  }
  if (rc == ETL_OK)
    rc = merge_parts(in);
  for (struct target *g = in->targets; g && rc == ETL_OK; g = g->next) {
    struct text sql = {0};
    rc = g->mode == MODE_DELETE_MISSING ? bring_back(g, &sql) : ETL_OK;
    text_fini(&sql);
  }
  for (struct target *g = in->targets; g; g = g->next) {
    g->staged = false; /* the table goes with the transaction */
    g->staged_rows = 0;
    careful_fini(g);
  }
  return rc == ETL_OK ? delete_from(in->targets, run) : rc;
}

int32_t publish_targets(struct instance *in, const char *run) {
  struct publishing p = {in, run};
  int32_t rc = links_order(in);
  if (rc == ETL_OK)
    rc = settle_try(in, publish_at_once, &p);
  return rc == ETL_IDLE ? publish_with_care(in, run) : rc;
}

/* ---- by the user's statements ------------------------------------------------------------------------------------------------------------ */

static const char placeholder[] = "${staging.";

/* The staging table of the stream of that name, or whose last part that is. */
static const char *staging_of(const PGresult *stagings, const char *name, size_t n) {
  for (int whole = 1; whole >= 0; whole--)
    for (int i = 0; i < PQntuples(stagings); i++) {
      const char *stream = PQgetvalue(stagings, i, 1);
      if (whole ? strlen(stream) == n && memcmp(stream, name, n) == 0 : stream_ends(stream, name, n))
        return PQgetvalue(stagings, i, 0);
    }
  return NULL;
}

static int32_t refuse_name(const struct instance *in, const PGresult *stagings, const char *name, size_t n) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  struct text known = {0};
  for (int i = 0; i < PQntuples(stagings); i++)
    text_addf(&known, "%s%s", i ? ", " : "the streams of this run: ", PQgetvalue(stagings, i, 1));
  e.option = "commit_sql";
  e.remedy = text_str(&known);
  int32_t rc = etl_failf(in->host, &e, "postgres: commit_sql names ${staging.%.*s}, and there is no such stream", (int)n, name);
  text_fini(&known);
  return rc;
}

static int32_t fill_in(struct instance *in, const PGresult *stagings, const char *statement, struct text *sql) {
  size_t skip = sizeof placeholder - 1;
  for (const char *p = statement; *p;) {
    const char *end = strncmp(p, placeholder, skip) == 0 ? strchr(p, '}') : NULL;
    if (!end) {
      char one[2] = {*p++, 0};
      text_add(sql, one);
      continue;
    }
    const char *table = staging_of(stagings, p + skip, (size_t)(end - p) - skip);
    if (!table)
      return refuse_name(in, stagings, p + skip, (size_t)(end - p) - skip);
    text_add(sql, table);
    p = end + 1;
  }
  return ETL_OK;
}

/* Owned. */
static int32_t transaction(struct instance *in, char **ret) {
  PGresult *r;
  int32_t rc = session_query(&in->session, "commit_sql", "SELECT pg_catalog.txid_current()", 0, NULL, &r);
  if (rc != ETL_OK)
    return rc;
  *ret = strdup(PQgetvalue(r, 0, 0));
  PQclear(r);
  return *ret ? ETL_OK : out_of_memory(in);
}

static int32_t check_open(struct instance *in, const char *before) {
  char *now = NULL;
  bool open = PQtransactionStatus(in->session.conn) == PQTRANS_INTRANS;
  int32_t rc = open ? transaction(in, &now) : ETL_OK;
  bool same = rc == ETL_OK && now && strcmp(now, before) == 0;
  free(now);
  if (rc != ETL_OK || same)
    return rc;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "commit_sql";
  e.remedy = "look for what was committed before that, as the next run brings the same rows again; then leave BEGIN, COMMIT and ROLLBACK out: the "
             "statements run in the transaction that moves the cursors";
  return etl_failf(in->host, &e, "postgres: a statement of commit_sql ended the transaction of the run: what went before is in the tables, if it "
                                 "was committed, and the cursors have not moved");
}

int32_t publish_sql(struct instance *in, const PGresult *stagings) {
  const struct names *statements = &in->settings.commit_sql;
  struct text sql = {0};
  char *before = NULL;
  int32_t rc = transaction(in, &before);
  for (size_t i = 0; i < statements->n && rc == ETL_OK; i++) {
    rc = fill_in(in, stagings, statements->list[i], &sql);
    if (rc == ETL_OK)
      rc = run_text(in, "commit_sql", &sql);
    if (rc == ETL_OK)
      rc = check_open(in, before);
  }
  free(before);
  text_fini(&sql);
  return rc;
}
