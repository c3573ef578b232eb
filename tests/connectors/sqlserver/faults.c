/* What goes wrong between connecting and the last row: nothing of it may look like the end of the data. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "shop.h"

static void make_small(void) {
  shop_sql("DROP TABLE IF EXISTS dbo.small; CREATE TABLE dbo.small (id int NOT NULL PRIMARY KEY, at datetime2(7) NOT NULL, name "
           "nvarchar(20) NULL)");
  shop_sql(
      "INSERT INTO dbo.small (id, at, name) VALUES (1, N'2024-05-01T10:00:00.1', N'one'), (2, N'2024-05-01T10:00:00.2', NULL), "
      "(3, N'2024-05-01T10:00:00.3', N'three')");
}

static const char *const small[] = {"table", "dbo.small", "cursor", "id", NULL};

static int64_t now_ms(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Opens with the options and reads; checks the class of the failure, its vendor's number, and part of the message. */
static void expect_failure(struct tap *t, const char *const *options, uint32_t class_, int64_t number, const char *part) {
  struct shop s;
  struct got g;
  shop_init(&s, options);
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_FAILED);
  if (!CHECK(t, s.host.error.error_class == class_))
    printf("# class %u: %s\n", s.host.error.error_class, s.host.message);
  if (number)
    CHECK(t, s.host.error.vendor_code == number);
  CHECK_HAS(t, s.host.message, part);
  CHECK_HAS(t, s.host.message, "shard \"0\"");
  CHECK(t, !strstr(s.host.message, "\n"));
  got_fini(&g);
  shop_fini(&s);
}

static void who_and_where(struct tap *t) {
  make_small();
  expect_failure(t, (const char *[]){"table", "dbo.small", "password", "wrong", NULL}, ETL_E_AUTH, 18456, "Login failed");
  expect_failure(t, (const char *[]){"table", "dbo.small", "database", "nowhere", NULL}, ETL_E_CONFIG, 4060, "nowhere");
  expect_failure(t, (const char *[]){"table", "dbo.nothing", NULL}, ETL_E_CONFIG, 0, "there is no table or view dbo.nothing");
  expect_failure(t, (const char *[]){"table", "dbo.small", "columns", "id|nothing", NULL}, ETL_E_CONFIG, 0,
                 "no column \"nothing\"");
  expect_failure(t, (const char *[]){"table", "dbo.small", "where", "nothing = 1", NULL}, ETL_E_CONFIG, 207, "nothing");
  expect_failure(t, (const char *[]){"table", "dbo.small", "where", "id = = 1", NULL}, ETL_E_CONFIG, 102, "syntax");
  expect_failure(t, (const char *[]){"table", "dbo.small", "host", "no-such-host.invalid", "connect_retries", "0", NULL},
                 ETL_E_RETRYABLE, 0, "no-such-host.invalid");
}

static void unreachable(struct tap *t) {
  struct shop s;
  struct got g;
  shop_init(&s, (const char *[]){"table", "dbo.small", "port", "1", "host", "127.0.0.1", NULL});
  CHECK(t, shop_open(&s));
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_FAILED && s.host.error.error_class == ETL_E_RETRYABLE);
  CHECK_HAS(t, s.host.message, "Connection refused");
  CHECK(t, testhost_logged(&s.host, ETL_LOG_INFO, "trying again in 10 ms (3 of 3)"));
  CHECK_TEXT(t, s.host.option, "host");
  got_fini(&g);
  shop_fini(&s);
}

static void retries_until_it_works(struct tap *t) {
  struct shop s;
  struct got g;
  make_small();
  shop_init(&s, small);
  CHECK(t, shop_open(&s));
  shop_control("login-fail 40613 2");
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_DONE && g.n_rows == 3);
  CHECK(t, testhost_logged(&s.host, ETL_LOG_INFO, "(2 of 3)"));
  CHECK(t, !testhost_logged(&s.host, ETL_LOG_INFO, "(3 of 3)"));
  got_fini(&g);
  shop_control("clear");
  shop_control("login-fail 18456 1"); /* refused is refused: no second try */
  shop_read(&s, NULL, 0, 0, &g);
  CHECK(t, g.status == ETL_FAILED && s.host.error.error_class == ETL_E_AUTH);
  got_fini(&g);
  shop_control("clear");
  shop_fini(&s);
}

