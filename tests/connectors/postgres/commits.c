/* Commits: who may, what is in doubt, what waits for what, and how a blocked call is woken. */
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sink.h"

#define COLUMNS ((const char *const[]){"id", "i", NULL})
#define TABLE   ((const char *const[]){"table", "t", NULL})
#define ROW(id_) ((const char *const[]){id_, END})

static void fresh(void) { sink_sql("DROP TABLE IF EXISTS t; DROP SCHEMA IF EXISTS etl CASCADE"); }

static void enter(struct tap *t, struct sink *s) {
  sink_open(s, "r1", "eu1", 0, TABLE);
  CHECK(t, sink_claim(s) == ETL_OK);
  CHECK(t, sink_prepare(s, COLUMNS) == ETL_OK);
}

static void cursors_go_with_rows(struct tap *t) {
  struct sink s;
  char cursor[64];
  fresh();
  enter(t, &s);
  CHECK(t, sink_committed(&s, cursor) == 0);
  CHECK(t, sink_begin(&s, 0) == ETL_OK);
  CHECK(t, sink_write(&s, ROW("1")) == ETL_OK);
  CHECK(t, sink_commit(&s, 1, "first") == ETL_OK);
  CHECK(t, sink_committed(&s, cursor) == 1);
  CHECK_TEXT(t, cursor, "first");
  CHECK(t, sink_begin(&s, 1) == ETL_OK);
  CHECK(t, sink_commit(&s, 2, "second") == ETL_OK); /* a cursor that moves over no rows */
  CHECK(t, sink_committed(&s, cursor) == 2);
  CHECK(t, sink_begin(&s, 2) == ETL_OK);
  CHECK(t, sink_write(&s, ROW("2")) == ETL_OK);
  CHECK(t, s.api->abort(s.self) == ETL_OK);
  CHECK(t, s.api->abort(s.self) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "1");
  CHECK(t, sink_committed(&s, cursor) == 2);
  CHECK(t, sink_epoch(&s, 2, ROW("3")) == ETL_OK);
  CHECK_TEXT(t, sink_sql("SELECT epoch, rows FROM etl.cursors"), "3|2");
  sink_close(&s);
}

static void another_target_is_refused(struct tap *t) {
  struct sink s;
  char cursor[64];
  fresh();
  sink_sql("DROP TABLE IF EXISTS moved");
  enter(t, &s);
  CHECK(t, sink_epoch(&s, 0, ROW("1")) == ETL_OK);
  sink_close(&s);
  const char *const moved[] = {"table", "moved", NULL};
  sink_open(&s, "r2", "eu1", 0, moved);
  CHECK(t, sink_committed(&s, cursor) == UINT64_MAX);
  CHECK(t, s.host.error.error_class == ETL_E_CONFIG);
  CHECK_HAS(t, s.host.message, "the pipeline p has loaded public.t so far; public.moved would get only what is new");
  CHECK_HAS(t, s.host.remedy, "--full-refresh");
  CHECK_HAS(t, s.host.remedy, "UPDATE \"etl\".cursors SET target = 'public.moved' WHERE pipeline = 'p'");
  sink_close(&s);
  sink_open(&s, "r3", "eu1", ETL_OPEN_FULL_REFRESH, moved);
  CHECK(t, sink_committed(&s, cursor) == 0);
  sink_close(&s);
  sink_sql("UPDATE etl.cursors SET target = 'public.moved' WHERE pipeline = 'p'");
  sink_open(&s, "r4", "eu1", 0, moved);
  CHECK(t, sink_committed(&s, cursor) == 1);
  sink_close(&s);
}

