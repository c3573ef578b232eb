/* A circuit breaker, step by step. */
#include <criterion/criterion.h>

#include "base/units.h"
#include "sched/breaker.h"

static const struct conf_breaker three = {.threshold = 3, .cooldown_ns = 300 * NS_PER_SEC};

static void open_it(struct breaker *b, int64_t now_ns) {
  for (int i = 0; i < 3; i++) {
    cr_assert(breaker_allow(b, &three, now_ns));
    cr_assert_eq(breaker_note(b, &three, BREAKER_FAILURE, now_ns), i == 2);
  }
  cr_assert_eq(b->state, BREAKER_OPEN);
}

Test(breaker, opens_after_failures_in_a_row) {
  struct breaker b = {0};
  breaker_note(&b, &three, BREAKER_FAILURE, 1);
  breaker_note(&b, &three, BREAKER_FAILURE, 2);
  cr_expect_not(breaker_note(&b, &three, BREAKER_SUCCESS, 3));
  cr_expect_eq(b.failures, 0, "not in a row");
  cr_expect_eq(breaker_wait_until_ns(&b, &three), 0);
  open_it(&b, 1000);
  cr_expect_not(breaker_allow(&b, &three, 1000 + three.cooldown_ns - 1));
  cr_expect_eq(breaker_wait_until_ns(&b, &three), 1000 + three.cooldown_ns);
}

Test(breaker, one_run_tries) {
  struct breaker b = {0};
  open_it(&b, 0);
  cr_assert(breaker_allow(&b, &three, three.cooldown_ns));
  cr_expect_eq(b.state, BREAKER_HALF_OPEN);
  cr_expect_not(breaker_allow(&b, &three, three.cooldown_ns + 1), "one only");
  cr_expect_eq(breaker_wait_until_ns(&b, &three), INT64_MAX);
  cr_expect(breaker_note(&b, &three, BREAKER_FAILURE, three.cooldown_ns + 5));
  cr_expect_eq(b.state, BREAKER_OPEN);
  cr_expect_eq(b.failures, 4);
  cr_expect_eq(breaker_wait_until_ns(&b, &three), 2 * three.cooldown_ns + 5, "the cooldown begins anew");
  cr_assert(breaker_allow(&b, &three, 3 * three.cooldown_ns));
  cr_expect(breaker_note(&b, &three, BREAKER_SUCCESS, 3 * three.cooldown_ns));
  cr_expect_eq(b.state, BREAKER_CLOSED);
  cr_expect_eq(b.failures, 0);
}

Test(breaker, a_cancelled_try_says_nothing) {
  struct breaker b = {0};
  open_it(&b, 0);
  cr_assert(breaker_allow(&b, &three, three.cooldown_ns));
  cr_expect(breaker_note(&b, &three, BREAKER_NEITHER, three.cooldown_ns));
  cr_expect_eq(b.state, BREAKER_OPEN);
  cr_expect(breaker_allow(&b, &three, three.cooldown_ns), "the next one may try at once");
  b = (struct breaker){.failures = 2};
  cr_expect_not(breaker_note(&b, &three, BREAKER_NEITHER, 1));
  cr_expect_eq(b.failures, 2);
}

Test(breaker, runs_that_began_before_it_opened) {
  struct breaker b = {0};
  open_it(&b, 100);
  cr_expect_not(breaker_note(&b, &three, BREAKER_FAILURE, 200));
  cr_expect_eq(b.opened_at_ns, 100, "the cooldown goes on");
  cr_expect(breaker_note(&b, &three, BREAKER_SUCCESS, 300));
  cr_expect_eq(b.state, BREAKER_CLOSED);
}

Test(breaker, none) {
  const struct conf_breaker none = {.cooldown_ns = NS_PER_SEC};
  struct breaker b = {0};
  for (int i = 0; i < 100; i++) {
    cr_assert(breaker_allow(&b, &none, i));
    cr_assert_not(breaker_note(&b, &none, BREAKER_FAILURE, i));
  }
  open_it(&b, 0);
  cr_expect(breaker_allow(&b, &none, 0), "its setting was taken away");
}

Test(breaker, names) {
  for (int i = BREAKER_CLOSED; i <= BREAKER_HALF_OPEN; i++) {
    enum breaker_state s;
    cr_assert_eq(breaker_state_parse(breaker_state_name((enum breaker_state)i), &s), 0);
    cr_expect_eq(s, (enum breaker_state)i);
  }
  enum breaker_state s;
  cr_expect_eq(breaker_state_parse("ajar", &s), -1);
}
