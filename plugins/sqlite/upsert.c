/* What becomes of a row whose key is there: it takes the other's place, if it is not older by `newest_by`, or is left out. */
#include <stdio.h>

#include "loader.h"

static const struct ArrowSchema *column(const struct target *g, const char *name) {
  for (int64_t i = 0; i < g->rows.n_children; i++)
    if (sqlite3_stricmp(g->rows.children[i]->name, name) == 0)
      return g->rows.children[i];
  return NULL;
}

int32_t upsert_check(const struct target *g) {
  const struct loader *in = g->in;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  char type[TYPE_BYTES];
  if (!in->newest_by)
    return ETL_OK;
  const struct ArrowSchema *c = column(g, in->newest_by);
  e.option = "newest_by";
  e.remedy = "name a column of the rows, as `etl plan` lists them";
  if (!c)
    return etl_failf(in->host, &e, "sqlite: newest_by names the column \"%s\", which the rows do not have", in->newest_by);
  e.remedy = "name a time, or a number of at most 15 digits";
  if (type_declared(c, type) && strncmp(type, "DECIMAL_TEXT", 12) == 0)
    return etl_failf(in->host, &e, "sqlite: newest_by names the column \"%s\", whose numbers are kept as text, so that SQLite cannot tell the greater one",
                     in->newest_by);
  return ETL_OK;
}

/* As the column is ordered: "10:00:00Z" stands before "10:00:00.5Z". */
static void add_order(sqlite3_str *sql, const char *table, const struct ArrowSchema *c) {
  struct etl_format f;
  bool zoned = etl_format_parse(c, &f) == 0 && f.logical == ETL_L_TIMESTAMP && f.tz;
  sqlite3_str_appendf(sql, zoned ? "rtrim(\"%w\".\"%w\", 'Z')" : "\"%w\".\"%w\"", table, c->name);
}

void upsert_add(sqlite3_str *sql, const struct target *g) {
  const struct loader *in = g->in;
  const struct ArrowSchema *newest = in->newest_by ? column(g, in->newest_by) : NULL;
  const char *before = " DO UPDATE SET ";
  for (size_t i = 0; i < in->key_n; i++)
    sqlite3_str_appendf(sql, "%s\"%w\"", i ? ", " : " ON CONFLICT (", in->key[i]);
  sqlite3_str_appendall(sql, ")");
  for (int64_t i = 0; i < g->rows.n_children && loader_updates(in); i++)
    if (!target_is_key(in, g->rows.children[i]->name)) {
      sqlite3_str_appendf(sql, "%s\"%w\" = excluded.\"%w\"", before, g->rows.children[i]->name, g->rows.children[i]->name);
      before = ", ";
    }
  if (*before == ' ') {
    sqlite3_str_appendall(sql, " DO NOTHING");
  } else if (newest) { /* NULL is the smallest */
    sqlite3_str_appendf(sql, " WHERE \"%w\".\"%w\" IS NULL OR ", g->into, newest->name);
    add_order(sql, "excluded", newest);
    sqlite3_str_appendall(sql, " COLLATE BINARY >= ");
    add_order(sql, g->into, newest);
  }
}
