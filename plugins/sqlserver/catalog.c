/* Reading the catalog: sys.columns for a table or view, sp_describe_first_result_set for a query, sys.indexes for how the cursor is
 * served.  The schema comes from here and is only verified against the result, since COLMETADATA tells less. */
#include "catalog.h"

#include <stdio.h>
#include <stdlib.h>

#include "query.h"

struct loading {
  struct source *src;
  const struct settings *s;
  size_t cap;
  bool found; /* the object is there */
};

/* Room for one more column; the array moves within the pool, columns are few. */
static struct column *add_column(struct loading *l, struct failure *f) {
  struct source *src = l->src;
  if (src->columns_n == l->cap) {
    size_t cap = l->cap ? l->cap * 2 : 32;
    struct column *more = pool_alloc(&src->pool, cap * sizeof *more);
    if (!more) {
      failure_out_of_memory(f, "the columns");
      return NULL;
    }
    if (src->columns_n)
      memcpy(more, src->columns, src->columns_n * sizeof *more);
    src->columns = more;
    l->cap = cap;
  }
  return &src->columns[src->columns_n++];
}

/* What sys.columns says of a view may be older than the tables below: only a table's NOT NULL is believed. */
static int take_column(void *arg, struct conn *c, struct failure *f) {
  struct loading *l = arg;
  struct pool scratch = {0};
  const char *name = conn_strdup(c, 1, &scratch), *base = conn_strdup(c, 2, &scratch), *declared = conn_strdup(c, 3, &scratch);
  struct column *col = add_column(l, f);
  int rc =
      col ? column_init(col, &l->src->pool, name ? name : "",
                        base       ? base
                        : declared ? declared
                                   : "?",
                        (int)conn_int(c, 4), (int)conn_int(c, 5), (int)conn_int(c, 6), conn_int(c, 7) != 0 || !l->src->is_table, f)
          : -1;
  pool_fini(&scratch);
  return rc;
}

static int take_object(void *arg, struct conn *c, struct failure *f) {
  struct loading *l = arg;
  size_t n;
  const char *type = conn_text(c, 1, &n);
  (void)f;
  l->found = true;
  l->src->is_table = type && n >= 1 && type[0] == 'U';
  return 0;
}

static int no_such_table(struct conn *c, struct failure *f) {
  const struct settings *s = c->settings;
  return failure_set(f, ETL_E_CONFIG, "table",
                     "check the table's name with its schema, and `database`; if it is there, GRANT SELECT on it to the user",
                     "sqlserver: %s: there is no table or view %s, or user \"%s\" may not see it", c->where, s->stream,
                     c->shard->user);
}

/* Keeps the columns named in settings, in that order. */
static int choose_columns(struct source *src, struct conn *c, struct failure *f) {
  const struct settings *s = c->settings;
  if (!s->columns)
    return 0;
  struct column *chosen = pool_alloc(&src->pool, s->columns_n * sizeof *chosen);
  if (!chosen)
    return failure_out_of_memory(f, "the columns");
  for (size_t i = 0; i < s->columns_n; i++) {
    size_t k = 0;
    while (k < src->columns_n && strcasecmp(src->columns[k].name, s->columns[i]) != 0)
      k++;
    if (k == src->columns_n)
      return failure_set(f, ETL_E_CONFIG, "columns", "check the names in columns", "sqlserver: %s: %s has no column \"%s\"",
                         c->where, s->stream, s->columns[i]);
    chosen[i] = src->columns[k];
  }
  src->columns = chosen;
  src->columns_n = s->columns_n;
  return 0;
}

static int load_table(struct source *src, struct conn *c, struct failure *f) {
  struct loading l = {.src = src, .s = c->settings};
  struct text sql = {0};
  query_object(&sql, c->settings);
  int rc = sql.failed ? failure_out_of_memory(f, "a statement") : conn_run(c, "looking up the table", sql.p, take_object, &l, f);
  text_fini(&sql);
  if (rc == 0 && !l.found)
    rc = no_such_table(c, f);
  if (rc == 0) {
    query_columns(&sql, c->settings);
    rc = sql.failed ? failure_out_of_memory(f, "a statement") : conn_run(c, "reading the columns", sql.p, take_column, &l, f);
    text_fini(&sql);
  }
  if (rc == 0 && src->columns_n == 0)
    rc = no_such_table(c, f);
  return rc == 0 ? choose_columns(src, c, f) : -1;
}

