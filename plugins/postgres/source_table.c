/* Asking the server what a table or query is.  All of it in the transaction that the rows are then read in. */
#include "source_table.h"

#include <stdio.h>
#include <stdlib.h>

static const char object_sql[] =
    "SELECT c.oid, c.relkind FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";
static const char attributes_sql[] =
    "SELECT a.attname, a.attnotnull AND c.relkind IN ('r', 'p'), coalesce(NOT l.collisdeterministic, false) FROM "
    "pg_catalog.pg_attribute a "
    "JOIN pg_catalog.pg_class c ON c.oid = a.attrelid LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation "
    "WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
static const char types_sql[] =
    "SELECT pg_catalog.format_type(u.type, u.mod) FROM unnest($1::oid[], $2::int4[]) WITH ORDINALITY u(type, mod, n) ORDER BY u.n";
static const char indexes_sql[] =
    "SELECT c.relname, i.indisunique, i.indisprimary, a.attname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = "
    "i.indexrelid "
    "JOIN pg_catalog.pg_am m ON m.oid = c.relam AND m.amname = 'btree' "
    "CROSS JOIN LATERAL unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k(attnum, pos) "
    "LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum "
    "WHERE i.indrelid = $1::oid AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL ORDER BY i.indexrelid, k.pos";

void stream_name(struct text *t, const char *schema, const char *table) {
  const char *parts[] = {schema, table};
  for (size_t i = 0; i < 2; i++) {
    text_add(t, i ? "." : "");
    if (strpbrk(parts[i], ".\""))
      text_add_name(t, parts[i]);
    else
      text_add(t, parts[i]);
  }
}

static struct field *add_field(struct source_table *t, const char *name, bool nullable, bool loose) {
  struct field *more = realloc(t->fields, (t->n + 1) * sizeof *more);
  if (!more)
    return NULL;
  t->fields = more;
  more[t->n] = (struct field){.name = strdup(name), .nullable = nullable, .loose = loose};
  return &more[t->n++];
}

static int32_t take_attributes(struct source_table *t, struct session *s) {
  char oid[16];
  PGresult *r;
  snprintf(oid, sizeof oid, "%u", t->oid);
  int32_t rc = session_query(s, "looking at the columns", attributes_sql, 1, (const char *const[]){oid}, &r);
  if (rc != ETL_OK)
    return rc;
  for (int i = 0; i < PQntuples(r) && rc == ETL_OK; i++) {
    const struct field *c = add_field(t, PQgetvalue(r, i, 0), *PQgetvalue(r, i, 1) != 't', *PQgetvalue(r, i, 2) == 't');
    rc = c && c->name ? ETL_OK : source_no_memory(s->host);
  }
  PQclear(r);
  return rc;
}

static int32_t find_table(struct source_table *t, struct session *s) {
  char *schema = NULL, *table = NULL;
  struct text from = {0};
  PGresult *r;
  int32_t rc = settings_parse_table(s->host, t->stream, &schema, &table);
  if (rc == ETL_OK)
    rc = session_query(s, "looking for the table", object_sql, 2, (const char *const[]){schema, table}, &r);
  if (rc == ETL_OK) {
    if (PQntuples(r) == 1) {
      t->oid = (uint32_t)strtoul(PQgetvalue(r, 0, 0), NULL, 10);
      t->kind = *PQgetvalue(r, 0, 1);
    } else {
      rc = source_refuse(s->host, "table", "check the table's name with its schema, and `database`", "there is no table or view %s",
                         t->stream);
    }
    PQclear(r);
  }
  if (rc == ETL_OK) {
    text_add_name(&from, schema);
    text_add(&from, ".");
    text_add_name(&from, table);
    t->from = from.p;
    rc = from.failed ? source_no_memory(s->host) : take_attributes(t, s);
  }
  free(schema);
  free(table);
  return rc;
}

/* A query becomes a table of its own, without the semicolon at its end. */
static int32_t find_query(struct source_table *t, struct session *s) {
  const char *query = t->settings->query;
  size_t n = strlen(query);
  struct text from = {0}, sql = {0};
  PGresult *r = NULL;
  while (n && strchr("; \t\r\n", query[n - 1]))
    n--;
  text_addf(&from, "(%.*s\n) AS q", (int)n, query);
  t->from = from.p;
  text_addf(&sql, "SELECT * FROM %s LIMIT 0", text_str(&from));
  int32_t rc =
      from.failed || sql.failed ? source_no_memory(s->host) : session_query(s, "describing the query", text_str(&sql), 0, NULL, &r);
  for (int i = 0; rc == ETL_OK && i < PQnfields(r); i++) {
    const struct field *c = add_field(t, PQfname(r, i), true, false);
    rc = c && c->name ? ETL_OK : source_no_memory(s->host);
  }
  PQclear(r);
  text_fini(&sql);
  return rc;
}

