/* Several hosts on one store in PostgreSQL, and a server that goes away. */
#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "docs.h"
#include "fixture.h"

TestSuite(store_postgres, .init = enter, .fini = leave, .timeout = 120);

/* ---- beside the store --------------------------------------------------------------------------------------------------------------------- */

static char *ask(const char *text) {
  PGconn *conn = PQconnectdb("");
  cr_assert_eq(PQstatus(conn), CONNECTION_OK, "%s", PQerrorMessage(conn));
  PGresult *r = PQexec(conn, text);
  cr_assert(PQresultStatus(r) == PGRES_TUPLES_OK || PQresultStatus(r) == PGRES_COMMAND_OK, "%s: %s", text, PQerrorMessage(conn));
  char *answer = arena_strdup(arena, PQntuples(r) ? PQgetvalue(r, 0, 0) : "");
  PQclear(r);
  PQfinish(conn);
  return answer;
}

static void end_sessions(const char *host) {
  ask(arena_printf(arena, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'etl %s'", host));
}

/* ---- several hosts ------------------------------------------------------------------------------------------------------------------------ */

enum { MANY = 400, HOSTS = 3 };

static bool take_all(void *arg, const struct store_run *candidate) {
  (void)arg, (void)candidate;
  return true;
}

/* Claims until there is nothing left, ending each run; a digit in `counts` for each run that was got. */
static void work(int host, char (*counts)[MANY], int gate) {
  char name[8], byte;
  snprintf(name, sizeof name, "h%d", host);
  struct store *s = opened(name, STORE_SERVE);
  struct store_limits limits = {.max = 7, .accept = take_all};
  if (read(gate, &byte, 1) != 0)
    _exit(2);
  struct store_counts left = {.queued = 1};
  for (int64_t began = clock_mono_ns(); left.queued > 0; arena_reset(arena)) {
    struct store_run *r;
    size_t n;
    if (store_claim(s, T0 + 900 * SECOND, T0 + 930 * SECOND, &limits, arena, &r, &n, &err) < 0 || clock_mono_ns() - began > 30 * SECOND)
      _exit(3);
    for (size_t i = 0; i < n; i++) {
      counts[host][strtol(r[i].id, NULL, 10)]++;
      if (finish_as(s, &r[i], "succeeded", 901) < 0)
        _exit(4);
    }
    if (store_count(s, T0, &left, &err) < 0)
      _exit(5);
  }
  store_close(s);
  _exit(0);
}

Test(store_postgres, no_run_is_got_twice) {
  struct store *s = opened("a", STORE_SERVE);
  static struct store_run runs[MANY];
  for (int i = 0; i < MANY; i++) /* several runs of each pipeline: they must not overlap either */
    runs[i] = due(arena_printf(arena, "%d", i), arena_printf(arena, "p%d", i % 50), i);
  OK(store_enqueue(s, runs, MANY, false, T0, NULL, &err));
  char(*counts)[MANY] = mmap(NULL, sizeof *counts * HOSTS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int gate[2], status;
  pid_t children[HOSTS];
  cr_assert_eq(pipe(gate), 0);
  for (int h = 0; h < HOSTS; h++)
    if ((children[h] = fork_bound()) == 0) {
      close(gate[1]);
      work(h, counts, gate[0]);
    }
  close(gate[1]);
  for (int h = 0; h < HOSTS; h++) {
    cr_assert_eq(waitpid(children[h], &status, 0), children[h]);
    cr_assert_eq(status, 0);
  }
  int hosts_at_work = 0;
  for (int i = 0; i < MANY; i++)
    cr_assert_eq(counts[0][i] + counts[1][i] + counts[2][i], 1, "run %d was got %d times", i, counts[0][i] + counts[1][i] + counts[2][i]);
  for (int h = 0; h < HOSTS; h++)
    hosts_at_work += memchr(counts[h], 1, MANY) != NULL;
  cr_expect_gt(hosts_at_work, 1);
  store_close(s);
}

Test(store_postgres, one_slot_queued_by_two_hosts_is_one_run) {
  struct store *a = opened("a", STORE_SERVE), *b = opened("b", STORE_SERVE);
  struct store_run of_a = due("a1", "p", 0), of_b = due("b1", "p", 0), *r;
  bool added;
  size_t n;
  OK(store_enqueue(a, &of_a, 1, false, T0, &added, &err));
  cr_expect(added);
  OK(store_enqueue(b, &of_b, 1, false, T0, &added, &err));
  cr_expect_not(added);
  OK(store_list(b, &(struct store_filter){.pipeline = "p"}, arena, &r, &n, &err));
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "a1");
  store_close(a);
  store_close(b);
}

Test(store_postgres, limits_of_connections_count_for_all_hosts) {
  struct store *a = opened("a", STORE_SERVE), *b = opened("b", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "q", 1), due("3", "r", 2)}, *r;
  for (int i = 0; i < 3; i++)
    runs[i].connections = "shop";
  OK(store_enqueue(a, runs, 3, false, T0, NULL, &err));
  static const char *const connections[] = {"shop"};
  static const int64_t max[] = {2};
  struct store_limits limits = {.max = 1, .connections = connections, .connection_max = max, .connections_n = 1};
  size_t n;
  OK(store_claim(a, T0 + 9 * SECOND, T0 + 39 * SECOND, &limits, arena, &r, &n, &err));
  cr_expect_eq(n, 1);
  limits.max = 9;
  OK(store_claim(b, T0 + 9 * SECOND, T0 + 39 * SECOND, &limits, arena, &r, &n, &err));
  cr_expect_eq(n, 1);
  store_close(a);
  store_close(b);
}

Test(store_postgres, a_host_that_comes_back_has_lost_its_runs) {
  struct store *a = opened("a", STORE_SERVE), *b = opened("b", STORE_SERVE);
  struct store_run *left;
  size_t n;
  enqueue(a, due("1", "p", 0));
  struct store_run *r = claim(a, 1, 1, &n); /* until 31 */
  OK(store_running(a, "1", r->fence, T0 + 2 * SECOND, &err));
  OK(store_reap(b, T0 + 20 * SECOND, T0 + 50 * SECOND, arena, &left, &n, &err));
  cr_expect_eq(n, 0, "another host's are left until their lease is over");
  OK(store_reap(b, T0 + 32 * SECOND, T0 + 62 * SECOND, arena, &left, &n, &err));
  cr_assert_eq(n, 1);
  struct store_run next = {.id = "1b", .pipeline = "p", .trigger = "retry", .state = "queued", .due_ns = T0, .attempt = 2, .root = "1"}, end = *left;
  end.state = "crashed";
  end.ended_ns = T0 + 32 * SECOND;
  OK(store_finish(b, &(struct store_outcome){.run = &end, .queue = &next, .queue_n = 1}, &err));
  struct store_run *again = claim(b, 33, 1, &n);
  cr_assert_eq(n, 1);
  cr_expect_gt(again->fence, r->fence);
  struct store_lease lease = {.id = "1", .fence = r->fence};
  OK(store_renew(a, &lease, 1, T0 + 99 * SECOND, &err));
  cr_expect(lease.lost);
  REFUSED(finish_as(a, r, "succeeded", 40), ETL_E_FENCED, "run 1");
  cr_expect_str_eq(got(b, "1")->state, "crashed");
  store_close(a);
  store_close(b);
}

Test(store_postgres, a_name_belongs_to_one_host) {
  struct store *a = opened("o'ne", STORE_SERVE), *b;
  REFUSED(store_open(store_url, STORE_SERVE, "o'ne", T0, &err, &b), ETL_E_CONFIG, "a host named 'o'ne' is serving already");
  cr_expect_not_null(strstr(err.message, arena_printf(arena, "process %ld on ", (long)getpid())), "%s", err.message);
  b = opened("two", STORE_SERVE);
  store_close(a);
  store_close(opened("o'ne", STORE_SERVE));
  store_close(b);
}

/* ---- a server that goes away -------------------------------------------------------------------------------------------------------------- */

Test(store_postgres, a_session_that_ended_is_opened_again) {
  struct store *s = opened("ends", STORE_SERVE);
  enqueue(s, due("1", "p", 0));
  end_sessions("ends");
  cr_expect_str_eq(got(s, "1")->state, "queued");
  end_sessions("ends");
  size_t n;
  claim(s, 1, 1, &n);
  cr_expect_eq(n, 1);
  store_close(s);
}

static bool end_them(void *arg, const struct store_run *candidate) {
  if (strcmp(candidate->id, "2") == 0)
    end_sessions(arg);
  return true;
}

Test(store_postgres, a_session_that_ends_in_a_transaction) {
  struct store *s = opened("breaks", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "q", 1)}, *r;
  OK(store_enqueue(s, runs, 2, false, T0, NULL, &err));
  struct store_limits limits = {.max = 9, .accept = end_them, .arg = (void *)(uintptr_t)"breaks"};
  size_t n;
  REFUSED(store_claim(s, T0 + 5 * SECOND, T0 + 35 * SECOND, &limits, arena, &r, &n, &err), ETL_E_RETRYABLE, "state store");
  cr_expect_str_eq(got(s, "1")->state, "queued");
  claim(s, 6, 9, &n);
  cr_expect_eq(n, 2);
  store_close(s);
}

