/* Sessions over libpq, non-blocking: connecting, waiting, and what is said when something fails. */
#include "connect.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cancel.h"
#include "errors.h"
#include "text.h"
#include "wait.h"

enum { LOOK_MS = 200 };

int32_t session_init(struct session *s, const struct etl_host *host, const struct settings *settings) {
  *s = (struct session){.host = host, .settings = settings};
  s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (s->wake_fd >= 0)
    return ETL_OK;
  struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
  e.vendor_code = errno;
  return etl_failf(host, &e, "postgres: no descriptor left: %s", strerror(errno));
}

void session_disconnect(struct session *s) {
  PQfinish(s->conn); /* takes NULL */
  s->conn = NULL;
}

void session_fini(struct session *s) {
  session_disconnect(s);
  if (s->wake_fd >= 0)
    close(s->wake_fd);
  trouble_fini(&s->trouble);
}

void session_cancel(struct session *s) {
  uint64_t one = 1;
  atomic_store(&s->cancelled, 1);
  if (write(s->wake_fd, &one, sizeof one) < 0)
    return; /* full: it is awake already */
}

bool session_lost(const struct session *s) { return !s->conn || PQstatus(s->conn) == CONNECTION_BAD; }

/* A session that is being made for a reader cannot be woken yet: in a long silence the host is asked. */
enum session_wait session_wait_for(struct session *s, short events, int64_t timeout_ms) {
  struct pollfd p[] = {{.fd = PQsocket(s->conn), .events = events}, {.fd = s->wake_fd, .events = POLLIN}};
  for (int64_t left = timeout_ms;; left -= left > 0 ? LOOK_MS : 0) {
    int n, step = left < 0 || left > LOOK_MS ? LOOK_MS : (int)left;
    do
      n = atomic_load(&s->cancelled) ? 0 : poll(p, 2, step);
    while (n < 0 && errno == EINTR);
    if (atomic_load(&s->cancelled) || (n == 0 && s->host->cancelled(s->host)))
      return WAIT_CANCELLED;
    if (n != 0 || step == left)
      return n == 0 ? WAIT_TIMEOUT : WAIT_READY;
  }
}

int32_t session_give_up(struct session *s) {
  if (s->conn && PQtransactionStatus(s->conn) == PQTRANS_ACTIVE)
    cancel_ask(s->conn);
  session_disconnect(s);
  return ETL_STOPPED;
}

/* ---- errors ----------------------------------------------------------------------------------------------------------------------- */

/* One line of what libpq says in several. */
static void add_line(struct text *t, const char *s) {
  size_t n = strlen(s);
  while (n && (s[n - 1] == '\n' || s[n - 1] == ' '))
    n--;
  for (size_t i = 0; i < n; i++)
    text_addf(t, "%c", s[i] == '\n' || s[i] == '\t' ? ' ' : s[i]);
}

static void add_place(struct text *t, const struct session *s) {
  const char *host = s->conn ? PQhost(s->conn) : NULL, *port = s->conn ? PQport(s->conn) : NULL, *db = s->conn ? PQdb(s->conn) : NULL;
  if (host && *host)
    text_addf(t, "%s%s%s/%s: ", host, port && *port ? ":" : "", port ? port : "", db ? db : "");
}

void trouble_fini(struct trouble *t) {
  free(t->message);
  free(t->state);
  free(t->column);
  *t = (struct trouble){0};
}

/* The column that an error is about: as the server names it, else out of "COPY table, line 1, column name".  To be freed; NULL: none. */
static char *column_of(const PGresult *r, const char *context) {
  static const char before[] = ", column ";
  const char *name = PQresultErrorField(r, PG_DIAG_COLUMN_NAME), *at = context && strncmp(context, "COPY ", 5) == 0 ? strstr(context, before) : NULL;
  if (name)
    return strdup(name);
  return at ? strndup(at + sizeof before - 1, strcspn(at + sizeof before - 1, "\n")) : NULL;
}

/* Takes column. */
static void note_trouble(struct session *s, const struct etl_error *e, const char *message, char *column) {
  trouble_fini(&s->trouble);
  s->trouble = (struct trouble){.message = strdup(message),
                                .state = e->vendor_state ? strdup(e->vendor_state) : NULL,
                                .column = column,
                                .remedy = e->remedy};
}

int32_t session_fail(struct session *s, const char *doing, const PGresult *r) {
  const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL, *primary = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
  const char *detail = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_DETAIL) : NULL, *context = r ? PQresultErrorField(r, PG_DIAG_CONTEXT) : NULL;
  struct text t = {0};
  const char *severity = r ? PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED) : NULL;
  bool gone = !state || (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0));
  struct etl_error e = ETL_ERROR(gone && s->lost_class ? s->lost_class : state ? sqlstate_class(state) : (uint32_t)ETL_E_RETRYABLE);
  e.vendor_state = state;
  e.remedy = state ? sqlstate_remedy(state) : "check that the server runs and can be reached; nothing is lost";
  text_add(&t, "postgres: ");
  add_place(&t, s);
  text_addf(&t, "%s: ", doing);
  add_line(&t, primary ? primary : r && *PQresultErrorMessage(r) ? PQresultErrorMessage(r) : s->conn ? PQerrorMessage(s->conn) : "no connection");
  if (detail && *detail) {
    text_add(&t, ": ");
    add_line(&t, detail);
  }
  if (context && strncmp(context, "COPY ", 5) == 0) { /* table, line and column of the row */
    text_add(&t, " (");
    add_line(&t, context);
    text_add(&t, ")");
  }
  int32_t rc = ETL_FAILED;
  if (s->trying && r && e.error_class == ETL_E_DATA)
    note_trouble(s, &e, text_str(&t), column_of(r, context));
  else
    rc = etl_failf(s->host, &e, "%s", text_str(&t));
  text_fini(&t);
  return rc;
}

