/* Schema changes as the user is told of them.  Columns that went away: those that the rows of a lane had when it was last prepared,
 * and the table still has. */
#include <stdlib.h>

#include "instance.h"

static const char remember_sql[] =
    "WITH known AS (SELECT columns FROM @.streams WHERE pipeline = $1 AND stream = $2 AND lane = $3), kept AS (INSERT INTO @.streams AS s "
    "(pipeline, stream, lane, columns) VALUES ($1, $2, $3, $4::text[]) ON CONFLICT (pipeline, stream, lane) DO UPDATE SET columns = excluded.columns "
    "WHERE s.columns <> excluded.columns) SELECT c FROM known, pg_catalog.unnest(known.columns) c WHERE c <> ALL ($4::text[])";

void drift_report(const struct target *g, uint32_t kind, const char *column, const char *from, const char *to) {
  const struct etl_host *h = g->in->host;
  struct etl_schema_change change = {
    .struct_size = sizeof change, .kind = kind, .stream = g->stream, .table = g->name, .column = column, .from = from, .to = to};
  if (ETL_HAS(h, etl_host, schema_change) && h->schema_change)
    h->schema_change(h, &change);
}

int32_t drift_tell(struct target *g, const struct table *t) {
  struct instance *in = g->in;
  struct text array = {0};
  bool there = false;
  PGresult *r = NULL;
  int32_t rc = state_exists(in, &there);
  if (rc != ETL_OK || !there)
    return rc;
  text_add(&array, "{");
  for (int64_t i = 0; i < g->rows.n_children; i++)
    text_add_element(&array, g->rows.children[i]->name);
  text_add(&array, "}");
  rc = array.failed ? out_of_memory(in)
                    : state_query(in, "remembering the columns of the rows", remember_sql, 4,
                                  (const char *const[]){in->pipeline, g->stream, in->lane, text_str(&array)}, NULL, NULL, &r);
  for (int i = 0; rc == ETL_OK && i < PQntuples(r); i++) {
    const struct attribute *a = table_find(t, PQgetvalue(r, i, 0));
    if (a)
      drift_report(g, ETL_CHANGE_COLUMN_MISSING, a->name, a->type, NULL);
  }
  PQclear(r);
  text_fini(&array);
  return rc;
}
