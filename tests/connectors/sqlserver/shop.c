/* Driving the connector, and talking to the server beside it. */
#include "shop.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sybdb.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((noreturn)) static void wrong(const char *what, const char *detail) {
  fprintf(stderr, "wrong test: %s: %s\n", what, detail);
  exit(99);
}

static const char *env(const char *name) {
  const char *v = getenv(name);
  if (!v)
    wrong("not in the environment", name);
  return v;
}

void shop_init(struct shop *s, const char *const *options) {
  static const char *const basics[] = {"host",     "ETL_TEST_MSSQL_HOST",    "port",     "ETL_TEST_MSSQL_PORT",
                                       "user",     "ETL_TEST_MSSQL_USER",    "password", "ETL_TEST_MSSQL_PASSWORD",
                                       "database", "ETL_TEST_MSSQL_DATABASE"};
  memset(s, 0, sizeof *s);
  testhost_init(&s->host);
  s->connector = testhost_connector("sqlserver", ETL_KIND_EXTRACTOR);
  s->api = s->connector->api;
  s->opts = testopts_new(&s->host, s->connector->options);
  for (size_t i = 0; i < sizeof basics / sizeof *basics; i += 2)
    testopts_set(s->opts, basics[i], env(basics[i + 1]));
  testopts_set(s->opts, "connect_retry_delay", "10ms");
  for (; *options; options += 2)
    testopts_set(s->opts, options[0], options[1]);
}

bool shop_open(struct shop *s) { return testopts_open(s->opts, s->connector, "test", "r1", NULL, 0, &s->self) == ETL_OK; }

void shop_fini(struct shop *s) {
  if (s->self)
    s->connector->common->close(s->self);
  testopts_free(s->opts);
  testhost_fini(&s->host);
}

void *shop_reader(struct shop *s, const char *cursor, uint64_t limit_rows, uint64_t want_rows) {
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "stream"};
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "0"};
  struct etl_read read = {.struct_size = sizeof read,
                          .host = &s->host.host,
                          .stream = &stream,
                          .shard = &shard,
                          .cursor = {cursor, cursor ? strlen(cursor) : 0},
                          .limit_rows = limit_rows,
                          .want_rows = want_rows};
  void *reader = NULL;
  return s->api->reader_open(s->self, &read, &reader) == ETL_OK ? reader : NULL;
}

/* ---- cells as text ---------------------------------------------------------------------------------------------------------- */

static char *decimal_text(const struct etl_view *v, int64_t i) {
  __int128 n;
  memcpy(&n, etl_view_fixed(v, i), sizeof n);
  unsigned __int128 u = n < 0 ? -(unsigned __int128)n : (unsigned __int128)n;
  char buf[64], *p = buf + sizeof buf - 1;
  *p = '\0';
  for (int k = 0; u || k <= v->f.scale; k++) {
    if (k == v->f.scale && k)
      *--p = '.';
    *--p = (char)('0' + (int)(u % 10));
    u /= 10;
  }
  if (n < 0)
    *--p = '-';
  return strdup(p);
}

static char *bytes_text(struct etl_bytes b) {
  char *text = malloc(b.n + 1);
  if (b.n)
    memcpy(text, b.p, b.n);
  text[b.n] = '\0';
  return text;
}

static char *hex_text(struct etl_bytes b) {
  static const char digits[] = "0123456789ABCDEF";
  char *text = calloc(2 * b.n + 3, 1);
  text[0] = '0';
  text[1] = 'x';
  for (uint64_t i = 0; i < b.n; i++) {
    text[2 + 2 * i] = digits[((const uint8_t *)b.p)[i] >> 4];
    text[3 + 2 * i] = digits[((const uint8_t *)b.p)[i] & 15];
  }
  return text;
}