static void errors_of_the_server(struct tap *t) {
  make_small();
  shop_control("match dbo.*small.*ORDER deadlock next");
  expect_failure(t, small, ETL_E_RETRYABLE, 1205, "deadlock");
  shop_control("clear");
  shop_control("match dbo.*small.*ORDER error-after-rows 2 1205 13 13 Transaction was deadlocked on resources");
  expect_failure(t, small, ETL_E_RETRYABLE, 1205, "deadlocked");
  shop_control("clear");
  shop_control("match dbo.*small.*ORDER error-after-rows 3 8134 1 16 Divide by zero error encountered.");
  expect_failure(t, small, ETL_E_DATA, 8134, "Divide by zero");
  shop_control("clear");
  shop_control("match dbo.*small.*ORDER error-after-rows 0 40501 1 20 The service is currently busy.");
  expect_failure(t, small, ETL_E_RETRYABLE, 40501, "busy");
  shop_control("clear");
  shop_control("drop-permission dbo.small");
  expect_failure(t, small, ETL_E_PERMANENT, 229, "permission");
  shop_control("clear");
}

/* The answer is cut behind each of its bytes in turn: the reader fails, or it had everything. */
static void cut_at_every_byte(struct tap *t, const char *fault) {
  char command[100];
  int done_at = 0, wrong = 0, bytes;
  make_small();
  for (bytes = 1; bytes < 2000 && !done_at; bytes++) {
    struct shop s;
    struct got g;
    shop_init(&s, small);
    shop_open(&s);
    snprintf(command, sizeof command, "match dbo.*small.*ORDER %s %d", fault, bytes);
    shop_control(command);
    shop_read(&s, NULL, 0, 1, &g);
    if (g.status == ETL_DONE)
      done_at = bytes;
    wrong += g.status == ETL_DONE ? g.n_rows != 3 : g.status != ETL_FAILED || s.host.error.error_class != ETL_E_RETRYABLE;
    if (g.status == ETL_FAILED && s.host.error.error_class != ETL_E_RETRYABLE)
      printf("# at %d: class %u %s\n", bytes, s.host.error.error_class, s.host.message);
    for (size_t i = 0; g.status != ETL_DONE && i < g.messages_n; i++) /* a cursor never tells more than what came */
      wrong += g.messages[i].cursor && strstr(g.messages[i].cursor, "\"3\"");
    got_fini(&g);
    shop_control("clear");
    shop_fini(&s);
  }
  CHECK(t, wrong == 0);
  CHECK(t, done_at > 100); /* only the whole answer is enough */
  printf("# %s: the whole answer has %d bytes\n", fault, done_at);
}

static void *cancel_it(void *arg) {
  void **both = arg;
  const struct etl_extractor *api = both[0];
  api->reader_cancel(both[1]);
  return NULL;
}

/* What came before a stall is handed out, next() keeps its time, and cancel does not wait for the server. */
static void stall(struct tap *t) {
  struct shop s;
  struct got g = {0};
  make_small();
  shop_init(&s, small);
  CHECK(t, shop_open(&s));
  shop_control("match dbo.*small.*ORDER stall-after-rows 2");
  void *reader = shop_reader(&s, NULL, 0, 100);
  CHECK(t, reader != NULL);
  int32_t rc = ETL_IDLE;
  int64_t begin = now_ms(), longest = 0;
  while ((rc == ETL_IDLE || rc == ETL_OK) && g.n_rows < 2 && now_ms() - begin < 10000) {
    int64_t before = now_ms();
    rc = shop_next(&s, reader, 100, false, &g);
    if (now_ms() - before > longest)
      longest = now_ms() - before;
  }
  CHECK(t, g.n_rows == 2 && rc == ETL_OK);
  CHECK(t, longest < 1000);
  CHECK(t, shop_next(&s, reader, 10, true, &g) == ETL_IDLE);
  pthread_t canceller;
  void *both[2] = {(void *)(uintptr_t)s.api, reader};
  begin = now_ms();
  pthread_create(&canceller, NULL, cancel_it, both);
  rc = shop_next(&s, reader, 60000, false, &g);
  pthread_join(canceller, NULL);
  CHECK(t, rc == ETL_STOPPED);
  s.api->reader_close(reader);
  CHECK(t, now_ms() - begin < 2000);
  shop_control("clear");
  got_fini(&g);
  shop_fini(&s);
}

