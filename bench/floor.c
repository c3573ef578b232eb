/* The floor under every figure of the benchmark: rows from db-lib, not bound, into PostgreSQL by binary COPY, and nothing around
 * it: no engine, no batches, no cursor, no threads.  What etl needs more than this is what the engine costs.  It knows one table,
 * that of bench/table.py.
 *
 *   floor HOST:PORT USER DATABASE QUERY CONNINFO TARGET       MSSQL_PASSWORD and PGPASSWORD in the environment
 *
 * Prints one line of JSON: rows, CPU seconds of this process, its peak RSS.  Fails at the first thing it does not expect. */
#include <libpq-fe.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sybdb.h>
#include <sys/resource.h>

enum {
  PACKET_BYTES = 32767,
  BUFFER_BYTES = 128 * 1024,
  ROW_FIXED_MAX = 512, /* all of a row but the text */
  COLUMNS = 8,
  DECIMAL_SCALE = 4,
  DECIMAL_BYTES = 8, /* of the magnitude of a decimal(18,4) */
  DAYS_1900_TO_2000 = 36524
};
#define DAY_US INT64_C(86400000000)

struct out {
  PGconn *pg;
  uint8_t *p; /* where the next byte goes */
  uint8_t buf[BUFFER_BYTES];
};

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  fputs("floor: ", stderr);
  vfprintf(stderr, fmt, ap);
  fputc('\n', stderr);
  va_end(ap);
  exit(1);
}

static int on_error(DBPROCESS *db, int severity, int number, int os_error, char *text, char *os_text) {
  (void)db, (void)severity, (void)os_error, (void)os_text;
  if (number != SYBESMSG)
    die("db-lib: %d: %s", number, text);
  return INT_CANCEL;
}

static int on_message(DBPROCESS *db, DBINT number, int state, int severity, char *text, char *server, char *procedure, int line) {
  (void)db, (void)state, (void)server, (void)procedure, (void)line;
  if (severity > 10)
    die("server: %d: %s", (int)number, text);
  return 0;
}

/* ---- writing --------------------------------------------------------------------------------------------------------------- */

static inline void put16(struct out *o, uint16_t v) {
  v = __builtin_bswap16(v);
  memcpy(o->p, &v, sizeof v);
  o->p += sizeof v;
}

static inline void put32(struct out *o, uint32_t v) {
  v = __builtin_bswap32(v);
  memcpy(o->p, &v, sizeof v);
  o->p += sizeof v;
}

static inline void put64(struct out *o, uint64_t v) {
  v = __builtin_bswap64(v);
  memcpy(o->p, &v, sizeof v);
  o->p += sizeof v;
}

static void flush(struct out *o) {
  if (PQputCopyData(o->pg, (const char *)o->buf, (int)(o->p - o->buf)) != 1)
    die("COPY: %s", PQerrorMessage(o->pg));
  o->p = o->buf;
}

/* Four decimal places are one digit of base 10000, so the point lies where numeric wants it. */
static void put_decimal(struct out *o, const BYTE *p) {
  const DBNUMERIC *d = (const DBNUMERIC *)p;
  uint64_t v = 0;
  uint16_t digits[8];
  int n = 0, low = 0;
  for (int i = 1; i <= DECIMAL_BYTES; i++)
    v = v << 8 | d->array[i];
  for (; v; v /= 10000)
    digits[n++] = (uint16_t)(v % 10000);
  while (low < n && digits[low] == 0)
    low++;
  put32(o, (uint32_t)(8 + 2 * (n - low)));
  put16(o, (uint16_t)(n - low));
  put16(o, (uint16_t)(n ? n - 2 : 0)); /* weight of the first: all but one stand before the point */
  put16(o, d->array[0] && n ? 0x4000 : 0);
  put16(o, DECIMAL_SCALE);
  for (int i = n - 1; i >= low; i--)
    put16(o, digits[i]);
}

static void put_datetime2(struct out *o, const BYTE *p) {
  DBDATETIMEALL d;
  memcpy(&d, p, sizeof d);
  put32(o, 8);
  put64(o, (uint64_t)((d.date - DAYS_1900_TO_2000) * DAY_US + (int64_t)(d.time / 10)));
}

static void put_text(struct out *o, const BYTE *p, size_t n) {
  put32(o, (uint32_t)n);
  if ((size_t)(o->buf + BUFFER_BYTES - o->p) < n + ROW_FIXED_MAX)
    flush(o);
  if (n + ROW_FIXED_MAX > BUFFER_BYTES)
    die("a text of %zu bytes: the table of the benchmark has none such", n);
  memcpy(o->p, p, n);
  o->p += n;
}

