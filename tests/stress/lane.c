/* A lane's threads against each other: small epochs, transformers that hold back, failures, doubt and cancels, many times over. */
#include <sched.h>

#include "check.h"
#include "fakes.h"

enum { ROUNDS = 60, BATCH = 7 };

static const struct step script[] = {{STEP_ROWS_CURSOR, BATCH}, {STEP_ROWS, BATCH}, {STEP_ROWS_CURSOR, BATCH}, {STEP_FAIL, ETL_E_RETRYABLE},
                                     {STEP_ROWS_CURSOR, BATCH}, {STEP_ROWS_CURSOR, BATCH}, {STEP_END, 0}};
static const struct step forever[] = {{STEP_FOREVER, BATCH}};
static const char *const two[] = {"hold", "hold", NULL};

static void all_arrive(int round) {
  struct stage s;
  stage_init(&s, script, round % 2 ? two : NULL);
  s.spec.epoch_rows = 1 + round % (2 * BATCH);
  play.answer = round % 3 == 0 ? ANSWER_LOST_AFTER : round % 3 == 1 ? ANSWER_LOST_BEFORE : ANSWER_OK;
  play.answer_at = 1 + round % 2;
  CHECK(stage_play(&s) == LANE_SUCCESS);
  CHECK(play.rows == 5 * BATCH && play.last_id == play.rows && !play.holes);
  stage_fini(&s);
}

static void *cancel_main(void *arg) {
  struct stage *s = arg;
  while (atomic_load(&s->lane.epochs) < 3)
    sched_yield();
  run_cancel(&s->run, STOP_FINISH);
  run_cancel(&s->run, STOP_NOW);
  return NULL;
}

static void nothing_is_torn_by_a_cancel(int round) {
  struct stage s;
  pthread_t thread;
  stage_init(&s, forever, round % 2 ? two : NULL);
  s.spec.epoch_rows = 3 * BATCH;
  stage_enter(&s);
  CHECK(pthread_create(&thread, NULL, cancel_main, &s) == 0);
  enum lane_status status = stage_run(&s);
  pthread_join(thread, NULL);
  CHECK(status == LANE_CANCELLED);
  CHECK(play.rows == play.cursor && play.last_id == play.rows && !play.holes);
  stage_fini(&s);
}

int main(void) {
  for (int round = 0; round < ROUNDS; round++) {
    all_arrive(round);
    nothing_is_torn_by_a_cancel(round);
  }
  printf("2 passed, 0 failed, 0 skipped\n");
  return 0;
}