static void stall_then_resume(struct tap *t) {
  struct shop s;
  struct got g = {0};
  make_small();
  shop_init(&s, small);
  CHECK(t, shop_open(&s));
  shop_control("match dbo.*small.*ORDER stall-after-rows 2");
  void *reader = shop_reader(&s, NULL, 0, 100);
  int32_t rc = ETL_IDLE;
  int64_t begin = now_ms();
  while ((rc == ETL_IDLE || rc == ETL_OK) && g.n_rows < 2 && now_ms() - begin < 10000)
    rc = shop_next(&s, reader, 100, true, &g);
  shop_control("resume");
  while ((rc == ETL_IDLE || rc == ETL_OK) && now_ms() - begin < 20000)
    rc = shop_next(&s, reader, 1000, false, &g);
  CHECK(t, rc == ETL_DONE && g.n_rows == 3);
  CHECK(t, g.cursor && strstr(g.cursor, "\"3\""));
  s.api->reader_close(reader);
  shop_control("clear");
  got_fini(&g);
  shop_fini(&s);
}

static void timeouts(struct tap *t) {
  make_small();
  shop_control("match dbo.*small.*ORDER stall-after-rows 1");
  expect_failure(t, (const char *[]){"table", "dbo.small", "cursor", "id", "query_timeout", "1s", NULL}, ETL_E_RETRYABLE, 0,
                 "sent nothing for 1 s");
  shop_control("clear");
  shop_control("stall-login");
  expect_failure(t, (const char *[]){"table", "dbo.small", "login_timeout", "1s", "connect_retries", "0", NULL}, ETL_E_RETRYABLE, 0,
                 "connecting");
  shop_control("clear");
  shop_control("refuse on");
  expect_failure(t, (const char *[]){"table", "dbo.small", "connect_retries", "1", NULL}, ETL_E_RETRYABLE, 0, "connecting");
  shop_control("refuse off");
}

static void no_memory(struct tap *t) {
  struct shop s;
  struct got g;
  make_small();
  shop_init(&s, small);
  CHECK(t, shop_open(&s));
  for (int64_t budget = 0; budget < 20000; budget += 500) {
    testhost_clear(&s.host);
    atomic_store(&s.host.budget_bytes, budget);
    shop_read(&s, NULL, 0, 0, &g);
    CHECK(t, (g.status == ETL_DONE && g.n_rows == 3) || (g.status == ETL_FAILED && s.host.error.error_class == ETL_E_PERMANENT));
    got_fini(&g);
  }
  shop_fini(&s);
}

/* Closing a reader in the middle of its rows. */
static void given_up(struct tap *t) {
  struct shop s;
  struct got g = {0};
  make_small();
  shop_init(&s, small);
  CHECK(t, shop_open(&s));
  void *reader = shop_reader(&s, NULL, 0, 1);
  CHECK(t, shop_next(&s, reader, 10000, false, &g) == ETL_OK);
  s.api->reader_close(reader);
  got_fini(&g);
  shop_fini(&s);
}

int main(void) {
  struct tap t = {0};
  who_and_where(&t);
  unreachable(&t);
  no_memory(&t);
  given_up(&t);
  if (shop_has_control()) {
    retries_until_it_works(&t);
    errors_of_the_server(&t);
    cut_at_every_byte(&t, "cut-after-bytes");
    cut_at_every_byte(&t, "close-after-bytes");
    stall(&t);
    stall_then_resume(&t);
    timeouts(&t);
  }
  CHECK(&t, testhost_buffers() == 0);
  return tap_end(&t);
}