/* ---- which of them -------------------------------------------------------------------------------------------------- */

static size_t find_field(const struct source_table *t, const char *name) {
  size_t i = 0;
  while (i < t->n && strcmp(t->fields[i].name, name) != 0)
    i++;
  return i;
}

static void swap_fields(struct source_table *t, size_t a, size_t b) {
  struct field f = t->fields[a];
  t->fields[a] = t->fields[b];
  t->fields[b] = f;
}

static void field_fini(struct field *c) {
  free(c->name);
  free(c->declared);
}

static int32_t no_column(const struct source_table *t, const struct etl_host *h, const char *option, const char *name) {
  return source_refuse(h, option, "check the name: upper and lower case are told apart", "%s has no column \"%s\"", t->stream,
                       name);
}

static int32_t choose(struct source_table *t, const struct etl_host *h) {
  const struct source_settings *set = t->settings;
  size_t shown = set->columns.n ? 0 : t->n;
  for (size_t i = 0; i < set->columns.n; i++) { /* in the order that was asked for */
    size_t at = find_field(t, set->columns.list[i]);
    if (at == t->n)
      return no_column(t, h, "columns", set->columns.list[i]);
    swap_fields(t, at, shown++);
  }
  for (size_t i = 0; i < set->exclude.n; i++) {
    size_t at = find_field(t, set->exclude.list[i]);
    if (at == t->n && !set->many)
      return no_column(t, h, "exclude", set->exclude.list[i]);
    if (at < shown) {
      for (shown--; at < shown; at++)
        swap_fields(t, at, at + 1);
    }
  }
  size_t all = shown;
  for (size_t i = 0; i < set->cursor.n; i++) {
    size_t at = find_field(t, set->cursor.list[i]);
    if (at == t->n)
      return no_column(t, h, "cursor", set->cursor.list[i]);
    if (at >= all) {
      t->fields[at].hidden = true;
      swap_fields(t, at, all);
      at = all++;
    }
    t->cursor[i] = at;
  }
  while (t->n > all)
    field_fini(&t->fields[--t->n]);
  for (size_t i = 0; i < shown && set->shard_column; i++)
    if (strcmp(t->fields[i].name, set->shard_column) == 0)
      return source_refuse(h, "shard_column", "give it another name, or leave the column out with `exclude`",
                           "%s has a column \"%s\" already", t->stream, set->shard_column);
  t->cursor_n = set->cursor.n;
  t->hidden_n = all - shown;
  return shown ? ETL_OK : source_refuse(h, "columns", NULL, "%s: there is no column to read", t->stream);
}

/* ---- their types ---------------------------------------------------------------------------------------------------- */

static int32_t name_types(struct source_table *t, struct session *s, const PGresult *described) {
  struct text types = {0}, mods = {0};
  PGresult *r = NULL;
  for (size_t i = 0; i < t->n; i++) {
    text_addf(&types, "%c%u", i ? ',' : '{', PQftype(described, (int)i));
    text_addf(&mods, "%c%d", i ? ',' : '{', PQfmod(described, (int)i));
  }
  text_add(&types, "}");
  text_add(&mods, "}");
  int32_t rc = types.failed || mods.failed ? source_no_memory(s->host)
                                           : session_query(s, "looking at the types", types_sql, 2,
                                                           (const char *const[]){text_str(&types), text_str(&mods)}, &r);
  for (size_t i = 0; i < t->n && rc == ETL_OK; i++) {
    if (!(t->fields[i].declared = strdup(PQgetvalue(r, (int)i, 0))))
      rc = source_no_memory(s->host);
    field_set_type(&t->fields[i], PQftype(described, (int)i), PQfmod(described, (int)i));
  }
  PQclear(r);
  text_fini(&types);
  text_fini(&mods);
  return rc;
}

static int32_t find_types(struct source_table *t, struct session *s) {
  struct text sql = {0};
  PGresult *r = NULL;
  for (size_t i = 0; i < t->n; i++) {
    text_add(&sql, i ? ", " : "SELECT ");
    text_add_name(&sql, t->fields[i].name);
  }
  text_addf(&sql, " FROM %s LIMIT 0", t->from);
  int32_t rc = sql.failed ? source_no_memory(s->host) : session_query(s, "looking at the types", text_str(&sql), 0, NULL, &r);
  if (rc == ETL_OK)
    rc = name_types(t, s, r);
  PQclear(r);
  text_fini(&sql);
  for (size_t i = 0; i < t->cursor_n && rc == ETL_OK; i++) {
    const char *why = field_cursor_refusal(cursor_field(t, i), i);
    if (why)
      rc = source_refuse(s->host, "cursor", "choose other cursor columns, such as a time and an id",
                         "%s: column \"%s\" of type %s cannot be cursor column %zu: %s", t->stream, cursor_field(t, i)->name,
                         cursor_field(t, i)->declared, i + 1, why);
  }
  return rc;
}