/* The server commits, and its answer does not come: it waits for a standby that is not there. */
Test(store_postgres, the_answer_to_a_claim_is_lost) {
  struct store *s = opened("doubts", STORE_SERVE);
  enqueue(s, due("1", "p", 0));
  ask("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
  ask("SELECT pg_reload_conf()");
  while (strcmp(ask("SELECT setting FROM pg_settings WHERE name = 'synchronous_standby_names'"), "nobody") != 0)
    poll(NULL, 0, 10);
  struct store_limits limits = {.max = 9};
  struct store_run *r;
  size_t n;
  REFUSED(store_claim(s, T0 + 5 * SECOND, T0 + 35 * SECOND, &limits, arena, &r, &n, &err), ETL_E_RETRYABLE, "no answer within 6 s");
  ask("ALTER SYSTEM RESET synchronous_standby_names");
  ask("SELECT pg_reload_conf()");
  char *state = arena_printf(arena, "SELECT state FROM t%ld.pipeline_runs", (long)getpid());
  while (strcmp(ask(state), "claimed") != 0)
    poll(NULL, 0, 10);
  int rc;
  do /* it rests for a while after an attempt that failed */
    rc = store_claim(s, T0 + 6 * SECOND, T0 + 36 * SECOND, &limits, arena, &r, &n, &err);
  while (rc < 0 && err.error_class == ETL_E_RETRYABLE && poll(NULL, 0, 10) == 0);
  cr_assert_eq(rc, 0, "%s", err.message);
  cr_assert_eq(n, 1, "what nobody heard of is claimed again");
  cr_expect_str_eq(r->id, "1");
  store_close(s);
}

/* What a frozen host has locked is left out by others, and the server lets go of it before long. */
static bool freeze_at_second(void *arg, const struct store_run *candidate) {
  if (strcmp(candidate->id, "2") == 0 && write(*(int *)arg, "x", 1) == 1)
    raise(SIGSTOP);
  return true;
}

Test(store_postgres, a_host_frozen_in_a_transaction) {
  struct store *s = opened("a", STORE_SERVE);
  struct store_run runs[] = {due("1", "p", 0), due("2", "q", 1)}, *r;
  OK(store_enqueue(s, runs, 2, false, T0, NULL, &err));
  int fds[2];
  char byte;
  size_t n;
  cr_assert_eq(pipe(fds), 0);
  pid_t child = fork_bound();
  if (child == 0) {
    struct store *frozen = opened("frozen", STORE_SERVE);
    struct store_limits limits = {.max = 9, .accept = freeze_at_second, .arg = &fds[1]};
    int rc = store_claim(frozen, T0 + 5 * SECOND, T0 + 35 * SECOND, &limits, arena, &r, &n, &err);
    _exit(rc < 0 && err.error_class == ETL_E_RETRYABLE ? 0 : 1);
  }
  cr_assert_eq(read(fds[0], &byte, 1), 1);
  int64_t began = clock_mono_ns();
  r = claim(s, 6, 9, &n);
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "2", "the one that is not locked");
  cr_expect_lt(clock_mono_ns() - began, 2 * SECOND, "nobody waits for it");
  do {
    r = claim(s, 7, 9, &n);
    poll(NULL, 0, 20);
  } while (n == 0 && clock_mono_ns() - began < 30 * SECOND);
  cr_assert_eq(n, 1);
  cr_expect_str_eq(r->id, "1");
  int status;
  kill(child, SIGCONT);
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_expect_eq(status, 0, "it is told that its session is gone");
  store_close(s);
}