/* The columns of sp_describe_first_result_set are found by name: newer servers add some. */
struct describing {
  struct loading loading;
  int hidden, name, type, length, precision, scale, nullable, system_type;
};

static int column_named(struct conn *c, const char *name) {
  for (int i = 1; i <= dbnumcols(c->db); i++)
    if (strcmp(dbcolname(c->db, i), name) == 0)
      return i;
  return 0;
}

static int take_described(void *arg, struct conn *c, struct failure *f) {
  struct describing *d = arg;
  if (!d->name) {
    d->hidden = column_named(c, "is_hidden");
    d->name = column_named(c, "name");
    d->type = column_named(c, "system_type_name");
    d->length = column_named(c, "max_length");
    d->precision = column_named(c, "precision");
    d->scale = column_named(c, "scale");
    d->nullable = column_named(c, "is_nullable");
  }
  if (!d->name || !d->type)
    return failure_set(f, ETL_E_UNSUPPORTED, "query", NULL,
                       "sqlserver: %s: the server describes the query in a way that is not known", c->where);
  if (d->hidden && conn_int(c, d->hidden))
    return 0;
  struct pool scratch = {0};
  char *name = conn_strdup(c, d->name, &scratch), *type = conn_strdup(c, d->type, &scratch);
  if (type)
    type[strcspn(type, "(")] = '\0';
  struct column *col = add_column(&d->loading, f);
  int rc = col ? column_init(col, &d->loading.src->pool, name ? name : "", type ? type : "a CLR type", (int)conn_int(c, d->length),
                             (int)conn_int(c, d->precision), (int)conn_int(c, d->scale), conn_int(c, d->nullable) != 0, f)
               : -1;
  pool_fini(&scratch);
  return rc;
}

/* The parameters' types are those of the cursor columns, which are what is asked for: text is compared with everything but a
 * rowversion, binary with that. */
static int load_query(struct source *src, struct conn *c, struct failure *f) {
  static const char *const guesses[] = {"nvarchar(4000)", "varbinary(8)"};
  struct failure first = {0};
  for (size_t i = 0; i < sizeof guesses / sizeof *guesses; i++) {
    struct describing d = {.loading = {.src = src, .s = c->settings}};
    struct failure now = {0};
    struct text sql = {0};
    src->columns_n = 0;
    query_describe(&sql, c->settings, guesses[i]);
    int rc = sql.failed ? failure_out_of_memory(&now, "a statement")
                        : conn_run(c, "describing the query", sql.p, take_described, &d, &now);
    text_fini(&sql);
    if (rc == 0 && src->columns_n == 0)
      rc = failure_set(&now, ETL_E_CONFIG, "query", "make it one SELECT", "sqlserver: %s: the query gives no rows", c->where);
    if (rc == 0)
      return 0;
    if (i == 0)
      first = now;
    if (dbdead(c->db) || c->settings->cursor_n == 0)
      break;
  }
  *f = first;
  return -1;
}

static int check_columns(const struct source *src, struct conn *c, struct failure *f) {
  const struct settings *s = c->settings;
  for (size_t i = 0; i < src->columns_n; i++) {
    const struct column *col = &src->columns[i];
    if (!*col->name)
      return failure_set(f, ETL_E_SCHEMA, "query", "name it: SELECT ... AS name",
                         "sqlserver: %s: column %zu of the query has no name", c->where, i + 1);
    if (col->type->kind == KIND_UNSUPPORTED || (col->converted && s->query))
      return failure_set(
          f, ETL_E_SCHEMA, s->query ? "query" : "columns",
          s->query ? "convert it in the query: CONVERT(nvarchar(max), ...), or for a spatial value its method STAsText()"
                   : "leave it out with `columns`, or convert it in a `query` with CONVERT or, for a spatial value, STAsText()",
          "sqlserver: %s: %s: column \"%s\" has type %s, which cannot be read", c->where, s->stream, col->name, col->declared);
    if (s->shard_column && strcasecmp(s->shard_column, col->name) == 0)
      return failure_set(f, ETL_E_CONFIG, "shard_column", "choose another name", "sqlserver: %s: %s has a column \"%s\" already",
                         c->where, s->stream, col->name);
    for (size_t k = 0; k < i; k++)
      if (strcmp(src->columns[k].name, col->name) == 0)
        return failure_set(f, ETL_E_SCHEMA, "query", "give each column a name of its own",
                           "sqlserver: %s: two columns of the query are called \"%s\"", c->where, col->name);
  }
  return 0;
}