static void put_value(struct out *o, DBPROCESS *db, int column, const BYTE *p) {
  uint32_t v32;
  uint64_t v64;
  switch (column) {
  case 1: /* bigint */
  case 7: /* float */
    memcpy(&v64, p, sizeof v64);
    put32(o, 8);
    put64(o, v64);
    break;
  case 2: /* int */
    memcpy(&v32, p, sizeof v32);
    put32(o, 4);
    put32(o, v32);
    break;
  case 3: put_decimal(o, p); break;
  case 4: /* bit */
    put32(o, 1);
    *o->p++ = *p;
    break;
  case 5: put_datetime2(o, p); break;
  default: put_text(o, p, (size_t)dbdatlen(db, column)); break;
  }
}

/* ---- reading ----------------------------------------------------------------------------------------------------------------- */

static DBPROCESS *source_open(char **argv) {
  const char *password = getenv("MSSQL_PASSWORD");
  dbinit();
  dberrhandle(on_error);
  dbmsghandle(on_message);
  LOGINREC *login = dblogin();
  dbsetlversion(login, DBVERSION_74);
  DBSETLCHARSET(login, "UTF-8");
  DBSETLUSER(login, argv[2]);
  DBSETLPWD(login, password ? password : "");
  DBSETLDBNAME(login, argv[3]);
  DBSETLPACKET(login, PACKET_BYTES);
  DBPROCESS *db = dbopen(login, argv[1]);
  if (!db)
    die("cannot connect to %s", argv[1]);
  dbloginfree(login);
  return db;
}

static void source_query(DBPROCESS *db, const char *sql) {
  static const int types[COLUMNS] = {SYBINT8, SYBINT4, SYBDECIMAL, SYBBIT, SYBMSDATETIME2, SYBCHAR, SYBFLT8, SYBCHAR};
  if (dbcmd(db, sql) != SUCCEED || dbsqlexec(db) != SUCCEED || dbresults(db) != SUCCEED)
    die("the query failed: %s", sql);
  if (dbnumcols(db) != COLUMNS)
    die("%d columns instead of %d", dbnumcols(db), COLUMNS);
  for (int i = 0; i < COLUMNS; i++)
    if (dbcoltype(db, i + 1) != types[i])
      die("column %d has type %d instead of %d", i + 1, dbcoltype(db, i + 1), types[i]);
}

static long long copy_rows(DBPROCESS *db, struct out *o) {
  long long rows = 0;
  STATUS st;
  while ((st = dbnextrow(db)) == REG_ROW) {
    if (o->buf + BUFFER_BYTES - o->p < ROW_FIXED_MAX)
      flush(o);
    put16(o, COLUMNS);
    for (int i = 1; i <= COLUMNS; i++) {
      const BYTE *p = dbdata(db, i);
      if (p)
        put_value(o, db, i, p);
      else
        put32(o, UINT32_MAX);
    }
    rows++;
  }
  if (st != NO_MORE_ROWS)
    die("the rows broke off after %lld", rows);
  return rows;
}

/* ---- the whole --------------------------------------------------------------------------------------------------------------- */

static PGconn *sink_open(const char *conninfo, const char *target) {
  char sql[256];
  PGconn *pg = PQconnectdb(conninfo);
  if (PQstatus(pg) != CONNECTION_OK)
    die("%s", PQerrorMessage(pg));
  snprintf(sql, sizeof sql, "COPY %s FROM STDIN (FORMAT binary)", target);
  PGresult *r = PQexec(pg, sql);
  if (PQresultStatus(r) != PGRES_COPY_IN)
    die("%s", PQerrorMessage(pg));
  PQclear(r);
  return pg;
}

static void sink_end(struct out *o, long long rows) {
  put16(o, UINT16_MAX);
  flush(o);
  if (PQputCopyEnd(o->pg, NULL) != 1)
    die("%s", PQerrorMessage(o->pg));
  PGresult *r = PQgetResult(o->pg);
  if (PQresultStatus(r) != PGRES_COMMAND_OK || strtoll(PQcmdTuples(r), NULL, 10) != rows)
    die("the server took %s of %lld rows: %s", PQcmdTuples(r), rows, PQerrorMessage(o->pg));
  PQclear(r);
  PQfinish(o->pg);
}

static double seconds(struct timeval t) { return (double)t.tv_sec + (double)t.tv_usec / 1e6; }

int main(int argc, char **argv) {
  static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
  if (argc != 7)
    die("arguments: HOST:PORT USER DATABASE QUERY CONNINFO TARGET");
  struct out *o = malloc(sizeof *o);
  if (!o)
    die("no memory");
  DBPROCESS *db = source_open(argv);
  o->pg = sink_open(argv[5], argv[6]);
  memcpy(o->buf, header, sizeof header - 1);
  o->p = o->buf + sizeof header - 1;
  source_query(db, argv[4]);
  long long rows = copy_rows(db, o);
  sink_end(o, rows);
  dbclose(db);
  free(o);
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  printf("{\"rows\": %lld, \"cpu_seconds\": %.6f, \"peak_rss_bytes\": %ld}\n", rows, seconds(u.ru_utime) + seconds(u.ru_stime),
         u.ru_maxrss * 1024);
  return 0;
}
