/* Driving the connector. */
#include "sink.h"

#include <libpq-fe.h>
#include <stdlib.h>

static void set_from_environment(struct testopts *o) {
  static const char *const names[][2] = {
    {"host", "PGHOST"}, {"port", "PGPORT"}, {"user", "PGUSER"}, {"password", "PGPASSWORD"}, {"database", "PGDATABASE"}};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    testopts_set(o, names[i][0], getenv(names[i][1]) ? getenv(names[i][1]) : "");
}

/* "name=text|name=text": one group. */
static void add_group(struct testopts *o, const char *option, const char *text) {
  struct testopts *group = testopts_group(o, option);
  char *copy = strdup(text), *rest = copy, *pair;
  while ((pair = strsep(&rest, "|"))) {
    char *value = strchr(pair, '=');
    *value++ = 0;
    testopts_set(group, pair, value);
  }
  free(copy);
}

void sink_open(struct sink *s, const char *run, const char *lane, uint32_t flags, const char *const *options) {
  *s = (struct sink){.connector = testhost_connector("postgres", ETL_KIND_LOADER)};
  testhost_init(&s->host);
  s->opts = testopts_new(&s->host, s->connector->options);
  set_from_environment(s->opts);
  testopts_set(s->opts, "connect_retries", "0");
  for (; *options; options += 2)
    if (strcmp(options[0], "tables") == 0)
      add_group(s->opts, options[0], options[1]);
    else
      testopts_set(s->opts, options[0], options[1]);
  s->api = s->connector->api;
  s->stream = (struct etl_stream){.struct_size = sizeof s->stream, .name = "dbo.t"};
  s->owner = 1;
  s->shard = "eu1";
  testopts_open(s->opts, s->connector, "p", run, lane, flags, &s->self);
}

void sink_close(struct sink *s) {
  if (s->self)
    s->connector->common->close(s->self);
  etl_schema_release(&s->schema);
  testopts_free(s->opts);
  testhost_fini(&s->host);
}

void sink_schema(struct sink *s, const char *const *columns) {
  int64_t n = 0;
  while (columns[2 * n])
    n++;
  etl_schema_release(&s->schema);
  etl_schema_init(&s->schema, n);
  for (int64_t i = 0; i < n; i++) {
    const char *format = columns[2 * i + 1];
    bool nullable = *format == '?';
    format += nullable;
    bool uuid = strcmp(format, "uuid") == 0, json = strcmp(format, "json") == 0;
    etl_schema_set(&s->schema, i, columns[2 * i], uuid ? "w:16" : json ? "u" : format, nullable, NULL,
                   uuid ? "arrow.uuid" : json ? "arrow.json" : NULL);
  }
  s->stream.schema = &s->schema;
}

int32_t sink_prepare(struct sink *s, const char *const *columns) {
  sink_schema(s, columns);
  return s->api->prepare(s->self, &s->stream, &s->schema);
}

int32_t sink_claim(struct sink *s) {
  struct etl_claim c = {.struct_size = sizeof c, .run = "r1"};
  int32_t rc = s->api->claim(s->self, &c, &s->owner);
  return rc == ETL_OK ? s->api->run_begin(s->self, "r1") : rc;
}

int32_t sink_begin(struct sink *s, uint64_t from_epoch) {
  struct etl_cursor from = {.struct_size = sizeof from, .stream = "dbo.t", .shard = s->shard, .epoch = from_epoch};
  const struct etl_cursor *list[] = {&from};
  struct etl_txn txn = {.struct_size = sizeof txn, .id = "x", .owner = s->owner, .from = list, .from_n = 1};
  return s->api->begin(s->self, &txn);
}

static size_t from_hex(const char *hex, uint8_t *to) {
  size_t n = strlen(hex) / 2;
  for (size_t i = 0; i < n; i++) {
    char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
    to[i] = (uint8_t)strtoul(two, NULL, 16);
  }
  return n;
}

static __int128 wide(const char *text) {
  __int128 x = 0;
  for (const char *p = text + (*text == '-'); *p; p++)
    x = x * 10 + (*p - '0');
  return *text == '-' ? -x : x;
}

static void add_number(struct etl_batch *b, int64_t i, const struct etl_format *f, const char *text) {
  int64_t number = (int64_t)strtoull(text, NULL, 10);
  switch (f->width) {
  case 1: etl_batch_i8(b, i, (int8_t)number); break;
  case 2: etl_batch_i16(b, i, (int16_t)number); break;
  case 4: etl_batch_i32(b, i, (int32_t)number); break;
  default: etl_batch_i64(b, i, number);
  }
}