Test(store_postgres, a_server_that_is_not_there) {
  struct store *s = opened("lonely", STORE_SERVE);
  int port = 1;
  snprintf(store_url, sizeof store_url, "postgresql://etl:secret@127.0.0.1:%d/state", port);
  struct store *none;
  REFUSED(store_open(store_url, STORE_SERVE, "b", T0, &err, &none), ETL_E_RETRYABLE, "127.0.0.1:1/state");
  cr_expect_null(strstr(err.message, "secret"));
  /* The session's process at the server stops: each call ends all the same. */
  pid_t backend = (pid_t)strtol(ask("SELECT pid FROM pg_stat_activity WHERE application_name = 'etl lonely'"), NULL, 10);
  cr_assert_gt(backend, 1);
  cr_assert_eq(kill(backend, SIGSTOP), 0);
  int64_t began = clock_mono_ns();
  REFUSED(store_ping(s, T0, &err), ETL_E_RETRYABLE, "no answer within 6 s");
  cr_expect_lt(clock_mono_ns() - began, 8 * SECOND);
  kill(backend, SIGCONT);
  while (store_ping(s, T0, &err) < 0)
    poll(NULL, 0, 10);
  store_close(s);
}

/* ---- a network that was cut ------------------------------------------------------------------------------------------------------------- */

