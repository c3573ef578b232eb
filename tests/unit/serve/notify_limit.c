/* How much a target is told in a period, with the hands of the clock turned by the test. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "serve/notify_limit.h"

enum {
  PERIOD = 100
};

static void hold(struct notify_limit *l, const char *pipeline, const char *event, int64_t now) {
  json_t *j = json_pack("{ss*, ss, s[s]}", "pipeline", pipeline, "event", event, "log", "line");
  notify_limit_hold(l, j, now, 1000 + now);
  json_decref(j);
}

static int64_t count(const struct notify_limit *l, const char *pipeline, const char *event) {
  return json_integer_value(json_object_get(json_object_get(l->counts, pipeline), event));
}

Test(notify_limit, so_many_in_a_period) {
  struct notify_limit l;
  notify_limit_init(&l, 2, PERIOD);
  cr_expect(notify_limit_take(&l, 10));
  cr_expect(notify_limit_take(&l, 50));
  cr_expect_not(notify_limit_take(&l, 60));
  cr_expect_not(notify_limit_take(&l, 109));
  cr_expect(notify_limit_take(&l, 110), "the period began with the first message");
  cr_expect(notify_limit_take(&l, 209));
  cr_expect_not(notify_limit_take(&l, 209));
  cr_expect(notify_limit_take(&l, 5000), "a quiet time counts for nothing");
  notify_limit_fini(&l);
}

Test(notify_limit, what_is_held_back_goes_at_the_end) {
  struct notify_limit l;
  notify_limit_init(&l, 1, PERIOD);
  cr_expect_eq(notify_limit_due_ns(&l), INT64_MAX);
  cr_expect(notify_limit_take(&l, 10));
  hold(&l, "a", "failure", 20);
  hold(&l, "a", "failure", 30);
  hold(&l, NULL, "host", 40);
  cr_expect_eq(notify_limit_due_ns(&l), 110);
  cr_expect_eq(l.held, 3);
  cr_expect_eq(l.held_wall_ns, 1020);
  cr_expect_eq(count(&l, "a", "failure"), 2);
  cr_expect_eq(count(&l, "", "host"), 1);
  cr_expect_not(notify_limit_take(&l, 500), "what came first is told first");
  notify_limit_told(&l, 500);
  cr_expect_eq(l.held, 0);
  cr_expect_eq(notify_limit_due_ns(&l), INT64_MAX);
  cr_expect_not(notify_limit_take(&l, 599), "the message of many was the one of this period");
  cr_expect(notify_limit_take(&l, 600));
  notify_limit_fini(&l);
}

Test(notify_limit, only_digests) {
  struct notify_limit l;
  notify_limit_init(&l, 0, PERIOD);
  cr_expect_not(notify_limit_take(&l, 10));
  hold(&l, "a", "failure", 10);
  cr_expect_eq(notify_limit_due_ns(&l), 110, "the period begins with what is held back");
  notify_limit_told(&l, 110);
  cr_expect_not(notify_limit_take(&l, 300));
  hold(&l, "a", "failure", 300);
  cr_expect_eq(notify_limit_due_ns(&l), 400, "and so does the next one");
  notify_limit_fini(&l);
}

Test(notify_limit, the_newest_are_kept_without_their_logs) {
  struct notify_limit l;
  notify_limit_init(&l, 0, PERIOD);
  for (int i = 0; i < HELD_KEPT + 7; i++)
    hold(&l, i < 7 ? "old" : "new", "failure", i);
  cr_expect_eq(json_array_size(l.kept), HELD_KEPT);
  cr_expect_eq(l.held, HELD_KEPT + 7);
  cr_expect_eq(count(&l, "old", "failure"), 7);
  const json_t *first = json_array_get(l.kept, 0);
  cr_expect_str_eq(json_string_value(json_object_get(first, "pipeline")), "new");
  cr_expect_null(json_object_get(first, "log"));
  notify_limit_fini(&l);
}