static int find_cursor(struct source *src, struct conn *c, struct failure *f) {
  const struct settings *s = c->settings;
  for (size_t i = 0; i < s->cursor_n; i++) {
    size_t k = 0;
    while (k < src->columns_n && strcasecmp(src->columns[k].name, s->cursor[i]) != 0)
      k++;
    if (k == src->columns_n)
      return failure_set(f, ETL_E_CONFIG, "cursor", "check the names in cursor",
                         "sqlserver: %s: %s has no column \"%s\" to be a cursor", c->where, s->stream, s->cursor[i]);
    const char *refusal = column_cursor_refusal(&src->columns[k], i);
    if (refusal)
      return failure_set(f, ETL_E_CONFIG, "cursor", "choose other cursor columns, such as a time and an id, or a rowversion",
                         "sqlserver: %s: %s: column \"%s\" of type %s cannot be cursor column %zu: %s", c->where, s->stream,
                         s->cursor[i], src->columns[k].declared, i + 1, refusal);
    src->cursor[i] = k;
  }
  src->cursor_n = s->cursor_n;
  return 0;
}

/* Columns of the cursor are left alone: ORDER BY would take the name for what the SELECT makes of it. */
static void choose_bytes(struct source *src, const struct settings *s) {
  for (size_t i = 0; i < src->columns_n && s->nvarchar_as_bytes && !s->query; i++) {
    bool in_cursor = false;
    for (size_t k = 0; k < src->cursor_n; k++)
      in_cursor |= src->cursor[k] == i;
    src->columns[i].as_bytes = column_is_wide(&src->columns[i]) && !in_cursor;
  }
}

/* ---- indexes: rows come ordered by index and key position ---------------------------------------------------------------- */

struct indexing {
  struct source *src;
  const struct settings *s;
  int64_t id;
  char *name;
  bool unique, primary;
  size_t keys;    /* key columns seen */
  size_t leading; /* of these, how many are the cursor's, in order */
  size_t within;  /* how many are among the cursor's, in any order */
};

static void index_end(struct indexing *x) {
  struct source *src = x->src;
  if (x->name && x->leading >= 1)
    src->index_first = true;
  if (x->name && !src->leads_id && (src->cursor_n ? x->leading >= 1 : x->primary))
    src->leads_id = x->id;
  if (x->name && src->cursor_n && x->leading == src->cursor_n && !src->index)
    src->index = x->name;
  if (x->name && src->cursor_n && x->unique && x->within == x->keys)
    src->cursor_unique = true;
}

static int take_key_column(struct source *src, const char *name, size_t n, size_t count, struct failure *f) {
  const char **more = pool_alloc(&src->pool, (count + 1) * sizeof *more);
  if (more && count > 1)
    memcpy(more, src->key, (count - 1) * sizeof *more);
  if (!more || !(more[count - 1] = pool_strndup(&src->pool, name, n)))
    return failure_out_of_memory(f, "the indexes");
  src->key = more;
  for (size_t i = 0; count == 1 && i < src->columns_n; i++)
    if (strcasecmp(src->columns[i].name, more[0]) == 0)
      src->key_column = i;
  return 0;
}