static void compare_and_set(struct tap *t) {
  struct sink s;
  fresh();
  enter(t, &s);
  CHECK(t, sink_epoch(&s, 0, ROW("1")) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, ROW("1")) == ETL_FAILED); /* the same epoch again */
  CHECK(t, s.host.error.error_class == ETL_E_FENCED);
  testhost_clear(&s.host);
  CHECK(t, sink_epoch(&s, 5, ROW("1")) == ETL_FAILED); /* an epoch that was left out */
  CHECK(t, s.host.error.error_class == ETL_E_FENCED);
  sink_sql("DELETE FROM etl.cursors");
  testhost_clear(&s.host);
  CHECK(t, sink_epoch(&s, 1, ROW("1")) == ETL_FAILED); /* a cursor that somebody took away */
  CHECK(t, s.host.error.error_class == ETL_E_FENCED);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "1");
  sink_close(&s);
}

static void a_newer_run_fences(struct tap *t) {
  struct sink old, newer;
  fresh();
  enter(t, &old);
  CHECK(t, sink_epoch(&old, 0, ROW("1")) == ETL_OK);
  CHECK(t, sink_begin(&old, 1) == ETL_OK);
  CHECK(t, sink_write(&old, ROW("2")) == ETL_OK);
  sink_open(&newer, "r2", "eu1", 0, TABLE);
  struct etl_claim c = {.struct_size = sizeof c, .run = "r2"};
  CHECK(t, newer.api->claim(newer.self, &c, &newer.owner) == ETL_OK);
  CHECK(t, newer.owner == old.owner + 1);
  CHECK(t, sink_commit(&old, 2, "too late") == ETL_FAILED);
  CHECK(t, old.host.error.error_class == ETL_E_FENCED);
  CHECK_HAS(t, old.host.message, "another run has taken over the pipeline p: r2");
  old.api->abort(old.self);
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "1");
  testhost_clear(&old.host);
  CHECK(t, old.api->run_end(old.self, "r1", 0) == ETL_OK);
  struct etl_claim small = {.struct_size = sizeof small, .run = "r3", .owner = 1};
  CHECK(t, newer.api->claim(newer.self, &small, &newer.owner) == ETL_FAILED);
  CHECK(t, newer.host.error.error_class == ETL_E_FENCED);
  sink_close(&old);
  sink_close(&newer);
}

/* ---- a transaction in flight -------------------------------------------------------------------------------------------------------- */

struct asking {
  struct sink *s;
  uint64_t epoch;
  char cursor[64];
};

static void *ask(void *arg) {
  struct asking *a = arg;
  a->epoch = sink_committed(a->s, a->cursor);
  return NULL;
}

/* Until a session of the server waits for a lock. */
static void wait_for_waiter(void) {
  while (strcmp(sink_sql("SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"), "t") != 0)
    poll(NULL, 0, 5);
}

static void committed_waits_for_commits_in_flight(struct tap *t) {
  struct sink s;
  pthread_t thread;
  fresh();
  enter(t, &s);
  CHECK(t, sink_epoch(&s, 0, ROW("1")) == ETL_OK);
  PGconn *flight = PQconnectdb("");
  PQclear(PQexec(flight, "BEGIN; SELECT owner FROM etl.pipelines FOR SHARE; UPDATE etl.cursors SET epoch = 2"));
  struct asking a = {.s = &s};
  pthread_create(&thread, NULL, ask, &a);
  wait_for_waiter();
  PQclear(PQexec(flight, "COMMIT"));
  pthread_join(thread, NULL);
  CHECK(t, a.epoch == 2);
  PQfinish(flight);
  sink_close(&s);
}

static void cancel_wakes_what_waits(struct tap *t) {
  struct sink s;
  pthread_t thread;
  fresh();
  enter(t, &s);
  PGconn *flight = PQconnectdb("");
  PQclear(PQexec(flight, "BEGIN; SELECT owner FROM etl.pipelines FOR SHARE"));
  struct asking a = {.s = &s};
  pthread_create(&thread, NULL, ask, &a);
  wait_for_waiter();
  s.connector->common->cancel(s.self);
  pthread_join(thread, NULL);
  CHECK(t, a.epoch == UINT64_MAX);
  CHECK(t, s.host.error.error_class == 0);
  PQfinish(flight);
  sink_close(&s);
}

/* ---- a proxy that loses answers ------------------------------------------------------------------------------------------------------ */

