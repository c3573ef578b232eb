/* What a shard may be asked for, with the hands of the clock turned by the test. */
#include <criterion/criterion.h>

#include "base/units.h"
#include "engine/governor.h"

static int64_t hand(const struct clock *c) { return *(int64_t *)c->arg; }

struct hands {
  int64_t now;
  struct clock clock;
};
static void hands_init(struct hands *h) {
  h->now = 1000 * NS_PER_SEC;
  h->clock = (struct clock){hand, hand, &h->now};
}

Test(governor, without_limits_nobody_waits) {
  struct hands h;
  struct conf_limits none = {0};
  struct stop stop;
  hands_init(&h);
  stop_init(&stop, NULL);
  struct governor *g = governor_new(&none, false, &h.clock);
  struct gate *a = governor_gate(g, "a");
  cr_expect_eq(gate_take(a, INT64_MAX, INT64_MAX), 0);
  for (int i = 0; i < 100; i++)
    cr_expect(gate_enter(a, &stop));
  governor_free(g);
  stop_fini(&stop);
}

Test(governor, rows_are_paid_for_by_all_readers_of_a_shard_together) {
  struct hands h;
  struct conf_limits limits = {.rows_per_second = 100};
  hands_init(&h);
  struct governor *g = governor_new(&limits, false, &h.clock);
  struct gate *a = governor_gate(g, "a"), *b = governor_gate(g, "b");
  cr_expect_eq(governor_gate(g, "a"), a);
  cr_expect_eq(gate_take(a, 50, 1 << 30), NS_PER_SEC / 2);
  cr_expect_eq(gate_take(a, 100, 0), 3 * NS_PER_SEC / 2, "the other reader waits for both");
  cr_expect_eq(gate_take(b, 1000, 0), 10 * NS_PER_SEC, "another shard has its own");
  h.now += NS_PER_SEC;
  cr_expect_eq(gate_take(a, 0, 0), NS_PER_SEC / 2);
  governor_free(g);
}

Test(governor, the_slower_of_two_rates_counts) {
  struct hands h;
  struct conf_limits limits = {.rows_per_second = 100, .bytes_per_second = 1 << 20};
  hands_init(&h);
  struct governor *g = governor_new(&limits, false, &h.clock);
  struct gate *a = governor_gate(g, "a");
  cr_expect_eq(gate_take(a, 10, 2 << 20), 2 * NS_PER_SEC);
  h.now += 2 * NS_PER_SEC;
  cr_expect_eq(gate_take(a, 500, 1), 5 * NS_PER_SEC);
  governor_free(g);
}

Test(governor, a_quiet_time_is_not_saved_up) {
  struct hands h;
  struct conf_limits limits = {.rows_per_second = 10};
  hands_init(&h);
  struct governor *g = governor_new(&limits, false, &h.clock);
  struct gate *a = governor_gate(g, "a");
  cr_expect_eq(gate_take(a, 10, 0), NS_PER_SEC);
  h.now += 3600 * NS_PER_SEC;
  cr_expect_eq(gate_take(a, 10, 0), NS_PER_SEC);
  governor_free(g);
}

Test(governor, large_numbers_do_not_overflow) {
  struct hands h;
  struct conf_limits limits = {.bytes_per_second = INT64_C(1) << 40};
  hands_init(&h);
  struct governor *g = governor_new(&limits, false, &h.clock);
  cr_expect_eq(gate_take(governor_gate(g, "a"), 0, INT64_C(3) << 40), 3 * NS_PER_SEC);
  governor_free(g);
}

Test(governor, who_is_stopped_gets_no_session) {
  struct hands h;
  struct conf_limits limits = {.sessions = 1};
  struct stop stop;
  hands_init(&h);
  stop_init(&stop, NULL);
  struct governor *g = governor_new(&limits, false, &h.clock);
  struct gate *a = governor_gate(g, "a");
  cr_expect(gate_enter(a, &stop));
  stop_ask(&stop, STOP_NOW);
  cr_expect(!gate_enter(a, &stop));
  governor_free(g);
  stop_fini(&stop);
}
