/* Connections.  db-lib's two handlers are process-global: they are installed once and find their connection through
 * dbsetuserdata(), or through a thread-local while it is being made.  They only record; whoever called db-lib then makes the
 * failure. */
#include "connect.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <syberror.h>
#include <unistd.h>

enum {
  MAX_CONNECTIONS = 65536,
  KEEPALIVE_S = 30,
  UNACKNOWLEDGED_MS = 60000
};

static _Thread_local struct conn *connecting;
static pthread_once_t process_once = PTHREAD_ONCE_INIT;

static struct conn *conn_of(DBPROCESS *db) {
  struct conn *c = db ? (struct conn *)(void *)dbgetuserdata(db) : NULL;
  return c ? c : connecting;
}

static int64_t now_ns(const struct conn *c) { return c->host->now_ns(c->host, ETL_CLOCK_MONOTONIC); }

static bool stop_wanted(const struct conn *c) { return atomic_load(&c->cancelled) || c->host->cancelled(c->host); }

static void record(struct vendor_error *e, int64_t number, int state, int severity, int line, int os_error, const char *text) {
  if (e->number)
    return;
  *e = (struct vendor_error){.number = number, .state = state, .severity = severity, .line = line, .os_error = os_error};
  snprintf(e->text, sizeof e->text, "%s", text ? text : "");
  for (char *p = e->text; *p; p++)
    if (*p == '\n' || *p == '\r')
      *p = ' ';
}

/* Any other answer than INT_CANCEL makes db-lib end the process, but for a timeout, where INT_CONTINUE waits on. */
static int on_error(DBPROCESS *db, int severity, int number, int os_error, char *text, char *os_text) {
  struct conn *c = conn_of(db);
  (void)os_text;
  if (!c || number == SYBESMSG)
    return INT_CANCEL;
  if (number >= SYBEICONVIU && number <= SYBEICONV2BIG) {
    c->bad_characters = true;
    return INT_CANCEL;
  }
  if (number == SYBETIME && c == connecting && !stop_wanted(c) && now_ns(c) < c->login_deadline_ns)
    return INT_CONTINUE;
  record(&c->client_error, number, 0, severity, 0, os_error, text);
  return INT_CANCEL;
}

static int on_message(DBPROCESS *db, DBINT number, int state, int severity, char *text, char *server, char *procedure, int line) {
  struct conn *c = conn_of(db);
  (void)server;
  (void)procedure;
  if (c && severity > 10)
    record(&c->server_error, number, state, severity, line, 0, text);
  return 0;
}

static void process_init(void) {
  dbinit();
  dberrhandle(on_error);
  dbmsghandle(on_message);
  dbsetmaxprocs(MAX_CONNECTIONS);
}

void conn_process_init(void) { pthread_once(&process_once, process_init); }

static uint64_t received_bytes(const struct conn *c) {
  struct tcp_info info;
  socklen_t n = sizeof info;
  return getsockopt(c->wake_fd, IPPROTO_TCP, TCP_INFO, &info, &n) == 0 ? info.tcpi_bytes_received : 0;
}

/* db-lib asks this once in each second of silence.  1: give up. */
static int silence(void *db) {
  struct conn *c = conn_of(db);
  if (!c)
    return 0;
  if (stop_wanted(c))
    return 1;
  uint64_t received = received_bytes(c);
  int64_t now = now_ns(c);
  if (received != c->received_bytes) {
    c->received_bytes = received;
    c->silent_since_ns = now;
  }
  int64_t limit_ms = c->settings->query_timeout_ms;
  if (limit_ms && now - c->silent_since_ns >= limit_ms * 1000000) {
    c->silent_too_long = true;
    return 1;
  }
  if (c->on_silence)
    c->on_silence(c->on_silence_arg);
  return 0;
}

static int give_up(void *db) {
  (void)db;
  return INT_CANCEL;
}

static void describe(struct conn *c) {
  const struct shard *sh = c->shard;
  snprintf(c->where, sizeof c->where, "shard \"%.100s\" (%.150s:%d%s%.100s)", sh->id, sh->host, sh->port,
           sh->database ? ", database " : "", sh->database ? sh->database : "");
}

