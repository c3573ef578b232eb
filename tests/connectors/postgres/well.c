/* Driving the extractor. */
#include "well.h"

#include <stdlib.h>

void well_open(struct well *w, uint32_t flags, const char *const *options) {
  *w = (struct well){.connector = testhost_connector("postgres", ETL_KIND_EXTRACTOR)};
  static const char *const names[][2] = {
      {"host", "PGHOST"}, {"port", "PGPORT"}, {"user", "PGUSER"}, {"password", "PGPASSWORD"}, {"database", "PGDATABASE"}};
  testhost_init(&w->host);
  w->api = w->connector->api;
  w->opts = testopts_new(&w->host, w->connector->options);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    testopts_set(w->opts, names[i][0], getenv(names[i][1]) ? getenv(names[i][1]) : "");
  testopts_set(w->opts, "connect_retries", "0");
  for (; *options; options += 2)
    testopts_set(w->opts, options[0], options[1]);
  testopts_open(w->opts, w->connector, "p", "r1", NULL, flags, &w->self);
}

static void close_reader(struct well *w) {
  if (w->reader)
    w->api->reader_close(w->reader);
  w->reader = NULL;
}

void well_close(struct well *w) {
  close_reader(w);
  if (w->self)
    w->connector->common->close(w->self);
  etl_schema_release(&w->schema);
  testopts_free(w->opts);
  testhost_fini(&w->host);
}

struct etl_stream well_stream(const char *name, bool whole) {
  return (struct etl_stream){.struct_size = sizeof(struct etl_stream), .flags = whole ? ETL_STREAM_WHOLE : 0, .name = name};
}

int32_t well_reader(struct well *w, const char *stream, const char *cursor, const struct etl_read *more) {
  struct etl_stream s = well_stream(stream, false);
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "0", .est_rows = -1, .est_bytes = -1};
  struct etl_read read = more ? *more : (struct etl_read){.want_rows = 1000};
  read.struct_size = sizeof read;
  read.host = &w->host.host;
  read.stream = &s;
  read.shard = &shard;
  if (cursor)
    read.cursor = (struct etl_bytes){cursor, strlen(cursor)};
  close_reader(w);
  etl_schema_release(&w->schema);
  *w->rows = *w->cursor = 0;
  w->rows_n = w->rows_behind = w->messages = w->cursors = 0;
  testhost_clear(&w->host);
  return w->api->reader_open(w->self, &read, &w->reader);
}

static void keep_rows(struct well *w, const struct ArrowArray *rows) {
  for (int64_t i = 0; i < rows->length; i++) {
    char *json = etl_row_json(&w->schema, rows, i);
    size_t n = strlen(w->rows);
    snprintf(w->rows + n, sizeof w->rows - n, "%s;", json);
    free(json);
  }
  w->rows_n += rows->length;
  w->rows_behind += rows->length;
}

int32_t well_next(struct well *w, uint32_t want_cursor) {
  struct etl_msg m = {.struct_size = sizeof m, .lag_ns = -1};
  int32_t rc = w->api->next(w->reader, 1000, want_cursor, &m);
  if (rc != ETL_OK && rc != ETL_DONE)
    return rc;
  w->messages += m.flags != 0;
  w->lag_ns = m.lag_ns;
  if (m.flags & ETL_M_SCHEMA)
    etl_schema_move(&m.schema, &w->schema);
  if (m.flags & ETL_M_ROWS)
    keep_rows(w, &m.rows);
  etl_array_release(&m.rows);
  if (m.flags & ETL_M_CURSOR) {
    snprintf(w->cursor, sizeof w->cursor, "%.*s", (int)m.cursor.n, (const char *)m.cursor.p);
    w->cursors++;
    w->rows_behind = 0;
  }
  return rc;
}

int32_t well_drain(struct well *w) {
  int32_t rc;
  do
    rc = well_next(w, 0);
  while (rc == ETL_OK || rc == ETL_IDLE);
  close_reader(w);
  return rc;
}

int32_t well_read(struct well *w, const char *stream, const char *cursor) {
  int32_t rc = well_reader(w, stream, cursor, NULL);
  return rc == ETL_OK ? well_drain(w) : rc;
}