static int to_server(void) {
  struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM};
  if (getaddrinfo(getenv("PGHOST"), getenv("PGPORT"), &hints, &found) != 0)
    return -1;
  int fd = socket(found->ai_family, SOCK_STREAM, 0), rc = connect(fd, found->ai_addr, found->ai_addrlen);
  freeaddrinfo(found);
  return rc < 0 ? -1 : fd;
}

/* False: one of both has ended. */
static bool pass_on(struct pollfd ends[2]) {
  char bytes[65536];
  for (int i = 0; i < 2; i++) {
    ssize_t n = ends[i].revents ? read(ends[i].fd, bytes, sizeof bytes) : 0;
    if (ends[i].revents && (n <= 0 || write(ends[!i].fd, bytes, (size_t)n) != n))
      return false;
  }
  return true;
}

/* Carries one session after the other.  The first is cut when `cut` is written to: the client sees its end, the server never hears of it. */
static void carry(int listener, int cut) {
  for (bool first = true;; first = false) {
    struct pollfd ends[3] = {{.fd = accept(listener, NULL, NULL), .events = POLLIN}, {.fd = to_server(), .events = POLLIN},
                             {.fd = first ? cut : -1, .events = POLLIN}};
    while (poll(ends, 3, -1) > 0 && !ends[2].revents && pass_on(ends))
      ;
    close(ends[0].fd);
    if (!first)
      close(ends[1].fd);
  }
}

Test(store_postgres, a_session_that_only_the_server_takes_for_alive) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t at_n = sizeof at;
  int listener = socket(AF_INET, SOCK_STREAM, 0), cut[2];
  cr_assert(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 8) == 0 && pipe(cut) == 0);
  cr_assert_eq(getsockname(listener, (struct sockaddr *)&at, &at_n), 0);
  pid_t child = fork();
  if (child == 0)
    carry(listener, cut[0]);
  snprintf(store_url, sizeof store_url, "postgresql://127.0.0.1:%d/?schema=t%ld", ntohs(at.sin_port), (long)getpid());
  struct store *s = opened("cut", STORE_SERVE);
  OK(store_ping(s, T0, &err));
  cr_assert_eq(write(cut[1], "x", 1), 1);
  int64_t began = clock_mono_ns();
  while (store_ping(s, T0, &err) < 0 && clock_mono_ns() - began < 20 * SECOND)
    poll(NULL, 0, 50);
  cr_expect_lt(clock_mono_ns() - began, 10 * SECOND, "%s", err.message);
  store_close(s);
  kill(child, SIGKILL);
  cr_assert_eq(waitpid(child, NULL, 0), child);
}

/* ---- addresses and rights ----------------------------------------------------------------------------------------------------------------- */