static char *cell_text(const struct etl_view *v, int64_t i) {
  char buf[64];
  if (etl_view_null(v, i))
    return strdup("NULL");
  switch (v->f.logical) {
  case ETL_L_BOOL: return strdup(etl_view_bool(v, i) ? "true" : "false");
  case ETL_L_FLOAT: snprintf(buf, sizeof buf, v->f.width == 4 ? "%.9g" : "%.17g", etl_view_f64(v, i)); return strdup(buf);
  case ETL_L_DECIMAL: return decimal_text(v, i);
  case ETL_L_STRING:
  case ETL_L_JSON: return bytes_text(etl_view_bytes(v, i));
  case ETL_L_BINARY:
  case ETL_L_UUID: return hex_text(etl_view_bytes(v, i));
  default: snprintf(buf, sizeof buf, "%lld", (long long)etl_view_i64(v, i)); return strdup(buf);
  }
}

static void take_rows(struct got *g, const struct ArrowArray *rows) {
  struct etl_view views[SHOP_COLUMNS];
  g->n_columns = g->schema.n_children;
  if (g->n_columns > SHOP_COLUMNS || g->n_rows + rows->length > SHOP_ROWS)
    wrong("too many", "rows or columns");
  g->cells = realloc(g->cells, sizeof *g->cells * (size_t)((g->n_rows + rows->length + 1) * g->n_columns));
  for (int64_t c = 0; c < g->n_columns; c++)
    if (etl_view_init(&views[c], &g->schema, rows, c) < 0)
      wrong("a format that the SDK does not know", g->schema.children[c]->format);
  for (int64_t r = 0; r < rows->length; r++, g->n_rows++)
    for (int64_t c = 0; c < g->n_columns; c++)
      g->cells[g->n_rows * g->n_columns + c] = cell_text(&views[c], r);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------
 */

int32_t shop_next(struct shop *s, void *reader, uint64_t wait_ms, bool want_cursor, struct got *g) {
  struct etl_msg m = {.struct_size = sizeof m, .lag_ns = -1};
  int32_t rc = s->api->next(reader, wait_ms, want_cursor, &m);
  testhost_call_done(&s->host);
  if (rc != ETL_OK && rc != ETL_DONE)
    return rc;
  if (g->messages_n == SHOP_MESSAGES)
    wrong("too many", "messages");
  struct message *kept = &g->messages[g->messages_n++];
  *kept = (struct message){.flags = m.flags};
  if (m.flags & ETL_M_SCHEMA) {
    etl_schema_release(&g->schema);
    etl_schema_move(&m.schema, &g->schema);
  }
  if (m.flags & ETL_M_ROWS) {
    kept->rows = m.rows.length;
    take_rows(g, &m.rows);
    etl_array_release(&m.rows);
  }
  if (m.flags & ETL_M_CURSOR)
    g->cursor = kept->cursor = strndup(m.cursor.p, m.cursor.n);
  if (m.lag_ns >= 0)
    g->lag_ns = m.lag_ns;
  return rc;
}

void shop_read(struct shop *s, const char *cursor, uint64_t limit_rows, uint64_t want_rows, struct got *ret) {
  memset(ret, 0, sizeof *ret);
  ret->lag_ns = -1;
  void *reader = shop_reader(s, cursor, limit_rows, want_rows);
  ret->status = reader ? ETL_OK : ETL_FAILED;
  while (ret->status == ETL_OK || ret->status == ETL_IDLE)
    ret->status = shop_next(s, reader, 1000, false, ret);
  if (reader)
    s->api->reader_close(reader);
}

void got_fini(struct got *g) {
  for (int64_t i = 0; i < g->n_rows * g->n_columns; i++)
    free(g->cells[i]);
  free(g->cells);
  for (size_t i = 0; i < g->messages_n; i++)
    free(g->messages[i].cursor);
  etl_schema_release(&g->schema);
  memset(g, 0, sizeof *g);
}

const char *got_cell(const struct got *g, int64_t row, const char *column) {
  int64_t c = g->schema.release ? etl_schema_find(&g->schema, column) : -1;
  return c < 0 || row >= g->n_rows ? "no such cell" : g->cells[row * g->n_columns + c];
}

const char *got_format(const struct got *g, const char *column) {
  int64_t c = g->schema.release ? etl_schema_find(&g->schema, column) : -1;
  return c < 0 ? "no such column" : g->schema.children[c]->format;
}

const char *got_source_type(const struct got *g, const char *column) {
  static char buf[128];
  uint64_t n = 0;
  int64_t c = g->schema.release ? etl_schema_find(&g->schema, column) : -1;
  const char *p = c < 0 ? NULL : etl_schema_meta(g->schema.children[c], ETL_META_SOURCE_TYPE, &n);
  snprintf(buf, sizeof buf, "%.*s", (int)n, p ? p : "");
  return buf;
}

const char *got_column(const struct got *g, const char *column) {
  static char buf[1 << 20];
  size_t n = 0;
  buf[0] = '\0';
  for (int64_t i = 0; i < g->n_rows && n < sizeof buf; i++)
    n += (size_t)snprintf(buf + n, sizeof buf - n, "%s%s", i ? "," : "", got_cell(g, i, column));
  return buf;
}

/* ---- the server beside --------------------------------------------------------------------------------------------------------
 */

static char sql_error[1024];

static int keep_message(DBPROCESS *db, DBINT number, int state, int severity, char *text, char *server, char *procedure, int line) {
  (void)db, (void)number, (void)state, (void)server, (void)procedure, (void)line;
  if (severity > 10)
    snprintf(sql_error, sizeof sql_error, "%s", text);
  return 0;
}

static int keep_error(DBPROCESS *db, int severity, int number, int os_error, char *text, char *os_text) {
  (void)db, (void)severity, (void)number, (void)os_error, (void)os_text;
  if (!sql_error[0])
    snprintf(sql_error, sizeof sql_error, "%s", text);
  return INT_CANCEL;
}

static DBPROCESS *sql_connect(void) {
  char server[300];
  LOGINREC *login = dblogin();
  snprintf(server, sizeof server, "%s:%s", env("ETL_TEST_MSSQL_HOST"), env("ETL_TEST_MSSQL_PORT"));
  dbsetlversion(login, DBVERSION_74);
  DBSETLUSER(login, env("ETL_TEST_MSSQL_USER"));
  DBSETLPWD(login, env("ETL_TEST_MSSQL_PASSWORD"));
  DBSETLDBNAME(login, env("ETL_TEST_MSSQL_DATABASE"));
  DBSETLCHARSET(login, "UTF-8");
  DBPROCESS *db = dbopen(login, server);
  dbloginfree(login);
  if (!db)
    wrong("cannot connect", sql_error);
  return db;
}

void shop_sql(const char *sql) {
  static bool initialised;
  RETCODE rc;
  EHANDLEFUNC errors = dberrhandle(keep_error);
  MHANDLEFUNC messages = dbmsghandle(keep_message);
  if (!initialised) { /* dbinit() forgets the handlers each time */
    dbinit();
    dberrhandle(keep_error);
    dbmsghandle(keep_message);
    initialised = true;
  }
  sql_error[0] = '\0';
  DBPROCESS *db = sql_connect();
  sql_error[0] = '\0';
  if (dbcmd(db, sql) == SUCCEED && dbsqlexec(db) == SUCCEED)
    while ((rc = dbresults(db)) == SUCCEED)
      while (dbnextrow(db) == REG_ROW)
        ;
  dbclose(db);
  dberrhandle(errors);
  dbmsghandle(messages);
  if (sql_error[0]) {
    fprintf(stderr, "%s\n", sql);
    wrong("the statement failed", sql_error);
  }
}

bool shop_has_control(void) { return getenv("ETL_TEST_MSSQL_CONTROL") != NULL; }

const char *shop_control(const char *command) {
  static char answer[65536];
  struct sockaddr_in to = {.sin_family = AF_INET,
                           .sin_port = htons((uint16_t)strtol(env("ETL_TEST_MSSQL_CONTROL"), NULL, 10)),
                           .sin_addr = {htonl(INADDR_LOOPBACK)}};
  size_t n = 0;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0 || dprintf(fd, "%s\n", command) < 0)
    wrong("no control port", command);
  while (n < sizeof answer - 1 && !memchr(answer, '\n', n)) {
    ssize_t got = read(fd, answer + n, sizeof answer - 1 - n);
    if (got <= 0)
      break;
    n += (size_t)got;
  }
  close(fd);
  answer[n] = '\0';
  if (strncmp(answer, "ok", 2) != 0)
    wrong(command, answer);
  return answer;
}