/* ---- indexes: rows come ordered by index and position --------------------------------------------------------------- */

struct index_reading {
  size_t keys, leading, within; /* key columns; how many are the cursor's in order; how many are among the cursor's */
};

static void take_index_column(struct source_table *t, struct index_reading *x, const char *column) {
  for (size_t i = 0; i < t->cursor_n; i++)
    if (strcmp(cursor_field(t, i)->name, column) == 0) {
      x->within++;
      if (i == x->keys && x->leading == i)
        x->leading++;
    }
  x->keys++;
}

static int32_t take_index(struct source_table *t, const struct etl_host *h, const PGresult *r, int from, int to) {
  struct index_reading x = {0};
  if (*PQgetvalue(r, from, 2) == 't' && !(t->key = calloc((size_t)(to - from) + 1, sizeof *t->key)))
    return source_no_memory(h);
  for (int i = from; i < to; i++) {
    take_index_column(t, &x, PQgetvalue(r, i, 3));
    if (*PQgetvalue(r, i, 2) == 't' && !(t->key[i - from] = strdup(PQgetvalue(r, i, 3))))
      return source_no_memory(h);
  }
  if (t->cursor_n == 0)
    return ETL_OK;
  t->index_first |= x.leading > 0;
  t->cursor_unique |= *PQgetvalue(r, from, 1) == 't' && x.within == x.keys;
  if (x.leading == t->cursor_n && !t->index && !(t->index = strdup(PQgetvalue(r, from, 0))))
    return source_no_memory(h);
  return ETL_OK;
}

static int32_t find_indexes(struct source_table *t, struct session *s) {
  char oid[16];
  PGresult *r;
  snprintf(oid, sizeof oid, "%u", t->oid);
  int32_t rc = session_query(s, "looking at the indexes", indexes_sql, 1, (const char *const[]){oid}, &r);
  if (rc != ETL_OK)
    return rc;
  for (int i = 0, end; i < PQntuples(r) && rc == ETL_OK; i = end) {
    for (end = i + 1; end < PQntuples(r) && strcmp(PQgetvalue(r, i, 0), PQgetvalue(r, end, 0)) == 0;)
      end++;
    rc = take_index(t, s->host, r, i, end);
  }
  PQclear(r);
  return rc;
}

int32_t source_table_init(struct source_table *t, struct session *s, const struct source_settings *set, const char *stream) {
  *t = (struct source_table){.settings = set, .stream = strdup(stream)};
  int32_t rc = !t->stream ? source_no_memory(s->host) : set->query ? find_query(t, s) : find_table(t, s);
  if (rc == ETL_OK)
    rc = choose(t, s->host);
  if (rc == ETL_OK)
    rc = find_types(t, s);
  return rc == ETL_OK && t->oid ? find_indexes(t, s) : rc;
}

void source_table_fini(struct source_table *t) {
  for (size_t i = 0; i < t->n; i++)
    field_fini(&t->fields[i]);
  for (char **k = t->key; k && *k; k++)
    free(*k);
  free(t->key);
  free(t->fields);
  free(t->stream);
  free(t->from);
  free(t->index);
  *t = (struct source_table){0};
}

int32_t source_table_schema(const struct source_table *t, const struct etl_host *h, struct ArrowSchema *ret) {
  size_t shown = t->n - t->hidden_n;
  const char *shard_column = t->settings->shard_column;
  char format[16];
  if (etl_schema_init(ret, (int64_t)shown + (shard_column != NULL)) < 0)
    return source_no_memory(h);
  int rc = 0;
  for (size_t i = 0; i < shown && rc == 0; i++) {
    const struct field *c = &t->fields[i];
    rc = etl_schema_set(ret, (int64_t)i, c->name, field_format(c, format), c->nullable, c->declared, c->type->extension);
  }
  if (rc == 0 && shard_column)
    rc = etl_schema_set(ret, (int64_t)shown, shard_column, "u", false, NULL, NULL);
  if (rc == 0)
    return ETL_OK;
  etl_schema_release(ret);
  return source_no_memory(h);
}