enum lose { LOSE_REQUEST, LOSE_ANSWER };
struct proxy {
  int listener, port;
  enum lose lose;
  _Atomic bool armed; /* the next COMMIT is lost */
  pthread_t thread;
};

static int connect_server(void) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(getenv("PGPORT"), NULL, 10))};
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
  if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
    abort();
  return fd;
}

static bool has_commit(const char *p, ssize_t n) { return memmem(p, (size_t)n, "COMMIT", 6) != NULL; }

/* One connection, to its end. */
static void forward(struct proxy *x, int client) {
  int server = connect_server();
  bool losing = false;
  char buf[65536];
  for (;;) {
    struct pollfd p[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    poll(p, 2, -1);
    int from = p[0].revents ? client : server, to = from == client ? server : client;
    ssize_t n = read(from, buf, sizeof buf);
    if (n <= 0)
      break;
    if (from == client && x->armed && has_commit(buf, n)) {
      x->armed = false;
      losing = true;
      if (x->lose == LOSE_REQUEST)
        break;
    } else if (from == server && losing) {
      break; /* the server has answered; nobody will know */
    }
    if (write(to, buf, (size_t)n) != n)
      break;
  }
  close(server);
  close(client);
}

static void *proxy_main(void *arg) {
  struct proxy *x = arg;
  int client;
  while ((client = accept(x->listener, NULL, NULL)) >= 0)
    forward(x, client);
  return NULL;
}

static void proxy_start(struct proxy *x, enum lose lose) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t n = sizeof a;
  *x = (struct proxy){.listener = socket(AF_INET, SOCK_STREAM, 0), .lose = lose};
  if (bind(x->listener, (struct sockaddr *)&a, n) < 0 || listen(x->listener, 8) < 0 || getsockname(x->listener, (struct sockaddr *)&a, &n) < 0)
    abort();
  x->port = ntohs(a.sin_port);
  pthread_create(&x->thread, NULL, proxy_main, x);
}

static void proxy_end(struct proxy *x) {
  shutdown(x->listener, SHUT_RDWR);
  pthread_join(x->thread, NULL);
  close(x->listener);
}

static void a_lost_commit_is_in_doubt(struct tap *t, enum lose lose) {
  struct proxy x;
  struct sink s, again;
  char port[16], cursor[64];
  fresh();
  proxy_start(&x, lose);
  snprintf(port, sizeof port, "%d", x.port);
  const char *const through[] = {"table", "t", "port", port, "sslmode", "disable", "gssencmode", "disable", NULL};
  sink_open(&s, "r1", "eu1", 0, through);
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, ROW("1")) == ETL_OK);
  CHECK(t, sink_begin(&s, 1) == ETL_OK);
  CHECK(t, sink_write(&s, ROW("2")) == ETL_OK);
  x.armed = true;
  CHECK(t, sink_commit(&s, 2, "here") == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_INDOUBT);
  sink_close(&s);
  sink_open(&again, "r1", "eu1", 0, TABLE);
  CHECK(t, sink_committed(&again, cursor) == (lose == LOSE_REQUEST ? 1 : 2));
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), lose == LOSE_REQUEST ? "1" : "2");
  sink_close(&again);
  proxy_end(&x);
}

/* The proxy serves one connection at a time: nobody answers the one that is to cancel. */
static void cancel_does_not_wait_for_a_server_that_hangs(struct tap *t) {
  struct proxy x;
  struct sink s;
  struct timespec until;
  pthread_t thread;
  char port[16];
  fresh();
  enter(t, &s);
  sink_close(&s);
  proxy_start(&x, LOSE_REQUEST);
  snprintf(port, sizeof port, "%d", x.port);
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "port", port, "sslmode", "disable", "gssencmode", "disable", NULL});
  PGconn *flight = PQconnectdb("");
  PQclear(PQexec(flight, "BEGIN; SELECT owner FROM etl.pipelines FOR SHARE"));
  struct asking a = {.s = &s};
  pthread_create(&thread, NULL, ask, &a);
  wait_for_waiter();
  s.connector->common->cancel(s.self);
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 20;
  bool ended = pthread_timedjoin_np(thread, NULL, &until) == 0;
  CHECK(t, ended && a.epoch == UINT64_MAX);
  PQfinish(flight);
  if (!ended)
    exit(tap_end(t));
  sink_close(&s);
  proxy_end(&x);
}

