/* How targets hang together: which of them has constraints that tie its rows to others, and which is to be written first. */
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

int32_t links_find(struct target *g, const struct table *t) {
  char oid[24];
  PGresult *r;
  g->linked = false;
  g->in->ordered = false;
  if (mode_merges(g->mode) || g->in->stages || g->in->replace)
    return ETL_OK;
  snprintf(oid, sizeof oid, "%u", t->oid);
  int32_t rc = session_query(&g->in->session, "looking for foreign keys",
                             "SELECT 1 FROM pg_catalog.pg_constraint WHERE conrelid = $1::oid AND (contype = 'f' OR condeferrable) LIMIT 1", 1,
                             (const char *const[]){oid}, &r);
  if (rc != ETL_OK)
    return rc;
  g->linked = PQntuples(r) == 1;
  PQclear(r);
  return ETL_OK;
}

static int32_t read_links(struct instance *in, PGresult **ret) {
  struct text sql = {0}, name = {0};
  size_t n = 0;
  text_add(&sql, "WITH t (n, oid) AS (VALUES ");
  for (const struct target *g = in->targets; g; g = g->next, n++) {
    text_clear(&name);
    sql_target(&name, g);
    text_addf(&sql, "%s(%zu, pg_catalog.to_regclass(", n ? ", " : "", n);
    text_add_literal(&sql, text_str(&name));
    text_add(&sql, "))");
  }
  text_add(&sql, ") SELECT DISTINCT f.n, t.n FROM pg_catalog.pg_constraint k JOIN t f ON f.oid = k.conrelid JOIN t ON t.oid = k.confrelid "
                 "WHERE k.contype = 'f' AND f.n <> t.n");
  int32_t rc = sql.failed || name.failed ? out_of_memory(in)
                                         : session_query(&in->session, "looking for foreign keys", text_str(&sql), 0, NULL, ret);
  text_fini(&sql);
  text_fini(&name);
  return rc;
}

/* Does list[n] refer to one that is not placed yet? */
static bool waits(const PGresult *links, struct target *const *list, size_t n) {
  for (int i = 0; i < PQntuples(links); i++)
    if (strtoul(PQgetvalue(links, i, 0), NULL, 10) == n && list[strtoul(PQgetvalue(links, i, 1), NULL, 10)])
      return true;
  return false;
}

/* Each time the first that waits for none; of a circle the first. */
static void place(struct instance *in, struct target **list, size_t n, const PGresult *links) {
  struct target **end = &in->targets;
  for (int i = 0; i < PQntuples(links); i++)
    list[strtoul(PQgetvalue(links, i, 0), NULL, 10)]->refers = true;
  for (size_t placed = 0; placed < n; placed++) {
    size_t k = 0, first = n;
    for (; k < n && (!list[k] || waits(links, list, k)); k++)
      if (list[k] && first == n)
        first = k;
    if (k == n)
      k = first;
    *end = list[k];
    end = &list[k]->next;
    list[k] = NULL;
  }
  *end = NULL;
}

int32_t links_order(struct instance *in) {
  size_t n = 0;
  PGresult *links = NULL;
  for (struct target *g = in->targets; g; g = g->next, n++)
    g->refers = in->ordered && g->refers;
  if (n < 2 || in->ordered || in->replace)
    return ETL_OK;
  struct target **list = calloc(n, sizeof *list);
  int32_t rc = list ? read_links(in, &links) : out_of_memory(in);
  n = 0;
  for (struct target *g = in->targets; g && list; g = g->next)
    list[n++] = g;
  if (rc == ETL_OK)
    place(in, list, n, links);
  in->ordered = rc == ETL_OK;
  PQclear(links);
  free(list);
  return rc;
}