static int take_index_column(void *arg, struct conn *c, struct failure *f) {
  struct indexing *x = arg;
  int64_t id = conn_int(c, 1);
  if (!x->name || id != x->id) {
    index_end(x);
    *x = (struct indexing){
        .src = x->src, .s = x->s, .id = id, .name = conn_strdup(c, 2, &x->src->pool), .unique = conn_int(c, 3) != 0, .primary = conn_int(c, 5) != 0};
    if (!x->name)
      return failure_out_of_memory(f, "the indexes");
  }
  size_t n;
  const char *column = conn_text(c, 4, &n);
  for (size_t i = 0; column && i < x->s->cursor_n; i++)
    if (strlen(x->s->cursor[i]) == n && strncasecmp(x->s->cursor[i], column, n) == 0) {
      x->within++;
      if (i == x->keys && x->leading == i)
        x->leading++;
    }
  x->keys++;
  return x->primary && column ? take_key_column(x->src, column, n, x->keys, f) : 0;
}

static int load_indexes(struct source *src, struct conn *c, struct failure *f) {
  if (!src->is_table)
    return 0;
  struct indexing x = {.src = src, .s = c->settings};
  struct text sql = {0};
  query_indexes(&sql, c->settings);
  int rc =
      sql.failed ? failure_out_of_memory(f, "a statement") : conn_run(c, "reading the indexes", sql.p, take_index_column, &x, f);
  text_fini(&sql);
  index_end(&x);
  return rc;
}

int source_init(struct source *src, struct conn *c, struct failure *f) {
  *src = (struct source){.key_column = SIZE_MAX};
  int rc = c->settings->query ? load_query(src, c, f) : load_table(src, c, f);
  if (rc == 0)
    rc = check_columns(src, c, f);
  if (rc == 0)
    rc = find_cursor(src, c, f);
  if (rc == 0)
    choose_bytes(src, c->settings);
  return rc == 0 ? load_indexes(src, c, f) : -1;
}

void source_fini(struct source *src) { pool_fini(&src->pool); }

int source_schema(const struct source *src, const struct settings *s, struct ArrowSchema *ret, struct failure *f) {
  char format[32];
  if (etl_schema_init(ret, (int64_t)src->columns_n + (s->shard_column != NULL)) < 0)
    return failure_out_of_memory(f, "the schema");
  int rc = 0;
  for (size_t i = 0; i < src->columns_n && rc == 0; i++) {
    const struct column *col = &src->columns[i];
    rc = etl_schema_set(ret, (int64_t)i, col->name, column_format(col, s->datetime_unit, format, sizeof format), col->nullable,
                        col->declared, col->type->kind == KIND_UUID ? "arrow.uuid" : NULL);
  }
  if (rc == 0 && s->shard_column)
    rc = etl_schema_set(ret, (int64_t)src->columns_n, s->shard_column, "u", false, NULL, NULL);
  if (rc < 0) {
    etl_schema_release(ret);
    return failure_out_of_memory(f, "the schema");
  }
  return 0;
}

/* The columns of the result against those of the catalog: the table may have been altered in between. */
int source_check_result(const struct source *src, struct conn *conn, struct failure *f) {
  DBPROCESS *db = conn->db;
  const char *stream = conn->settings->stream;
  int n = dbnumcols(db);
  bool same = n == (int)src->columns_n;
  for (int i = 1; i <= n && same; i++) {
    const struct column *c = &src->columns[i - 1];
    const DBTYPEINFO *info = c->type->kind == KIND_DECIMAL ? dbcoltypeinfo(db, i) : NULL;
    same = strcmp(dbcolname(db, i), c->name) == 0 && column_wire_ok(c, dbcoltype(db, i)) &&
           (!info || (info->precision == c->precision && info->scale == c->scale));
    if (!same)
      return failure_set(f, ETL_E_RETRYABLE, NULL, "the table was altered just now: run again",
                         "sqlserver: %s: %s: column %d of the result is \"%s\" of wire type %d, but \"%s\" %s was announced",
                         conn->where, stream, i, dbcolname(db, i), dbcoltype(db, i), c->name, c->declared);
  }
  return same ? 0
              : failure_set(f, ETL_E_RETRYABLE, NULL, "the table was altered just now: run again",
                            "sqlserver: %s: %s: the result has %d columns, but %zu were announced", conn->where, stream, n,
                            src->columns_n);
}