/* ---- servers that say no ----------------------------------------------------------------------------------------------------------------- */

static void a_session_that_is_ended(struct tap *t) {
  struct sink s;
  fresh();
  enter(t, &s);
  CHECK(t, sink_begin(&s, 0) == ETL_OK);
  CHECK(t, sink_write(&s, ROW("1")) == ETL_OK);
  sink_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'etl p'");
  CHECK(t, sink_commit(&s, 1, "c") == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_RETRYABLE);
  s.api->abort(s.self);
  testhost_clear(&s.host);
  CHECK(t, sink_epoch(&s, 0, ROW("1")) == ETL_OK); /* it connects anew */
  CHECK_TEXT(t, sink_sql("SELECT count(*) FROM t"), "1");
  sink_close(&s);
}

static void expect_no_connection(struct tap *t, const char *option, const char *value, uint32_t error_class, const char *state, const char *remedy) {
  struct sink s;
  sink_open(&s, "r1", NULL, 0, (const char *const[]){"table", "t", option, value, NULL});
  CHECK(t, s.connector->common->check(s.self) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == error_class);
  CHECK_TEXT(t, s.host.vendor_state, state);
  CHECK_HAS(t, s.host.message, "cannot connect");
  CHECK_HAS(t, s.host.remedy, remedy);
  CHECK(t, strstr(s.host.message, "not-the-password") == NULL);
  sink_close(&s);
}

static void no_connection(struct tap *t) {
  expect_no_connection(t, "password", "not-the-password", ETL_E_AUTH, "28P01", "password");
  expect_no_connection(t, "user", "nobody_here", ETL_E_AUTH, "28P01", "password");
  expect_no_connection(t, "database", "nothing_here", ETL_E_CONFIG, "3D000", "database");
  expect_no_connection(t, "port", "1", ETL_E_RETRYABLE, "", "check host and port");
}

static void a_permission_that_is_missing(struct tap *t) {
  struct sink s;
  fresh();
  sink_sql("DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN PASSWORD 'w'; CREATE TABLE t (id int)");
  sink_sql("GRANT CREATE ON DATABASE sink TO writer");
  sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "user", "writer", "password", "w", NULL});
  CHECK(t, sink_claim(&s) == ETL_OK);
  CHECK(t, sink_prepare(&s, COLUMNS) == ETL_OK);
  CHECK(t, sink_epoch(&s, 0, ROW("1")) == ETL_FAILED);
  CHECK(t, s.host.error.error_class == ETL_E_PERMANENT);
  CHECK_TEXT(t, s.host.vendor_state, "42501");
  CHECK_HAS(t, s.host.message, "permission denied for table t");
  CHECK_HAS(t, s.host.remedy, "GRANT");
  sink_close(&s);
  sink_sql("DROP SCHEMA etl CASCADE; REVOKE CREATE ON DATABASE sink FROM writer; DROP ROLE writer");
}

/* The state schema may be made by somebody with more rights: then those on it are enough. */
static void a_state_schema_that_is_there(struct tap *t) {
  for (int own = 0; own < 2; own++) {
    struct sink s;
    fresh();
    sink_sql("DROP SCHEMA IF EXISTS \"st'ate\\\" CASCADE; DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN PASSWORD 'w'; CREATE TABLE t (id int); "
             "GRANT ALL ON t TO writer");
    sink_sql(own ? "CREATE SCHEMA \"st'ate\\\" AUTHORIZATION writer" : "CREATE SCHEMA \"st'ate\\\"; GRANT ALL ON SCHEMA \"st'ate\\\" TO writer");
    sink_open(&s, "r1", "eu1", 0, (const char *const[]){"table", "t", "state_schema", "st'ate\\", "user", "writer", "password", "w", NULL});
    CHECK(t, sink_claim(&s) == ETL_OK);
    CHECK(t, sink_prepare(&s, COLUMNS) == ETL_OK);
    CHECK(t, sink_epoch(&s, 0, ROW("1")) == ETL_OK);
    CHECK_TEXT(t, sink_sql("SELECT epoch FROM \"st'ate\\\".cursors"), "1");
    sink_close(&s);
    sink_sql("DROP SCHEMA \"st'ate\\\" CASCADE; DROP TABLE t; DROP ROLE writer");
  }
}

