/* Merging: rows go into a temporary table of the session, then by key into the target.  The newest row of a key wins: by newest_by, else
 * the one that came last.  A column of the staging table counts the rows as they come: where the server stores them tells nothing, since
 * a short row may go into the room that a long one left. */
#include "instance.h"

void sql_staging(struct text *t, const struct instance *in, const struct columns *columns) {
  text_add(t, "CREATE TEMPORARY TABLE etl_staging ON COMMIT DELETE ROWS AS SELECT ");
  sql_columns(t, columns, "");
  text_add(t, ", 0::bigint AS " MERGE_ROW " FROM ");
  sql_table(t, in);
  text_add(t, " WITH NO DATA");
}

static void add_assignments(struct text *t, const struct instance *in, const struct columns *columns) {
  size_t n = 0;
  for (size_t i = 0; i < columns->n; i++) {
    if (names_has(&in->settings.key, columns->list[i].name))
      continue;
    text_add(t, n++ ? ", " : " DO UPDATE SET ");
    text_add_name(t, columns->list[i].name);
    text_add(t, " = excluded.");
    text_add_name(t, columns->list[i].name);
  }
  if (n == 0) {
    text_add(t, " DO NOTHING");
  } else if (in->settings.newest_by) { /* NULL is the smallest */
    text_add(t, " WHERE t.");
    text_add_name(t, in->settings.newest_by);
    text_add(t, " IS NULL OR excluded.");
    text_add_name(t, in->settings.newest_by);
    text_add(t, " >= t.");
    text_add_name(t, in->settings.newest_by);
  }
}

/* In key order, so that two lanes that meet the same rows lock them in the same order. */
void sql_merge(struct text *t, const struct instance *in, const struct columns *columns) {
  text_add(t, "INSERT INTO ");
  sql_table(t, in);
  text_add(t, " AS t (");
  sql_columns(t, columns, "");
  text_add(t, ") SELECT DISTINCT ON (");
  sql_names(t, &in->settings.key, "");
  text_add(t, ") ");
  sql_columns(t, columns, "");
  text_add(t, " FROM pg_temp.etl_staging ORDER BY ");
  sql_names(t, &in->settings.key, "");
  if (in->settings.newest_by) {
    text_add(t, ", ");
    text_add_name(t, in->settings.newest_by);
    text_add(t, " DESC NULLS LAST");
  }
  text_add(t, ", " MERGE_ROW " DESC ON CONFLICT (");
  sql_names(t, &in->settings.key, "");
  text_add(t, ")");
  add_assignments(t, in, columns);
}

int32_t merge_check_keys(struct instance *in) {
  struct text sql = {0};
  PGresult *r = NULL;
  text_add(&sql, "SELECT ");
  for (size_t i = 0; i < in->settings.key.n; i++) {
    text_addf(&sql, "%smin(" MERGE_ROW ") FILTER (WHERE ", i ? ", " : "");
    text_add_name(&sql, in->settings.key.list[i]);
    text_add(&sql, " IS NULL)");
  }
  text_add(&sql, " FROM pg_temp.etl_staging");
  int32_t rc = sql.failed ? out_of_memory(in) : session_query(&in->session, "looking for keys that are NULL", text_str(&sql), 0, NULL, &r);
  text_fini(&sql);
  if (rc != ETL_OK)
    return rc;
  for (size_t i = 0; i < in->settings.key.n && rc == ETL_OK; i++)
    if (!PQgetisnull(r, 0, (int)i)) {
      struct etl_error e = ETL_ERROR(ETL_E_DATA);
      e.remedy = "leave such rows out at the source, or choose a key that is never NULL";
      rc = etl_failf(in->host, &e, "postgres: %s: row %s of the epoch has NULL in the key column \"%s\"", in->settings.target,
                     PQgetvalue(r, 0, (int)i), in->settings.key.list[i]);
    }
  PQclear(r);
  return rc;
}