static void set_socket_options(int fd) {
  static const struct {
    int level, name, value;
  } wanted[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
                {IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_S},
                {IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_S / 3},
                {IPPROTO_TCP, TCP_KEEPCNT, 3},
                {IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS}};
  for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
    (void)setsockopt(fd, wanted[i].level, wanted[i].name, &wanted[i].value, sizeof wanted[i].value); /* merely an improvement */
}

/* One attempt.  NULL: c's errors say why. */
static DBPROCESS *connect_once(struct conn *c, struct failure *f) {
  const struct settings *s = c->settings;
  LOGINREC *login = dblogin();
  const char *password = c->shard->password ? etl_secret(c->host, c->shard->password) : "";
  bool ok = login && dbsetlversion(login, DBVERSION_74) == SUCCEED && DBSETLCHARSET(login, "UTF-8") == SUCCEED &&
            DBSETLUSER(login, c->shard->user) == SUCCEED && DBSETLPWD(login, password) == SUCCEED &&
            DBSETLAPP(login, s->application_name) == SUCCEED && DBSETLPACKET(login, s->packet_bytes) == SUCCEED;
  if (ok && c->shard->database)
    ok = DBSETLDBNAME(login, c->shard->database) == SUCCEED;
  DBPROCESS *db = NULL;
  if (ok)
    db = dbopen(login, c->shard->section);
  else
    failure_set(f, ETL_E_CONFIG, NULL, "names and passwords may have at most 255 bytes",
                "sqlserver: %s: db-lib does not take these login settings%s%s", c->where, c->client_error.number ? ": " : "",
                c->client_error.text);
  if (login)
    dbloginfree(login);
  return db;
}

static int try_open(struct conn *c, struct failure *f) {
  const struct settings *s = c->settings;
  c->server_error = c->client_error = (struct vendor_error){0};
  c->login_deadline_ns = now_ns(c) + s->login_timeout_ms * 1000000;
  connecting = c;
  c->db = connect_once(c, f);
  connecting = NULL;
  if (!c->db) {
    const char *tls = c->shard->encryption == ENCRYPTION_REQUIRE && c->client_error.number != SYBEUHST
                          ? "connecting with encryption required (does the server offer TLS, and does its certificate fit ca_file?)"
                          : "connecting";
    return failure_vendor(f, c->where, tls, &c->server_error, &c->client_error);
  }
  dbsetuserdata(c->db, (BYTE *)c);
  dbsetinterrupt(c->db, silence, give_up);
  c->wake_fd = dup(dbiordesc(c->db));
  if (c->wake_fd < 0)
    return failure_set(f, ETL_E_RETRYABLE, NULL, "raise the limit of open files", "sqlserver: %s: no descriptor left: %s", c->where,
                       strerror(errno));
  set_socket_options(c->wake_fd);
  return 0;
}

/* What makes the session behave as a user expects; db-lib logs in with ANSI options off and a TEXTSIZE that cuts.  A cell that is
 * larger than max_cell arrives cut, but still larger: UTF-16 never has more than twice the bytes that the cell has in UTF-8. */
static int session_begin(struct conn *c, struct failure *f) {
  static const char *const levels[] = {"READ COMMITTED", "READ UNCOMMITTED", "REPEATABLE READ", "SNAPSHOT", "SERIALIZABLE"};
  const struct settings *s = c->settings;
  struct text sql = {0};
  int64_t text_bytes = 2 * (s->max_cell_bytes + 2);
  text_addf(&sql,
            "SET TEXTSIZE %lld; SET ANSI_NULLS ON; SET ANSI_PADDING ON; SET ANSI_WARNINGS ON; SET ANSI_NULL_DFLT_ON ON; "
            "SET ARITHABORT ON; SET CONCAT_NULL_YIELDS_NULL ON; SET QUOTED_IDENTIFIER ON; SET NUMERIC_ROUNDABORT OFF; "
            "SET LOCK_TIMEOUT %lld; SET TRANSACTION ISOLATION LEVEL %s",
            (long long)(text_bytes < INT32_MAX ? text_bytes : INT32_MAX), (long long)(s->lock_timeout_ms ? s->lock_timeout_ms : -1),
            levels[s->isolation]);
  int rc = sql.failed ? failure_out_of_memory(f, "a statement") : conn_run(c, "preparing the session", sql.p, NULL, NULL, f);
  text_fini(&sql);
  return rc;
}