/* With a NUL for each \\0. */
static void add_text(struct etl_batch *b, int64_t i, const char *text) {
  char *copy = strdup(text);
  size_t n = 0;
  for (const char *p = text; *p; n++) {
    bool nul = p[0] == '\\' && p[1] == '0';
    copy[n] = nul ? 0 : *p;
    p += nul ? 2 : 1;
  }
  etl_batch_bytes(b, i, copy, n);
  free(copy);
}

static void add_cell(struct etl_batch *b, int64_t i, const char *text) {
  const struct etl_format *f = &b->cols[i].f;
  uint8_t bytes[64];
  __int128 decimal;
  if (!text) {
    etl_batch_null(b, i);
    return;
  }
  switch (f->logical) {
  case ETL_L_BOOL: etl_batch_bool(b, i, *text == '1'); break;
  case ETL_L_FLOAT:
    if (f->width == 4)
      etl_batch_f32(b, i, strtof(text, NULL));
    else
      etl_batch_f64(b, i, strtod(text, NULL));
    break;
  case ETL_L_DECIMAL:
    decimal = wide(text);
    etl_batch_fixed(b, i, &decimal);
    break;
  case ETL_L_STRING:
  case ETL_L_JSON: add_text(b, i, text); break;
  case ETL_L_BINARY: etl_batch_bytes(b, i, bytes, from_hex(text, bytes)); break;
  case ETL_L_UUID:
    from_hex(text, bytes);
    etl_batch_fixed(b, i, bytes);
    break;
  default: add_number(b, i, f, text);
  }
}

int32_t sink_write(struct sink *s, const char *const *cells) {
  struct etl_batch b;
  struct etl_msg m = {.struct_size = sizeof m, .flags = ETL_M_ROWS, .lag_ns = -1};
  etl_batch_init(&b, &s->host.host, &s->schema, 16);
  while (*cells != END) {
    etl_batch_row(&b);
    for (int64_t i = 0; i < b.n_cols; i++)
      add_cell(&b, i, *cells++);
  }
  etl_batch_finish(&b, &m.rows);
  etl_batch_fini(&b);
  int32_t rc = s->api->write(s->self, &s->stream, &m);
  etl_array_release(&m.rows);
  return rc;
}

int32_t sink_commit(struct sink *s, uint64_t to_epoch, const char *cursor) {
  struct etl_cursor to = {
    .struct_size = sizeof to, .stream = "dbo.t", .shard = s->shard, .epoch = to_epoch, .cursor = {cursor, strlen(cursor)}};
  const struct etl_cursor *list[] = {&to};
  return s->api->commit(s->self, list, 1);
}

int32_t sink_epoch(struct sink *s, uint64_t from, const char *const *cells) {
  int32_t rc = sink_begin(s, from);
  if (rc == ETL_OK)
    rc = sink_write(s, cells);
  if (rc == ETL_OK)
    rc = sink_commit(s, from + 1, "here");
  if (rc != ETL_OK)
    s->api->abort(s->self);
  return rc;
}

struct asked {
  uint64_t epoch;
  char *cursor;
};

static int32_t take(void *arg, const struct etl_cursor *c) {
  struct asked *a = arg;
  a->epoch = c->epoch;
  snprintf(a->cursor, 64, "%.*s", (int)c->cursor.n, (const char *)c->cursor.p);
  return ETL_OK;
}

uint64_t sink_committed(struct sink *s, char cursor[64]) {
  struct asked a = {.cursor = cursor};
  *cursor = 0;
  return s->api->committed(s->self, take, &a) == ETL_OK ? a.epoch : UINT64_MAX;
}

const char *sink_sql(const char *sql) {
  static char text[16384];
  size_t n = 0;
  PGconn *c = PQconnectdb("");
  PGresult *r = PQexec(c, sql);
  *text = 0;
  if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK)
    snprintf(text, sizeof text, "%s", PQerrorMessage(c));
  for (int i = 0; i < PQntuples(r); i++)
    for (int k = 0; k < PQnfields(r) && n < sizeof text; k++)
      n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", PQgetisnull(r, i, k) ? "NULL" : PQgetvalue(r, i, k),
                            k + 1 < PQnfields(r) ? "|" : i + 1 < PQntuples(r) ? ";" : "");
  PQclear(r);
  PQfinish(c);
  return text;
}