/* ---- two lanes at once -------------------------------------------------------------------------------------------------------------------- */

enum { LANES = 4, EPOCHS = 10, KEYS = 50 };
struct lane {
  struct sink s;
  int number, retries;
  bool ok;
};

static void *merge_same_keys(void *arg) {
  struct lane *l = arg;
  char texts[KEYS][8];
  const char *cells[KEYS + 1];
  for (int i = 0; i < KEYS; i++) {
    snprintf(texts[i], sizeof texts[i], "%d", l->number % 2 ? i : KEYS - 1 - i); /* in the other order */
    cells[i] = texts[i];
  }
  cells[KEYS] = END;
  l->ok = true;
  for (uint64_t epoch = 0; epoch < EPOCHS && l->ok;) {
    int32_t rc = sink_begin(&l->s, epoch);
    rc = rc == ETL_OK ? sink_write(&l->s, cells) : rc;
    rc = rc == ETL_OK ? sink_commit(&l->s, epoch + 1, "c") : rc;
    epoch += rc == ETL_OK;
    if (rc != ETL_OK) {
      l->s.api->abort(l->s.self);
      l->ok = l->s.host.error.error_class == ETL_E_RETRYABLE && ++l->retries < 100;
      testhost_clear(&l->s.host);
    }
  }
  return NULL;
}

static void lanes_merge_side_by_side(struct tap *t) {
  struct lane lanes[LANES];
  pthread_t threads[LANES];
  const char *const options[] = {"table", "t", "mode", "merge", "key", "id", NULL};
  fresh();
  for (int i = 0; i < LANES; i++) {
    char name[8];
    snprintf(name, sizeof name, "l%d", i);
    lanes[i] = (struct lane){.number = i};
    sink_open(&lanes[i].s, "r1", name, 0, options);
    lanes[i].s.shard = i == 0 ? "s0" : i == 1 ? "s1" : i == 2 ? "s2" : "s3";
    if (i == 0)
      CHECK(t, sink_claim(&lanes[i].s) == ETL_OK);
    lanes[i].s.owner = lanes[0].s.owner;
    CHECK(t, sink_prepare(&lanes[i].s, COLUMNS) == ETL_OK);
  }
  for (int i = 0; i < LANES; i++)
    pthread_create(&threads[i], NULL, merge_same_keys, &lanes[i]);
  for (int i = 0; i < LANES; i++) {
    pthread_join(threads[i], NULL);
    CHECK(t, lanes[i].ok);
    sink_close(&lanes[i].s);
  }
  CHECK_TEXT(t, sink_sql("SELECT count(*), count(DISTINCT id) FROM t"), "50|50");
  CHECK_TEXT(t, sink_sql("SELECT count(*), min(epoch), max(epoch) FROM etl.cursors"), "4|10|10");
}

int main(void) {
  struct tap t = {0};
  cursors_go_with_rows(&t);
  another_target_is_refused(&t);
  compare_and_set(&t);
  a_newer_run_fences(&t);
  committed_waits_for_commits_in_flight(&t);
  cancel_wakes_what_waits(&t);
  a_lost_commit_is_in_doubt(&t, LOSE_REQUEST);
  a_lost_commit_is_in_doubt(&t, LOSE_ANSWER);
  cancel_does_not_wait_for_a_server_that_hangs(&t);
  a_session_that_is_ended(&t);
  no_connection(&t);
  a_permission_that_is_missing(&t);
  a_state_schema_that_is_there(&t);
  lanes_merge_side_by_side(&t);
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