int conn_open(struct conn *c, const struct etl_host *host, const struct settings *s, const struct shard *shard, struct failure *f) {
  *c = (struct conn){.host = host, .settings = s, .shard = shard, .wake_fd = -1};
  describe(c);
  conn_process_init();
  for (int attempt = 0;; attempt++) {
    struct failure now = {0};
    if (try_open(c, &now) == 0 && session_begin(c, &now) == 0)
      return 0;
    conn_close(c);
    if (now.error_class != ETL_E_RETRYABLE || attempt == s->connect_retries || stop_wanted(c)) {
      *f = now;
      return -1;
    }
    etl_logf(host, ETL_LOG_INFO, "%s; trying again in %lld ms (%d of %d)", now.message, (long long)s->connect_retry_delay_ms,
             attempt + 1, s->connect_retries);
    if (host->sleep_ms(host, (uint64_t)s->connect_retry_delay_ms) != ETL_OK) {
      *f = now;
      return -1;
    }
  }
}

void conn_close(struct conn *c) {
  if (c->db)
    dbclose(c->db);
  if (c->db && c->wake_fd >= 0)
    close(c->wake_fd);
  c->db = NULL;
  c->wake_fd = -1;
}

void conn_cancel(struct conn *c) {
  atomic_store(&c->cancelled, 1);
  if (c->wake_fd >= 0)
    (void)shutdown(c->wake_fd, SHUT_RDWR);
}

int conn_fail(struct conn *c, const char *what, struct failure *f) {
  if (stop_wanted(c))
    return failure_set(f, ETL_E_RETRYABLE, NULL, NULL, "sqlserver: %s: %s: cancelled", c->where, what);
  if (c->silent_too_long)
    return failure_set(
        f, ETL_E_RETRYABLE, "query_timeout", "raise query_timeout, or help the server with an index on the cursor columns",
        "sqlserver: %s: %s: the server sent nothing for %lld s", c->where, what, (long long)(c->settings->query_timeout_ms / 1000));
  return failure_vendor(f, c->where, what, &c->server_error, &c->client_error);
}

int conn_ok(struct conn *c, const char *what, struct failure *f) {
  return c->server_error.number || c->client_error.number || dbdead(c->db) ? conn_fail(c, what, f) : 0;
}

int conn_send(struct conn *c, const char *what, const char *sql, struct failure *f) {
  c->server_error = c->client_error = (struct vendor_error){0};
  c->bad_characters = c->silent_too_long = false;
  c->silent_since_ns = now_ns(c);
  if (dbcmd(c->db, sql) != SUCCEED || dbsqlsend(c->db) != SUCCEED || dbsqlok(c->db) != SUCCEED)
    return conn_fail(c, what, f);
  return conn_ok(c, what, f);
}

int conn_run(struct conn *c, const char *what, const char *sql, int (*row)(void *arg, struct conn *c, struct failure *f), void *arg,
             struct failure *f) {
  RETCODE more;
  if (conn_send(c, what, sql, f) < 0)
    return -1;
  while ((more = dbresults(c->db)) == SUCCEED) {
    STATUS st;
    while ((st = dbnextrow(c->db)) == REG_ROW)
      if (row && row(arg, c, f) < 0)
        return -1;
    if (st != NO_MORE_ROWS)
      return conn_fail(c, what, f);
  }
  return more == NO_MORE_RESULTS ? conn_ok(c, what, f) : conn_fail(c, what, f);
}

const char *conn_text(struct conn *c, int column, size_t *ret_n) {
  const BYTE *p = dbdata(c->db, column);
  *ret_n = p ? (size_t)dbdatlen(c->db, column) : 0;
  return (const char *)p;
}

int64_t conn_int(struct conn *c, int column) {
  const BYTE *p = dbdata(c->db, column);
  union {
    int16_t i2;
    int32_t i4;
    int64_t i8;
  } v;
  if (!p)
    return 0;
  switch (dbdatlen(c->db, column)) {
  case 1: return *p;
  case 2: memcpy(&v.i2, p, 2); return v.i2;
  case 4: memcpy(&v.i4, p, 4); return v.i4;
  default: memcpy(&v.i8, p, 8); return v.i8;
  }
}

char *conn_strdup(struct conn *c, int column, struct pool *pool) {
  size_t n;
  const char *p = conn_text(c, column, &n);
  return p ? pool_strndup(pool, p, n) : NULL;
}
