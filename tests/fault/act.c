/* Carrying faults out.  Everything here is done before it returns: a reset that the server acknowledged, a session that is gone. */
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "etl/sdk.h"
#include "spec.h"

_Noreturn static void give_up(const char *what, const char *why) {
  fprintf(stderr, "fault: %s: %s\n", what, why);
  _exit(99); /* a fault that cannot be done must not look like a run without one */
}

static void reset_port(const char *port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  char answer[256];
  size_t n = 0;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) < 0 || send(fd, "reset\n", 6, MSG_NOSIGNAL) != 6)
    give_up("tds-reset", "the control port does not answer");
  while (n < sizeof answer - 1 && !memchr(answer, '\n', n)) {
    ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
    if (got <= 0)
      give_up("tds-reset", "the control port gave no answer");
    n += (size_t)got;
  }
  answer[n] = '\0';
  if (strncmp(answer, "ok", 2) != 0)
    give_up("tds-reset", answer);
  close(fd);
}

static void tds_reset(void) {
  const char *ports = getenv("ETL_FAULT_TDS");
  char *copy = strdup(ports ? ports : ""), *save = NULL;
  char *port = copy ? strtok_r(copy, ",", &save) : NULL;
  if (!port)
    give_up("tds-reset", "ETL_FAULT_TDS names no control port");
  for (; port; port = strtok_r(NULL, ",", &save))
    reset_port(port);
  free(copy);
}

/* Ends the sessions of this program's loaders: the tests' own sessions say "scenario". */
static void pg_terminate(void) {
  const char *conninfo = getenv("ETL_FAULT_PG");
  PGconn *db = PQconnectdb(conninfo ? conninfo : "");
  if (PQstatus(db) != CONNECTION_OK)
    give_up("pg-terminate", PQerrorMessage(db));
  PGresult *r = PQexec(db, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database()"
                           " AND pid <> pg_backend_pid() AND application_name <> 'scenario'");
  if (PQresultStatus(r) != PGRES_TUPLES_OK || PQntuples(r) == 0)
    give_up("pg-terminate", PQntuples(r) == 0 ? "no session to end" : PQerrorMessage(db));
  PQclear(r);
  PQfinish(db);
}

static void pg_crash(void) {
  const char *fifo = getenv("ETL_FAULT_PG_CRASH");
  char done[4096], answer;
  snprintf(done, sizeof done, "%s.done", fifo ? fifo : "");
  int ask = open(fifo ? fifo : "", O_WRONLY | O_CLOEXEC);
  if (ask < 0 || write(ask, "x", 1) != 1)
    give_up("pg-crash", "nobody reads the FIFO in ETL_FAULT_PG_CRASH");
  close(ask);
  int told = open(done, O_RDONLY | O_CLOEXEC);
  if (told < 0 || read(told, &answer, 1) != 1)
    give_up("pg-crash", "the server did not come back");
  close(told);
}

static int32_t fail_as(const struct etl_host *host, uint32_t error_class, const char *point) {
  struct etl_error e = ETL_ERROR(error_class);
  e.remedy = "it is on purpose";
  return etl_failf(host, &e, "injected fault at %s", point);
}

int32_t fault_act(enum fault_action action, const struct etl_host *host, const char *point) {
  if (fault_harm(action))
    return ETL_OK;
  switch (action) {
  case FAULT_FAIL: return ETL_FAILED;
  case FAULT_RETRYABLE: return fail_as(host, ETL_E_RETRYABLE, point);
  case FAULT_PERMANENT: return fail_as(host, ETL_E_PERMANENT, point);
  case FAULT_INDOUBT: return fail_as(host, ETL_E_INDOUBT, point);
  case FAULT_TDS_RESET: tds_reset(); return ETL_OK;
  case FAULT_PG_TERMINATE: pg_terminate(); return ETL_OK;
  case FAULT_PG_CRASH: pg_crash(); return ETL_OK;
  case FAULT_CHATTER: {
    char c;
    printf("{ a connector that prints\n");
    fflush(stdout);
    return read(STDIN_FILENO, &c, 1) == 0 ? ETL_OK : fail_as(host, ETL_E_INTERNAL, "stdin");
  }
  default: return ETL_OK;
  }
}
