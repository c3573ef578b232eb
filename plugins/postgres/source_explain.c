/* `etl plan`: looks everything up as a run would, and tells the statement, the index, the types and what may surprise.  Reads no
 * rows, but counts those with a NULL cursor. */
#include <stdlib.h>

#include "source_query.h"

struct telling {
  const struct etl_host *host;
  int32_t (*each)(void *arg, const struct etl_explain_item *);
  void *arg;
};

static int32_t tell(const struct telling *t, struct etl_explain_item item) {
  item.struct_size = sizeof item;
  return t->each(t->arg, &item);
}

/* text is used up. */
static int32_t tell_text(const struct telling *t, uint32_t kind, uint32_t flags, struct text *text) {
  int32_t rc = text->failed ? source_no_memory(t->host)
               : text->n    ? tell(t, (struct etl_explain_item){.kind = kind, .flags = flags, .text = text_str(text)})
                            : ETL_OK;
  text_clear(text);
  return rc;
}

static void cursor_names(struct text *to, const struct source_table *t) {
  for (size_t i = 0; i < t->cursor_n; i++)
    text_addf(to, "%s%s", i ? ", " : "(", cursor_field(t, i)->name);
  text_add(to, ")");
}

static int32_t tell_index(const struct telling *t, const struct source_table *table) {
  struct text text = {0};
  uint32_t flags = 0;
  if (table->cursor_n && !source_table_is_table(table)) {
    text_addf(&text, "whether an index serves the cursor cannot be told of a %s", table->oid ? "view" : "query");
  } else if (table->cursor_n && table->index) {
    text_addf(&text, "index %s leads with the cursor ", table->index);
    cursor_names(&text, table);
  } else if (table->cursor_n && table->index_first) {
    text_addf(&text, "an index leads with %s, but none with ", cursor_field(table, 0)->name);
    cursor_names(&text, table);
    text_addf(&text, ": rows with equal %s are sorted", cursor_field(table, 0)->name);
  } else if (table->cursor_n) {
    flags = ETL_EXPLAIN_WARN;
    text_add(&text, "no index leads with the cursor ");
    cursor_names(&text, table);
    text_addf(&text, ": each run reads and sorts the whole table; CREATE INDEX ON %s ", table->from);
    cursor_names(&text, table);
  }
  int32_t rc = tell_text(t, ETL_EXPLAIN_INDEX, flags, &text);
  text_fini(&text);
  return rc;
}

static int32_t tell_types(const struct telling *t, const struct source_table *table) {
  int32_t rc = ETL_OK;
  char format[16];
  for (size_t i = 0; i < table->n - table->hidden_n && rc == ETL_OK; i++) {
    const struct field *c = &table->fields[i];
    const char *note = field_note(c);
    rc = tell(t, (struct etl_explain_item){.kind = ETL_EXPLAIN_TYPE,
                                           .flags = note ? ETL_EXPLAIN_LOSSY : 0,
                                           .subject = c->name,
                                           .from = c->declared,
                                           .to = field_format(c, format),
                                           .text = note});
  }
  return rc;
}

static int32_t tell_cursor(const struct telling *t, const struct source_table *table, const struct bounds *b) {
  struct text text = {0};
  const struct field *first = table->cursor_n ? cursor_field(table, 0) : NULL;
  uint32_t flags = 0;
  if (!first) {
    text_add(&text, "there is no cursor: every run reads all rows, and an interrupted one begins anew");
  } else if (first->type->counts_time) {
    text_addf(&text, "rows below %s = %s are read: the server's clock less consistency_delay", first->name, b->upper);
  } else {
    flags = ETL_EXPLAIN_WARN;
    text_addf(
        &text,
        "%s %s tells no time: a row that is committed late, with a smaller value than the newest row read, is missed; a time with "
        "consistency_delay is safe",
        first->declared, first->name);
  }
  int32_t rc = tell_text(t, ETL_EXPLAIN_NOTE, flags, &text);
  if (first && first->type->counts_time && table->settings->delay_us == 0)
    text_add(&text, "consistency_delay is 0: a row that is committed late, with an older time than the newest row read, is missed");
  if (rc == ETL_OK)
    rc = tell_text(t, ETL_EXPLAIN_NOTE, ETL_EXPLAIN_WARN, &text);
  if (first && source_table_is_table(table) && !table->cursor_unique) {
    text_add(&text, "no unique index makes sure that ");
    cursor_names(&text, table);
    text_add(&text, " is unique: a row added later with a tuple equal to one already read is missed");
  }
  if (rc == ETL_OK)
    rc = tell_text(t, ETL_EXPLAIN_NOTE, ETL_EXPLAIN_WARN, &text);
  text_fini(&text);
  return rc;
}

static int32_t tell_nulls(const struct telling *t, const struct source_table *table, struct session *s) {
  struct text text = {0};
  PGresult *r = NULL;
  query_nulls(&text, table);
  int32_t rc = text.failed ? source_no_memory(s->host)
               : text.n    ? session_query(s, "counting rows with a NULL cursor", text_str(&text), 0, NULL, &r)
                           : ETL_OK;
  long long rows = r ? strtoll(PQgetvalue(r, 0, 0), NULL, 10) : 0;
  PQclear(r);
  text_clear(&text);
  if (rows)
    text_addf(&text, "%lld rows have NULL in a cursor column: %s", rows,
              table->settings->nulls == SOURCE_NULLS_FAIL ? "a run fails (null_cursor = \"fail\")" : "they are not read");
  if (rc == ETL_OK)
    rc = tell_text(t, ETL_EXPLAIN_NOTE, ETL_EXPLAIN_WARN, &text);
  text_fini(&text);
  return rc;
}

static int32_t tell_all(const struct telling *t, const struct source_table *table, const struct position *from, struct session *s) {
  struct text sql = {0};
  struct bounds b;
  int32_t rc = bounds_init(&b, table, s, NULL, NULL);
  if (rc == ETL_OK) {
    query_data(&sql, table, from, &b, 0);
    rc = tell_text(t, ETL_EXPLAIN_SQL, 0, &sql);
  }
  if (rc == ETL_OK)
    rc = tell_index(t, table);
  if (rc == ETL_OK)
    rc = tell_types(t, table);
  if (rc == ETL_OK)
    rc = tell_cursor(t, table, &b);
  if (rc == ETL_OK)
    rc = tell_nulls(t, table, s);
  text_fini(&sql);
  return rc;
}

static int32_t explain(void *self, const struct etl_stream *stream, const struct etl_shard *shard, struct etl_bytes cursor,
                       struct ArrowSchema *schema, int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg) {
  struct source_instance *in = self;
  struct source_shard *sh = source_shard_find(&in->settings, shard->id);
  struct telling t = {in->host, each, arg};
  struct source_table table = {0};
  struct position from = {0};
  if (!sh)
    return source_refuse(in->host, "shards", NULL, "there is no shard \"%s\"", shard->id);
  int32_t rc = source_connect(in, sh);
  if (rc == ETL_OK)
    rc = source_begin(&in->session, NULL);
  if (rc == ETL_OK)
    rc = source_table_init(&table, &in->session, &in->settings, stream->name);
  if (rc == ETL_OK)
    rc = position_init(&from, &table, in->host, cursor);
  if (rc == ETL_OK)
    rc = tell_all(&t, &table, &from, &in->session);
  if (rc == ETL_OK)
    rc = source_table_schema(&table, in->host, schema);
  position_fini(&from);
  source_table_fini(&table);
  session_disconnect(&in->session);
  return rc;
}

const struct etl_explain source_explain = {.struct_size = sizeof source_explain, .explain = explain};
