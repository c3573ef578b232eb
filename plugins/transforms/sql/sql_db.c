/* The database behind the transformers that speak SQL.  A statement can read the batch and compute, nothing else: no files, no other
 * databases, no settings, no extensions.  What could grow without bound has a limit, and cancelling interrupts it. */
#include <stdio.h>
#include <stdlib.h>

#include "keep.h"
#include "names.h"
#include "sql/sql_db.h"

enum {
  OPS_BETWEEN_LOOKS = 10000, /* steps of SQLite's machine until cancelled() is asked */
  VALUE_BYTES = 256 << 20,
  TEXT_BYTES = 1 << 20,
  NAMES_BYTES = 1024
};

static int authorize(void *arg, int action, const char *a, const char *b, const char *database, const char *via) {
  (void)arg;
  (void)database;
  (void)via;
  switch (action) {
  case SQLITE_SELECT:
  case SQLITE_READ:
  case SQLITE_RECURSIVE: return SQLITE_OK;
  case SQLITE_FUNCTION: return b && (strcmp(b, "load_extension") == 0 || strcmp(b, "fts3_tokenizer") == 0) ? SQLITE_DENY : SQLITE_OK;
  case SQLITE_UPDATE: return strcmp(a, "sqlite_master") == 0 ? SQLITE_OK : SQLITE_DENY; /* declaring a virtual table asks for it */
  default: return SQLITE_DENY;
  }
}

static int look(void *host) { return ((const struct etl_host *)host)->cancelled(host); }

int32_t sql_db_no_memory(const struct sql_db *s) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  e.remedy = "raise the run's memory budget, or read smaller batches";
  return etl_failf(s->host, &e, "%s: no memory left", s->connector);
}

