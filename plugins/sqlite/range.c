/* A range of a stream, as `--range` asks for one: by its first cursor column or, without a cursor, by its primary key.  Bounds are written by a
 * person and looked at here, because SQLite would compare anything with anything. */
#include <errno.h>
#include <stdlib.h>

#include "source.h"
#include "text.h"

static int32_t refuse(const struct reader *r, const char *option, const char *remedy, const char *fmt, const char *a, const char *b) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  e.remedy = remedy;
  char *why = sqlite3_mprintf(fmt, a, b);
  int32_t rc = etl_failf(r->d.host, &e, "sqlite: %s", why ? why : "no memory");
  sqlite3_free(why);
  return rc;
}

int32_t range_find(struct reader *r, const char *key) {
  const char *name = r->s->cursor.n ? r->s->cursor.v[0] : key;
  struct range *g = &r->range;
  if (!g->from && !g->to)
    return ETL_OK;
  if (!name)
    return refuse(r, "cursor", "name the column in `cursor`", "%s has no cursor and no primary key: a range has no column to go by%s", r->stream, "");
  while (g->column < r->schema.n_children && sqlite3_stricmp(r->schema.children[g->column]->name, name) != 0)
    g->column++;
  if (g->column == r->schema.n_children && !r->s->cursor.n) /* without, the cursor is the rowid */
    return refuse(r, "columns", "read it too, or name another column in `cursor`", "%s: a range goes by the primary key, but \"%s\" is not read", r->stream, name);
  g->name = name;
  return ETL_OK;
}

static enum etl_logical kind_of(const struct reader *r) {
  return r->range.column < r->schema.n_children ? r->columns[r->range.column].f.logical : ETL_L_INT;
}

/* Times are text, with a space or a T between date and time, with or without the Z of UTC. */
void range_add(struct reader *r, sqlite3_str *sql) {
  const struct range *g = &r->range;
  const char *fmt = kind_of(r) == ETL_L_TIMESTAMP ? " AND rtrim(replace(\"%w\", 'T', ' '), 'Z') COLLATE BINARY %s rtrim(replace(?%d, 'T', ' '), 'Z')"
                                                  : " AND \"%w\" COLLATE BINARY %s ?%d";
  for (int side = 0; side < 2; side++)
    if (side ? g->to : g->from)
      sqlite3_str_appendf(sql, fmt, g->name, side ? "<" : ">=", (int)r->s->cursor.n + 1 + side);
}

/* The value of a bound, if it is one of its column. */
static bool bind(const struct reader *r, int at, const char *text) {
  struct etl_bytes t = {text, strlen(text)};
  char *end;
  int64_t i;
  bool zoned;
  errno = 0;
  switch (kind_of(r)) {
  case ETL_L_INT:
    i = strtoll(text, &end, 10);
    return t.n && !*end && errno == 0 && sqlite3_bind_int64(r->stmt, at, i) == SQLITE_OK;
  case ETL_L_FLOAT:
  case ETL_L_DECIMAL: {
    uint64_t n;
    const char *declared = etl_schema_meta(r->schema.children[r->range.column], ETL_META_SOURCE_TYPE, &n);
    double f = strtod(text, &end);
    return t.n && !*end && errno == 0 && (n < 12 || sqlite3_strnicmp(declared, "DECIMAL_TEXT", 12) != 0) && sqlite3_bind_double(r->stmt, at, f) == SQLITE_OK;
  }
  case ETL_L_DATE:
    if (text_scan_date(t, &i))
      return false;
    break;
  case ETL_L_TIME:
    if (text_scan_time(t, 1000000000, &i))
      return false;
    break;
  case ETL_L_TIMESTAMP: /* other zones do not stand in the order of their text */
    if (text_scan_stamp(t, 1000000, &i, &zoned) || (zoned && text[t.n - 1] != 'Z'))
      return false;
    break;
  case ETL_L_STRING: break;
  default: return false;
  }
  return sqlite3_bind_text64(r->stmt, at, text, t.n, SQLITE_TRANSIENT, SQLITE_UTF8) == SQLITE_OK;
}

int32_t range_bind(struct reader *r) {
  const struct range *g = &r->range;
  for (int side = 0; side < 2; side++) {
    const char *value = side ? g->to : g->from;
    if (!value || bind(r, (int)r->s->cursor.n + 1 + side, value))
      continue;
    uint64_t n = 0;
    const char *type = g->column < r->schema.n_children ? etl_schema_meta(r->schema.children[g->column], ETL_META_SOURCE_TYPE, &n) : NULL;
    char *why = sqlite3_mprintf("the range %s at \"%s\", which is no %.*s as column \"%s\" is", side ? "ends" : "begins", value, type ? (int)n : 7,
                                type ? type : "INTEGER", g->name);
    int32_t rc = refuse(r, NULL, "write it as the column's type is written", "%s%s", why ? why : "no memory", "");
    sqlite3_free(why);
    return rc;
  }
  return ETL_OK;
}