/* ---- connecting --------------------------------------------------------------------------------------------------------------------- */

static int64_t now_ms(const struct session *s) { return s->host->now_ns(s->host, ETL_CLOCK_MONOTONIC) / 1000000; }

static int32_t poll_connect(struct session *s) {
  int64_t deadline = now_ms(s) + s->settings->connect_timeout_ms;
  PostgresPollingStatusType st = PGRES_POLLING_WRITING;
  while (st != PGRES_POLLING_OK && st != PGRES_POLLING_FAILED) {
    int64_t left = deadline - now_ms(s);
    enum session_wait w = left > 0 ? session_wait_for(s, st == PGRES_POLLING_READING ? POLLIN : POLLOUT, left) : WAIT_TIMEOUT;
    if (w == WAIT_CANCELLED)
      return session_give_up(s);
    if (w == WAIT_TIMEOUT)
      return ETL_IDLE;
    st = PQconnectPoll(s->conn);
  }
  return st == PGRES_POLLING_OK ? ETL_OK : ETL_FAILED;
}

/* libpq gives no SQLSTATE for a refused connection, only the server's text. */
static uint32_t class_of_refusal(const char *message, bool needs_password, const char **ret_state, const char **ret_remedy) {
  static const struct {
    const char *text, *state;
  } refusals[] = {{"password authentication failed", "28P01"}, {"no password supplied", "28P01"},      {"no pg_hba.conf entry", "28000"},
                  {"authentication failed", "28000"},          {"role \"", "28000"},                   {"does not exist", "3D000"},
                  {"permission denied for database", "42501"}, {"too many", "53300"},                  {"remaining connection slots", "53300"},
                  {"starting up", "57P03"},                    {"shutting down", "57P03"},             {"in recovery", "57P03"}};
  for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
    if (strstr(message, refusals[i].text)) {
      *ret_state = refusals[i].state;
      *ret_remedy = sqlstate_remedy(refusals[i].state);
      return sqlstate_class(refusals[i].state);
    }
  *ret_state = NULL;
  *ret_remedy = needs_password ? "set password, or put it into ~/.pgpass" : "check host and port, that the server runs, and firewalls in between";
  return needs_password ? ETL_E_AUTH : ETL_E_RETRYABLE;
}

static int32_t connect_once(struct session *s, bool last) {
  s->conn = PQconnectStartParams(s->settings->keywords, s->settings->values, 1);
  int32_t rc = !s->conn || PQstatus(s->conn) == CONNECTION_BAD ? ETL_FAILED : poll_connect(s);
  if (rc == ETL_STOPPED || rc == ETL_OK)
    return rc;
  const char *state = NULL, *remedy = NULL, *said = s->conn ? PQerrorMessage(s->conn) : "out of memory";
  struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
  struct text t = {0};
  if (rc == ETL_IDLE) {
    text_addf(&t, "no answer within %lld s (connect_timeout)", (long long)s->settings->connect_timeout_ms / 1000);
    remedy = "check host and port, that the server runs, and firewalls in between";
  } else {
    e.error_class = class_of_refusal(said, s->conn && PQconnectionNeedsPassword(s->conn), &state, &remedy);
    add_line(&t, said);
  }
  e.vendor_state = state;
  e.remedy = remedy;
  if (last || e.error_class != ETL_E_RETRYABLE) {
    struct text place = {0};
    add_place(&place, s);
    etl_failf(s->host, &e, "postgres: %scannot connect: %s", text_str(&place), text_str(&t));
    text_fini(&place);
    rc = ETL_FAILED;
  } else {
    rc = ETL_IDLE; /* again */
  }
  text_fini(&t);
  session_disconnect(s);
  return rc;
}

static void ignore_notice(void *arg, const char *message) {
  (void)arg;
  (void)message;
}

static int32_t set_up(struct session *s) {
  struct text t = {0};
  /* the server too notices within a minute that we are gone, and lets go of its locks */
  text_addf(&t, "SET statement_timeout = %lld; SET lock_timeout = %lld; SET idle_in_transaction_session_timeout = 0; SET tcp_keepalives_idle = 30; "
                "SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3",
            (long long)s->settings->statement_timeout_ms, (long long)s->settings->lock_timeout_ms);
  PQsetNoticeProcessor(s->conn, ignore_notice, NULL);
  int32_t rc = ETL_FAILED;
  if (PQsetnonblocking(s->conn, 1) == 0)
    rc = session_run(s, "setting up the session", text_str(&t));
  else
    session_fail(s, "setting up the session", NULL);
  text_fini(&t);
  if (rc != ETL_OK)
    session_disconnect(s); /* one that is not set up must not be used later */
  return rc;
}

int32_t session_connect(struct session *s) {
  if (!session_lost(s))
    return ETL_OK;
  session_disconnect(s);
  for (int64_t tries = 0;; tries++) {
    int32_t rc = connect_once(s, tries >= s->settings->connect_retries);
    if (rc == ETL_OK)
      return set_up(s);
    if (rc != ETL_IDLE)
      return rc;
    if (s->host->sleep_ms(s->host, (uint64_t)s->settings->connect_retry_delay_ms) == ETL_STOPPED)
      return ETL_STOPPED;
  }
}
