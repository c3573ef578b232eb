/* unit/store/fixture.h: a store for one test: a file of SQLite in a folder of its own, or, when ETL_TEST_STORE is the address of a PostgreSQL
 * database, a schema of its own in that.  The cases are the same for both. */
#ifndef TESTS_UNIT_STORE_FIXTURE_H
#define TESTS_UNIT_STORE_FIXTURE_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "store/store.h"
#include "tmpdir.h"

#define SECOND INT64_C(1000000000)
#define T0 (INT64_C(1700000000) * SECOND) /* what time it is when a test begins */

static struct arena *arena;
static char store_url[5000];
static struct err err;

static inline bool on_postgres(void) { return getenv("ETL_TEST_STORE") != NULL; }

static inline void enter(void) {
  tmpdir_enter();
  arena = arena_new();
  if (on_postgres())
    snprintf(store_url, sizeof store_url, "%s%cschema=t%ld", getenv("ETL_TEST_STORE"), strchr(getenv("ETL_TEST_STORE"), '?') ? '&' : '?',
             (long)getpid());
  else
    snprintf(store_url, sizeof store_url, "sqlite://%s/etl.db", tmpdir_path);
}

static inline void leave(void) {
  arena_free(arena);
  tmpdir_leave();
}

#define OK(call) cr_assert_eq(call, 0, "%s: %s", #call, err.message)
#define REFUSED(call, class, text)                                                                          \
  do {                                                                                                      \
    cr_assert_eq(call, -1, "%s", #call);                                                                    \
    cr_expect_eq(err.error_class, (uint32_t)(class), "%s: %s", err_class_name(err.error_class), err.message); \
    cr_expect_not_null(strstr(err.message, text), "%s", err.message);                                       \
  } while (0)

static inline struct store *opened(const char *host, enum store_use use) {
  struct store *s = NULL;
  OK(store_open(store_url, use, host, T0, &err, &s));
  return s;
}

/* A child that does not outlive its test. */
static inline pid_t fork_bound(void) {
  pid_t child = fork();
  if (child == 0)
    prctl(PR_SET_PDEATHSIG, SIGKILL);
  return child;
}

/* A run of a schedule, due so many seconds after T0. */
static inline struct store_run due(const char *id, const char *pipeline, int64_t seconds) {
  return (struct store_run){.id = id, .pipeline = pipeline, .trigger = "schedule", .state = "queued", .due_ns = T0 + seconds * SECOND, .attempt = 1};
}

static inline void enqueue(struct store *s, struct store_run r) { OK(store_enqueue(s, &r, 1, false, T0, NULL, &err)); }

/* Claims at most max at T0 + seconds, with a lease of 30 s. */
static inline struct store_run *claim(struct store *s, int64_t seconds, int64_t max, size_t *ret_n) {
  struct store_run *runs = NULL;
  struct store_limits limits = {.max = max};
  OK(store_claim(s, T0 + seconds * SECOND, T0 + (seconds + 30) * SECOND, &limits, arena, &runs, ret_n, &err));
  return runs;
}

static inline struct store_run *got(struct store *s, const char *id) {
  struct store_run *r = NULL;
  size_t n;
  OK(store_get(s, id, arena, &r, &n, &err));
  cr_assert_eq(n, 1, "%s", id);
  return r;
}

/* Ends a claimed run. */
static inline int finish_as(struct store *s, const struct store_run *r, const char *state, int64_t seconds) {
  struct store_run end = *r;
  end.state = state;
  end.ended_ns = T0 + seconds * SECOND;
  return store_finish(s, &(struct store_outcome){.run = &end}, &err);
}

#endif
