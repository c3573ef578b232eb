/* Pauses between attempts. */
#include <criterion/criterion.h>

#include "base/units.h"
#include "conf/retry.h"

static const struct conf_retry usual = {.max_retries = 3, .retry_delay_ns = 5 * NS_PER_SEC, .max_retry_delay_ns = 900 * NS_PER_SEC,
                                        .retry_timeout_ns = 3600 * NS_PER_SEC, .exponential_backoff = true};

static int64_t pause_s(const struct conf_retry *c, int64_t failures, int64_t since_s) {
  int64_t ns = retry_pause_ns(c, &(struct retry_case){.failures = failures, .since_ns = since_s * NS_PER_SEC, .who = "r"});
  return ns < 0 ? -1 : ns / NS_PER_SEC;
}

Test(retry, doubles) {
  cr_expect_eq(pause_s(&usual, 1, 0), 5);
  cr_expect_eq(pause_s(&usual, 2, 5), 10);
  cr_expect_eq(pause_s(&usual, 3, 15), 20);
  cr_expect_eq(pause_s(&usual, 4, 35), -1);
  struct conf_retry c = usual;
  c.max_retries = 1000000;
  c.retry_timeout_ns = 0;
  cr_expect_eq(pause_s(&c, 8, 0), 640);
  cr_expect_eq(pause_s(&c, 9, 0), 900);
  cr_expect_eq(pause_s(&c, 1000000, 0), 900);
  c.exponential_backoff = false;
  cr_expect_eq(pause_s(&c, 9, 0), 5);
  c.max_retries = 0;
  cr_expect_eq(pause_s(&c, 1, 0), -1);
}

Test(retry, ends_with_its_time) {
  cr_expect_eq(pause_s(&usual, 1, 3595), 5);
  cr_expect_eq(pause_s(&usual, 1, 3596), -1);
}

Test(retry, the_source_may_ask_for_more) {
  struct retry_case r = {.failures = 1, .at_least_ns = 60 * NS_PER_SEC, .who = "r"};
  cr_expect_eq(retry_pause_ns(&usual, &r), 60 * NS_PER_SEC);
  r.at_least_ns = NS_PER_SEC;
  cr_expect_eq(retry_pause_ns(&usual, &r), 5 * NS_PER_SEC);
}

Test(retry, jitter) {
  struct conf_retry c = usual;
  c.jitter_ns = 2 * NS_PER_SEC;
  int64_t least = INT64_MAX, most = 0;
  for (int i = 0; i < 1000; i++) {
    char who[32];
    snprintf(who, sizeof who, "lane %d", i);
    struct retry_case r = {.failures = 1, .who = who};
    int64_t ns = retry_pause_ns(&c, &r);
    cr_assert_eq(ns, retry_pause_ns(&c, &r), "the same for the same lane");
    cr_assert(ns >= 5 * NS_PER_SEC && ns < 7 * NS_PER_SEC);
    least = ns < least ? ns : least;
    most = ns > most ? ns : most;
  }
  cr_expect(least < 5100 * NS_PER_MS && most > 6900 * NS_PER_MS, "%lld to %lld", (long long)least, (long long)most);
}