static int lock_down(sqlite3 *db) {
  static const int switches[][2] = {{SQLITE_DBCONFIG_DQS_DML, 0},   {SQLITE_DBCONFIG_DQS_DDL, 0},           {SQLITE_DBCONFIG_DEFENSIVE, 1},
                                    {SQLITE_DBCONFIG_ENABLE_VIEW, 0}, {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                    {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}};
  static const int limits[][2] = {{SQLITE_LIMIT_LENGTH, VALUE_BYTES},  {SQLITE_LIMIT_SQL_LENGTH, TEXT_BYTES}, {SQLITE_LIMIT_ATTACHED, 0},
                                  {SQLITE_LIMIT_WORKER_THREADS, 0}, {SQLITE_LIMIT_TRIGGER_DEPTH, 0}, {SQLITE_LIMIT_VARIABLE_NUMBER, 0}};
  int rc = SQLITE_OK;
  for (size_t i = 0; i < sizeof switches / sizeof *switches && rc == SQLITE_OK; i++)
    rc = sqlite3_db_config(db, switches[i][0], switches[i][1], (int *)NULL);
  for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
    sqlite3_limit(db, limits[i][0], limits[i][1]);
  return rc == SQLITE_OK ? sqlite3_set_authorizer(db, authorize, NULL) : rc;
}

/* Columns that the table and the copies without rejected rows cannot have. */
static int32_t check_columns(const struct sql_db *s, const struct etl_stream *in) {
  struct etl_error e = ETL_ERROR(ETL_E_UNSUPPORTED);
  const struct ArrowSchema *schema = in->schema;
  for (int64_t i = 0; i < schema->n_children; i++) {
    e.column = (int32_t)i;
    e.remedy = "drop or cast that column with the columns transformer before this stage";
    if (!keep_supported(schema->children[i]))
      return etl_failf(s->host, &e, "%s: column \"%s\" of stream %s is of type %s, which SQL cannot hold", s->connector, schema->children[i]->name,
                       in->name, schema->children[i]->format);
    e.remedy = "rename one of them with the columns transformer before this stage";
    for (int64_t k = 0; k < i; k++)
      if (sqlite3_stricmp(schema->children[i]->name, schema->children[k]->name) == 0)
        return etl_failf(s->host, &e, "%s: columns \"%s\" and \"%s\" of stream %s have the same name for SQL", s->connector,
                         schema->children[k]->name, schema->children[i]->name, in->name);
  }
  return ETL_OK;
}

int32_t sql_db_init(struct sql_db *s, const struct etl_host *h, const char *connector, const char *name, const struct etl_stream *in) {
  *s = (struct sql_db){.host = h, .connector = connector};
  int32_t rc = check_columns(s, in);
  if (rc != ETL_OK)
    return rc;
  if (etl_schema_copy(in->schema, &s->schema) < 0)
    return sql_db_no_memory(s);
  int code = sqlite3_open_v2(":memory:", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
  if (code == SQLITE_OK)
    code = batch_table_init(&s->table, s->db, name, &s->schema);
  if (code == SQLITE_OK)
    code = sql_functions(s->db);
  if (code == SQLITE_OK)
    code = lock_down(s->db);
  if (code != SQLITE_OK)
    return sql_db_no_memory(s);
  sqlite3_progress_handler(s->db, OPS_BETWEEN_LOOKS, look, (void *)(uintptr_t)h);
  return ETL_OK;
}

void sql_db_fini(struct sql_db *s) {
  sqlite3_finalize(s->stmt);
  sqlite3_close(s->db);
  batch_table_fini(&s->table);
  etl_schema_release(&s->schema);
  *s = (struct sql_db){0};
}

/* ---- statements ------------------------------------------------------------------------------------------------------------- */

static void all_names(const struct ArrowSchema *schema, char *buf, size_t size) {
  size_t n = 0;
  buf[0] = 0;
  for (int64_t i = 0; i < schema->n_children && n < size; i++)
    n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", schema->children[i]->name);
  if (n >= size)
    memcpy(buf + size - 4, "...", 4);
}

int32_t sql_db_fail(const struct sql_db *s, const char *option) {
  static const char no_column[] = "no such column: ", no_table[] = "no such table: ";
  char names[NAMES_BYTES], remedy[NAMES_BYTES + 256];
  const char *message = s->table.misused ? "an expression sees its own row only" : sqlite3_errmsg(s->db), *near = NULL;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  e.vendor_code = sqlite3_extended_errcode(s->db);
  e.remedy = remedy;
  all_names(&s->schema, names, sizeof names);
  if (strncmp(message, no_column, sizeof no_column - 1) == 0) {
    const char *point = strrchr(message, '.');
    near = names_nearest(&s->schema, point ? point + 1 : message + sizeof no_column - 1);
  }
  if ((strncmp(message, no_table, sizeof no_table - 1) == 0 || s->table.misused) && s->narrow)
    snprintf(remedy, sizeof remedy, "an expression sees the columns of its own row only; use the transformer sql for queries over the batch");
  else if (near)
    snprintf(remedy, sizeof remedy, "did you mean \"%.128s\"? the columns at this stage are: %s (text stands in 'single quotes')", near, names);
  else
    snprintf(remedy, sizeof remedy, "the columns at this stage are: %s (text stands in 'single quotes')", names);
  return etl_failf(s->host, &e, "%s: option %s: %s%s%s", s->connector, option, s->subject ? s->subject : "", s->subject ? ": " : "", message);
}

/* Over no rows, then over one of NULLs: what does not depend on the rows fails here and not with every row. */
static int32_t try_out(struct sql_db *s, const char *option) {
  static const enum batch_probe probes[] = {PROBE_NONE, PROBE_NULLS};
  int32_t status = ETL_OK;
  for (size_t i = 0; i < sizeof probes / sizeof *probes && status == ETL_OK; i++) {
    enum sql_step step = SQL_ROW;
    batch_table_empty(&s->table, probes[i]);
    while (step == SQL_ROW)
      step = sql_db_step(s, &status);
    if (step == SQL_BAD)
      status = sql_db_fail(s, option);
    sql_db_end(s);
  }
  return status;
}

int32_t sql_db_prepare(struct sql_db *s, const char *option, const char *text) {
  const char *rest = NULL;
  sqlite3_stmt *more = NULL;
  s->option = option;
  sqlite3_finalize(s->stmt);
  s->stmt = NULL;
  if (sqlite3_prepare_v3(s->db, text, -1, SQLITE_PREPARE_PERSISTENT, &s->stmt, &rest) != SQLITE_OK)
    return sql_db_fail(s, option);
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  int code = sqlite3_prepare_v2(s->db, rest, -1, &more, NULL);
  bool single = s->stmt && code == SQLITE_OK && !more;
  sqlite3_finalize(more);
  if (!single)
    return etl_failf(s->host, &e, "%s: option %s must be one statement", s->connector, option);
  if (sqlite3_column_count(s->stmt) == 0 || !sqlite3_stmt_readonly(s->stmt))
    return etl_failf(s->host, &e, "%s: option %s must be a SELECT", s->connector, option);
  return try_out(s, option);
}

/* Where a quoted part, a comment or a single character ends; NULL: it does not. */
static const char *token_end(const char *p) {
  const char *end = NULL;
  if (*p == '\'' || *p == '"' || *p == '`' || *p == '[')
    end = strchr(p + 1, *p == '[' ? ']' : *p);
  else if (p[0] == '-' && p[1] == '-')
    return p + strcspn(p, "\n");
  else if (p[0] == '/' && p[1] == '*')
    end = strstr(p + 2, "*/") ? strstr(p + 2, "*/") + 1 : NULL;
  else
    return p + 1;
  return end ? end + 1 : NULL;
}

int32_t sql_db_expression(const struct etl_host *h, const char *connector, const char *option, const char *text) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  const char *wrong = text[strspn(text, " \t\r\n")] ? NULL : "is empty";
  int depth = 0;
  for (const char *p = text; !wrong && *p;) {
    depth += *p == '(';
    depth -= *p == ')';
    if (depth < 0)
      wrong = "closes a parenthesis that it did not open";
    else if (depth == 0 && (*p == ';' || *p == ','))
      wrong = "must be one expression";
    else if (!(p = token_end(p)))
      wrong = "has a quote or a comment without an end";
  }
  if (!wrong && depth > 0)
    wrong = "has a parenthesis without an end";
  return wrong ? etl_failf(h, &e, "%s: option %s %s: %s", connector, option, wrong, text) : ETL_OK;
}

int32_t sql_db_begin(struct sql_db *s, const struct ArrowArray *rows) {
  struct etl_error e = ETL_ERROR(ETL_E_INTERNAL);
  return batch_table_rows(&s->table, rows) < 0 ? etl_failf(s->host, &e, "%s: a batch is not of its schema", s->connector) : ETL_OK;
}

enum sql_step sql_db_step(struct sql_db *s, int32_t *ret_status) {
  int code = sqlite3_step(s->stmt);
  s->table.misused |= code == SQLITE_ROW && s->table.once && s->table.at >= s->table.length; /* it aggregates */
  if (code == SQLITE_ROW && !s->table.misused)
    return SQL_ROW;
  if (code == SQLITE_DONE)
    return SQL_END;
  if (code == SQLITE_INTERRUPT)
    *ret_status = ETL_STOPPED;
  else if (code == SQLITE_NOMEM)
    *ret_status = sql_db_no_memory(s);
  else if (s->table.misused)
    *ret_status = sql_db_fail(s, s->option);
  else
    return SQL_BAD;
  return SQL_STOPPED;
}

void sql_db_skip(struct sql_db *s) {
  sqlite3_reset(s->stmt);
  s->table.from = ++s->table.at;
}

void sql_db_end(struct sql_db *s) {
  sqlite3_reset(s->stmt);
  batch_table_empty(&s->table, PROBE_NONE);
}
