/* Waits that are left to the supervisor: when, and what it is told. */
#include <criterion/criterion.h>

#include "base/units.h"
#include "engine/defer.h"
#include "fakes.h"

enum { B = 10 };
static const struct step fails_once[] = {{STEP_ROWS_CURSOR, B}, {STEP_FAIL, ETL_E_RETRYABLE}, {STEP_ROWS_CURSOR, B}, {STEP_END, 0}};

struct pair { /* a lane with a script, and one that works as long as the test likes */
  struct stage s;
  struct lane lanes[2];
  pthread_t thread;
};

static void pair_start(struct pair *p, const struct step *script, int64_t delay_ns, json_t *retries) {
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "s"};
  struct etl_shard shards[] = {{.struct_size = sizeof *shards, .id = "0"}, {.struct_size = sizeof *shards, .id = "1"}};
  stage_init(&p->s, script, NULL);
  p->s.spec.defer_retries = true;
  p->s.spec.retry.retry_delay_ns = p->s.spec.retry.max_retry_delay_ns = delay_ns;
  p->s.spec.retries = retries;
  for (int i = 0; i < 2; i++)
    lane_init(&p->lanes[i], &p->s.run, p->s.run.arena, &stream, &shards[i]);
  p->s.run.lanes = p->lanes;
  p->s.run.lanes_n = 2;
  stop_init(&p->s.lane.stop, NULL); /* it has no part in this, and is freed with the stage */
  pthread_mutex_init(&p->s.lane.lock, NULL);
  pthread_cond_init(&p->s.lane.changed, NULL);
  pthread_create(&p->thread, NULL, lane_main, &p->lanes[0]);
}

static void pair_fini(struct pair *p) {
  for (int i = 0; i < 2; i++)
    lane_fini(&p->lanes[i]);
  json_decref(p->s.spec.retries);
  stage_fini(&p->s);
}

/* As the run thread does it, until the lane with the script waits or has ended. */
static void await_wait(struct pair *p) {
  pthread_mutex_lock(&p->s.run.lock);
  while (!p->lanes[0].waiting && atomic_load(&p->lanes[0].status) == LANE_RUNNING)
    pthread_cond_wait(&p->s.run.lane_ended, &p->s.run.lock);
  defer_look(&p->s.run);
  pthread_mutex_unlock(&p->s.run.lock);
}

static void end_other(struct pair *p) {
  pthread_mutex_lock(&p->s.run.lock);
  atomic_store(&p->lanes[1].status, LANE_SUCCESS);
  defer_look(&p->s.run);
  pthread_mutex_unlock(&p->s.run.lock);
}

Test(defer, a_wait_is_left_to_the_supervisor_when_nobody_works, .timeout = 60) {
  struct pair p;
  pair_start(&p, fails_once, 3600 * NS_PER_SEC, NULL);
  await_wait(&p);
  cr_expect_not(atomic_load(&p.s.run.deferring), "while another lane works, the worker is there to wait in");
  end_other(&p);
  pthread_join(p.thread, NULL);
  cr_expect_eq(atomic_load(&p.lanes[0].status), LANE_FAILED);
  json_t *j = defer_json(&p.lanes[0]);
  cr_assert(j);
  cr_expect_eq(json_integer_value(json_object_get(j, "failures")), 1);
  cr_expect_gt(json_real_value(json_object_get(j, "after_seconds")), 3500);
  cr_expect_str_eq(json_string_value(json_object_get(j, "shard")), "0");
  json_decref(j);
  pair_fini(&p);
}

Test(defer, a_lane_that_may_not_be_tried_again_has_no_retry, .timeout = 60) {
  static const struct step fails[] = {{STEP_FAIL, ETL_E_PERMANENT}, {STEP_END, 0}};
  struct pair p;
  pair_start(&p, fails, 3600 * NS_PER_SEC, NULL);
  await_wait(&p);
  end_other(&p);
  pthread_join(p.thread, NULL);
  cr_expect_null(defer_json(&p.lanes[0]));
  pair_fini(&p);
}

Test(defer, failures_of_runs_before_count, .timeout = 60) {
  struct pair p;
  static const struct step fails_first[] = {{STEP_FAIL, ETL_E_RETRYABLE}, {STEP_END, 0}};
  pair_start(&p, fails_first, 3600 * NS_PER_SEC, json_pack("[{s:s, s:i, s:f, s:f}]", "lane", "s/0", "failures", 3, "failing_seconds", 1.0, "after_seconds", 0.0));
  pthread_join(p.thread, NULL);
  cr_expect_eq(atomic_load(&p.lanes[0].status), LANE_FAILED, "max_retries is 3: the fourth failure is the last");
  cr_expect_null(defer_json(&p.lanes[0]));
  pair_fini(&p);
}

Test(defer, what_is_left_of_a_wait_goes_back_with_its_reason, .timeout = 60) {
  struct pair p;
  pair_start(&p, fails_once, 0, json_pack("[{s:s, s:i, s:f, s:f, s:{s:s, s:s}}]", "lane", "s/0", "failures", 2, "failing_seconds", 1.0, "after_seconds",
                                         3600.0, "error", "class", "retryable", "message", "it was refused"));
  await_wait(&p);
  end_other(&p);
  pthread_join(p.thread, NULL);
  json_t *j = defer_json(&p.lanes[0]);
  cr_assert(j);
  cr_expect_eq(json_integer_value(json_object_get(j, "failures")), 2, "it was not tried");
  cr_expect_str_eq(p.lanes[0].err.message, "it was refused");
  cr_expect_eq(play.rows, 0);
  json_decref(j);
  pair_fini(&p);
}

Test(defer, cancel_once_ends_a_wait_and_keeps_it, .timeout = 60) {
  struct pair p;
  pair_start(&p, fails_once, 3600 * NS_PER_SEC, NULL);
  await_wait(&p);
  run_cancel(&p.s.run, STOP_FINISH);
  pthread_join(p.thread, NULL);
  json_t *j = defer_json(&p.lanes[0]);
  cr_expect(j, "a host that stops queues it again");
  json_decref(j);
  pair_fini(&p);
}