Test(store_postgres, who_may_and_where) {
  struct store *s;
  const char *where = arena_printf(arena, "%s:%s", getenv("PGHOST"), getenv("PGPORT"));
  ask(arena_printf(arena, "CREATE ROLE r%ld LOGIN PASSWORD 'p'", (long)getpid()));
  snprintf(store_url, sizeof store_url, "postgresql://r%ld:wrong@%s/sink", (long)getpid(), where);
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_AUTH, "authentication failed");
  snprintf(store_url, sizeof store_url, "postgresql://r%ld:p@%s/sink?schema=mine%ld", (long)getpid(), where, (long)getpid());
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_CONFIG, "permission denied");
  REFUSED(store_open(store_url, STORE_READ, "a", T0, &err, &s), ETL_E_UNSUPPORTED, "no state store");
  snprintf(store_url, sizeof store_url, "postgresql://%s/nowhere", where);
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_RETRYABLE, "nowhere");
  cr_expect_not_null(strstr(err.remedy, "make the database"), "%s", err.remedy);
  snprintf(store_url, sizeof store_url, "postgresql://%s/sink?sslmode=perhaps", where);
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_CONFIG, "perhaps");
  cr_expect_not_null(strstr(err.remedy, "parameters"), "%s", err.remedy);
  snprintf(store_url, sizeof store_url, "postgresql://%s/sink?schema=a;b", where);
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_CONFIG, "schema=a;b");
  snprintf(store_url, sizeof store_url, "postgresql://x:topsecret@%s/sink?schmea=b", where);
  REFUSED(store_open(store_url, STORE_SERVE, "a", T0, &err, &s), ETL_E_CONFIG, "no address");
  cr_expect_null(strstr(err.message, "topsecret"));
}

Test(store_postgres, parameters_around_the_schema) {
  struct store *s;
  static const char *const forms[] = {"?schema=%s&connect_timeout=3", "?connect_timeout=3&schema=%s", "?connect_timeout=3&schema=%s&keepalives=1"};
  for (size_t i = 0; i < 3; i++) {
    const char *schema = arena_printf(arena, "f%zu_%ld", i, (long)getpid());
    int n = snprintf(store_url, sizeof store_url, "postgresql://");
    const char *mark = strstr(forms[i], "%s");
    snprintf(store_url + n, sizeof store_url - (size_t)n, "%.*s%s%s", (int)(mark - forms[i]), forms[i], schema, mark + 2);
    OK(store_open(store_url, STORE_SERVE, "a", T0, &err, &s));
    cr_expect_not_null(strstr(store_place(s), schema));
    cr_expect_str_eq(ask(arena_printf(arena, "SELECT min(version) FROM %s.etl_meta", schema)), "1");
    store_close(s);
  }
}

static void documented(const char *query) { ask(arena_printf(arena, "SET search_path = t%ld; %s", (long)getpid(), query)); }

Test(store_postgres, the_documented_queries) {
  struct store *s = opened("a", STORE_SERVE);
  enqueue(s, due("1", "p", 0));
  cr_expect_geq(docs_each(documented), 6);
  cr_expect_str_eq(ask(arena_printf(arena, "SET timezone = 'UTC'; SELECT due::text FROM t%ld.runs", (long)getpid())), "2023-11-14 22:13:20+00");
  store_close(s);
}

/* In the order of a language "alpha" stands before "Zed"; the host looks names up by strcmp(). */
Test(store_postgres, a_database_that_sorts_as_a_language_does) {
  const char *name = arena_printf(arena, "sorted_%ld", (long)getpid());
  struct store_pipeline *p;
  struct store_breaker *b;
  size_t n;
  ask(arena_printf(arena, "CREATE DATABASE %s TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en'", name));
  snprintf(store_url, sizeof store_url, "postgresql:///%s", name);
  struct store *s = opened("a", STORE_SERVE);
  const struct store_breaker broken[] = {{.pipeline = "alpha", .state = "open", .failures = 1}, {.pipeline = "Zed", .state = "open", .failures = 1}};
  OK(store_pause(s, "alpha", true, T0, &err));
  OK(store_pause(s, "Zed", true, T0, &err));
  OK(store_breakers_save(s, broken, 2, &err));
  OK(store_pipelines(s, NULL, arena, &p, &n, &err));
  cr_expect(n == 2 && strcmp(p[0].name, "Zed") == 0);
  OK(store_breakers(s, NULL, arena, &b, &n, &err));
  cr_expect(n == 2 && strcmp(b[0].pipeline, "Zed") == 0);
  OK(store_pipelines(s, &(struct store_names){(const char *const[]){"alpha", "Zed"}, 2}, arena, &p, &n, &err));
  cr_expect(n == 2 && strcmp(p[0].name, "Zed") == 0);
  store_close(s);
  ask(arena_printf(arena, "DROP DATABASE %s", name));
}
