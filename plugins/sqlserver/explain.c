/* `etl plan`: connects, looks everything up as a run would, and tells the statement, the index, the types and what may surprise.
 * Reads no rows, but counts those with a NULL cursor. */
#include "explain.h"

#include <stdio.h>

#include "query.h"
#include "tables.h"

static void note(struct etl_telling *t, uint32_t flags, const char *text) { etl_tell(t, ETL_EXPLAIN_NOTE, flags, NULL, NULL, NULL, text); }

static void tuple_names(const struct source *src, char *buf, size_t cap) {
  size_t n = 0;
  buf[0] = '\0';
  for (size_t i = 0; i < src->cursor_n && n < cap; i++)
    n += (size_t)snprintf(buf + n, cap - n, "%s%.100s", i ? ", " : "", src->columns[src->cursor[i]].name);
}

bool explain_index(const struct source *src, const struct settings *s, char *buf, size_t cap) {
  char names[256];
  buf[0] = '\0';
  if (src->cursor_n == 0 || !src->is_table) {
    if (src->cursor_n)
      snprintf(buf, cap, "whether an index serves the cursor cannot be told of a %s", s->query ? "query" : "view");
    return false;
  }
  tuple_names(src, names, sizeof names);
  if (src->index)
    snprintf(buf, cap, "index %s leads with the cursor (%s)", src->index, names);
  else if (src->index_first)
    snprintf(buf, cap, "an index leads with %s, but none with (%s): rows with equal %s are sorted", s->cursor[0], names,
             s->cursor[0]);
  else
    snprintf(buf, cap, "no index leads with the cursor (%s): each run reads and sorts the whole table; CREATE INDEX ... ON %s (%s)",
             names, s->stream, names);
  return !src->index && !src->index_first;
}

static void tell_types(struct etl_telling *t, const struct source *src, const struct settings *s) {
  char format[32];
  for (size_t i = 0; i < src->columns_n; i++) {
    const struct column *c = &src->columns[i];
    const char *loss = column_loss(c, s->datetime_unit);
    etl_tell(t, ETL_EXPLAIN_TYPE, loss ? ETL_EXPLAIN_LOSSY : 0, c->name, c->declared,
             column_format(c, s->datetime_unit, format, sizeof format), loss);
  }
}

static void tell_cursor(struct etl_telling *t, const struct source *src, const struct settings *s, const struct bounds *b) {
  char names[256], text[700];
  const struct column *first = src->cursor_n ? &src->columns[src->cursor[0]] : NULL;
  if (!first) {
    note(t, 0, "there is no cursor: every run reads all rows, and an interrupted one begins anew");
    return;
  }
  tuple_names(src, names, sizeof names);
  if (first->type->counts_time) {
    snprintf(text, sizeof text, "rows up to %s = %s are read: the server's %s time less consistency_delay", first->name, b->upper,
             s->cursor_clock == CLOCK_LOCAL && first->type->kind != KIND_DATETIMEOFFSET ? "local" : "UTC");
    note(t, 0, text);
    if (s->consistency_delay_ns == 0)
      note(t, ETL_EXPLAIN_WARN,
           "consistency_delay is 0: a row that is committed late, with an older time than the newest row read, is missed");
  } else if (first->type->kind != KIND_ROWVERSION) {
    snprintf(text, sizeof text,
             "%s %s tells no time: a row that is committed late, with a smaller value than the newest row read, is missed; a "
             "rowversion or a "
             "time with consistency_delay is safe",
             first->declared, first->name);
    note(t, ETL_EXPLAIN_WARN, text);
  }
  if (src->is_table && !src->cursor_unique) {
    snprintf(text, sizeof text,
             "no unique index makes sure that (%s) is unique: a row added later with a tuple equal to one already read is missed",
             names);
    note(t, ETL_EXPLAIN_WARN, text);
  }
}

static int take_count(void *arg, struct conn *c, struct failure *f) {
  (void)f;
  *(int64_t *)arg = conn_int(c, 1);
  return 0;
}

static int tell_nulls(struct etl_telling *t, const struct source *src, const struct settings *s, struct conn *c, struct failure *f) {
  struct text sql = {0};
  int64_t rows = 0;
  char text[200];
  query_nulls(&sql, s, src);
  int rc = sql.failed ? failure_out_of_memory(f, "a statement") : 0;
  if (rc == 0 && sql.n)
    rc = conn_run(c, "counting rows with a NULL cursor", sql.p, take_count, &rows, f);
  text_fini(&sql);
  if (rc == 0 && rows) {
    snprintf(text, sizeof text, "%lld rows have NULL in a cursor column: %s", (long long)rows,
             s->null_cursor == NULL_CURSOR_FAIL ? "a run fails (null_cursor = \"fail\")" : "they are not read");
    note(t, ETL_EXPLAIN_WARN, text);
  }
  return rc;
}

static int explain_connected(struct etl_telling *t, struct conn *c, struct source *src, struct etl_bytes cursor,
                             struct ArrowSchema *schema, struct failure *f) {
  const struct settings *s = c->settings;
  struct cursor from;
  struct bounds b;
  struct text sql = {0};
  char text[700];
  if (source_init(src, c, f) < 0 || cursor_decode(&from, cursor, src, s, &src->pool, f) < 0 || bounds_init(&b, src, c, f) < 0)
    return -1;
  query_data(&sql, s, src, &from, &b, 0);
  if (sql.failed)
    failure_out_of_memory(f, "a statement");
  else
    etl_tell(t, ETL_EXPLAIN_SQL, 0, NULL, NULL, NULL, sql.p);
  text_fini(&sql);
  bool badly = explain_index(src, s, text, sizeof text);
  if (text[0])
    etl_tell(t, ETL_EXPLAIN_INDEX, badly ? ETL_EXPLAIN_WARN : 0, NULL, NULL, NULL, text);
  tell_types(t, src, s);
  tell_cursor(t, src, s, &b);
  if (s->isolation == ISOLATION_READ_UNCOMMITTED)
    note(t, ETL_EXPLAIN_WARN,
         "isolation is read_uncommitted: rows may be read that are then rolled back, and rows may be missed or doubled");
  if (f->error_class || tell_nulls(t, src, s, c, f) < 0)
    return -1;
  return source_schema(src, s, schema, f);
}

static int32_t explain(void *self, const struct etl_stream *stream, const struct etl_shard *shard, struct etl_bytes cursor,
                       struct ArrowSchema *schema, int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg) {
  const struct instance *in = self;
  const struct shard *sh = settings_shard(&in->settings, shard->id);
  struct etl_telling t = {.each = each, .arg = arg, .rc = ETL_OK};
  struct failure f = {0};
  struct conn c = {.wake_fd = -1};
  struct source src = {0};
  const struct settings *s = tables_settings(in, stream->name, &f);
  int rc = !s   ? -1
           : sh ? conn_open(&c, in->host, s, sh, &f)
              : failure_set(&f, ETL_E_CONFIG, "shards", NULL, "sqlserver: there is no shard \"%s\"", shard->id);
  if (rc == 0)
    rc = explain_connected(&t, &c, &src, cursor, schema, &f);
  source_fini(&src);
  conn_close(&c);
  return rc < 0 ? failure_report(in->host, &f) : t.rc;
}

const struct etl_explain sqlserver_explain = {.struct_size = sizeof sqlserver_explain, .explain = explain};
