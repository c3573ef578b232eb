/* Lanes: what is committed when, and what happens when something fails. */
#include <criterion/criterion.h>
#include <errno.h>

#include "base/units.h"
#include "fakes.h"

enum { B = 10 }; /* rows of a batch */

/* Nothing lost, nothing doubled: ids 1 to rows, each once, in order. */
static void expect_rows(int64_t rows) {
  cr_expect_eq(play.rows, rows, "%lld rows in the sink, not %lld", (long long)play.rows, (long long)rows);
  cr_expect_eq(play.last_id, rows);
  cr_expect(!play.holes);
}

static const struct step six_batches[] = {{STEP_ROWS_CURSOR, B}, {STEP_ROWS_CURSOR, B}, {STEP_ROWS_CURSOR, B}, {STEP_ROWS_CURSOR, B},
                                          {STEP_ROWS_CURSOR, B}, {STEP_ROWS_CURSOR, B}, {STEP_END, 0}};

Test(lane, epochs_are_cut_by_rows) {
  struct stage s;
  stage_init(&s, six_batches, NULL);
  s.spec.epoch_rows = 2 * B;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(6 * B);
  cr_expect_eq(play.commits, 3);
  cr_expect_eq(play.largest_epoch, 2 * B);
  cr_expect_eq(play.cursor, 6 * B);
  cr_expect_eq(atomic_load(&s.lane.rows_read), 6 * B);
  cr_expect_eq(lane_written(&s.lane), 6 * B);
  stage_fini(&s);
}

Test(lane, epochs_are_cut_by_bytes) {
  struct stage s;
  stage_init(&s, six_batches, NULL);
  s.spec.epoch_bytes = 1;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(play.commits, 6);
  stage_fini(&s);
}

Test(lane, epochs_are_cut_by_time_once_the_source_gives_a_cursor) {
  static const struct step script[] = {{STEP_ROWS, B}, {STEP_WANTED, 0}, {STEP_ROWS_CURSOR, B}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  s.spec.epoch_time_ns = 20 * NS_PER_MS;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(2 * B);
  cr_expect_eq(play.commits, 2);
  stage_fini(&s);
}

Test(lane, a_commit_waits_for_a_cursor) {
  static const struct step script[] = {{STEP_ROWS, B}, {STEP_ROWS, B}, {STEP_ROWS_CURSOR, B}, {STEP_ROWS, B}, {STEP_CURSOR, 0}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  s.spec.epoch_rows = 1;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(4 * B);
  cr_expect_eq(play.commits, 2);
  cr_expect_eq(play.largest_epoch, 3 * B);
  stage_fini(&s);
}

Test(lane, rows_behind_the_last_cursor_are_an_error_of_the_connector) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_ROWS, B}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  cr_expect_eq(stage_play(&s), LANE_FAILED);
  cr_expect(strstr(s.lane.err.message, "without a cursor"));
  cr_expect_eq(play.rows, 0);
  stage_fini(&s);
}

Test(lane, nothing_to_read_commits_nothing) {
  static const struct step script[] = {{STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(play.begins + play.commits, 0);
  stage_fini(&s);
}

Test(lane, a_failure_that_passes_goes_on_from_the_last_commit) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_ROWS_CURSOR, B}, {STEP_FAIL, ETL_E_RETRYABLE}, {STEP_ROWS_CURSOR, B}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(3 * B);
  cr_expect_eq(play.opens_at_cursor, 1);
  cr_expect_eq(atomic_load(&s.lane.attempts), 2);
  stage_fini(&s);
}

Test(lane, what_was_read_before_a_failure_is_committed) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_ROWS_CURSOR, B}, {STEP_FAIL, ETL_E_PERMANENT}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  cr_expect_eq(stage_play(&s), LANE_FAILED);
  expect_rows(2 * B);
  cr_expect_eq(atomic_load(&s.lane.attempts), 1, "a permanent failure is not retried");
  cr_expect_str_eq(s.lane.err.message, "the script says so");
  cr_expect_str_eq(s.lane.err_connector, "script");
  stage_fini(&s);
}

Test(lane, rows_without_a_cursor_before_a_failure_are_undone) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_ROWS, B}, {STEP_FAIL, ETL_E_PERMANENT}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  s.spec.epoch_rows = B;
  cr_expect_eq(stage_play(&s), LANE_FAILED);
  expect_rows(B);
  stage_fini(&s);
}

Test(lane, retries_end) {
  static const struct step script[] = {{STEP_FAIL_SILENT, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  cr_expect_eq(stage_play(&s), LANE_FAILED);
  cr_expect(strstr(s.lane.err.message, "connector script failed in next() without giving a reason"), "%s", s.lane.err.message);
  stage_fini(&s);
}

Test(lane, a_commit_in_doubt_that_was_done_is_not_done_again) {
  struct stage s;
  stage_init(&s, six_batches, NULL);
  s.spec.epoch_rows = B;
  play.answer = ANSWER_LOST_AFTER;
  play.answer_at = 3;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(6 * B);
  cr_expect_eq(play.commits, 6);
  cr_expect_eq(atomic_load(&s.lane.attempts), 1);
  stage_fini(&s);
}

Test(lane, a_commit_in_doubt_that_was_not_done_is_read_again) {
  struct stage s;
  stage_init(&s, six_batches, NULL);
  s.spec.epoch_rows = B;
  play.answer = ANSWER_LOST_BEFORE;
  play.answer_at = 3;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(6 * B);
  cr_expect_eq(atomic_load(&s.lane.attempts), 2);
  stage_fini(&s);
}

Test(lane, a_commit_in_doubt_is_counted_when_the_sink_can_be_asked_again) {
  struct stage s;
  stage_init(&s, six_batches, NULL);
  s.spec.epoch_rows = B;
  play.answer = ANSWER_LOST_AFTER;
  play.answer_at = 3;
  play.silent = 1;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(6 * B);
  cr_expect_eq(atomic_load(&s.lane.attempts), 2);
  cr_expect_eq(atomic_load(&s.lane.rows_read), 6 * B);
  cr_expect_eq(lane_written(&s.lane), 6 * B);
  stage_fini(&s);
}

Test(lane, a_commit_in_doubt_is_counted_when_the_lane_ends_with_it) {
  for (int answers = 0; answers < 2; answers++) {
    struct stage s;
    stage_init(&s, six_batches, NULL);
    s.spec.epoch_rows = B;
    s.spec.retry.max_retries = 0;
    play.answer = ANSWER_LOST_AFTER;
    play.answer_at = 3;
    play.silent = answers ? 1 : 2;
    cr_expect_eq(stage_play(&s), LANE_FAILED);
    cr_expect_str_eq(s.lane.err.message, "the sink does not answer");
    cr_expect_eq(atomic_load(&s.lane.rows_read), (2 + answers) * B);
    cr_expect_eq(lane_written(&s.lane), (2 + answers) * B);
    stage_fini(&s);
  }
}

Test(lane, a_fenced_lane_stops_at_once) {
  struct stage s;
  stage_init(&s, six_batches, NULL);
  s.spec.epoch_rows = B;
  play.answer = ANSWER_FAIL;
  play.answer_at = 2;
  play.answer_class = ETL_E_FENCED;
  cr_expect_eq(stage_play(&s), LANE_FAILED);
  expect_rows(B);
  cr_expect_eq(s.lane.err.error_class, ETL_E_FENCED);
  cr_expect_eq(atomic_load(&s.lane.attempts), 1);
  stage_fini(&s);
}

Test(lane, a_failed_commit_is_retried) {
  struct stage s;
  stage_init(&s, six_batches, NULL);
  s.spec.epoch_rows = B;
  play.answer = ANSWER_FAIL;
  play.answer_at = 6;
  play.answer_class = ETL_E_RETRYABLE;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(6 * B);
  stage_fini(&s);
}

Test(lane, a_bad_row_fails_the_lane_with_its_place) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_BAD_ROW, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  cr_expect_eq(stage_play(&s), LANE_FAILED);
  cr_expect_eq(s.lane.err.error_class, ETL_E_DATA);
  cr_expect_eq(s.lane.err.row, 7);
  expect_rows(B);
  stage_fini(&s);
}

Test(lane, a_stream_without_cursor_is_committed_as_a_whole) {
  static const struct step script[] = {{STEP_ROWS, B}, {STEP_ROWS, B}, {STEP_CURSOR, 0}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  play.stream_flags = ETL_STREAM_WHOLE;
  s.spec.epoch_rows = 1;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(2 * B);
  cr_expect_eq(play.commits, 1);
  stage_fini(&s);
}

Test(lane, a_dry_run_touches_no_transaction) {
  struct stage s;
  stage_init(&s, six_batches, NULL);
  s.spec.dry_run = true;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(play.begins + play.commits + play.prepares, 0);
  cr_expect_eq(atomic_load(&s.lane.rows_read), 6 * B);
  stage_fini(&s);
}

Test(lane, a_dry_run_goes_on_from_what_it_read) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_ROWS_CURSOR, B}, {STEP_FAIL, ETL_E_RETRYABLE}, {STEP_ROWS_CURSOR, B}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  s.spec.dry_run = true;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(atomic_load(&s.lane.rows_read), 3 * B);
  cr_expect_eq(lane_written(&s.lane), 3 * B);
  stage_fini(&s);
}

/* ---- transformers ------------------------------------------------------------------------------------------------------------------------ */

Test(lane, what_a_transformer_leaves_out_is_counted) {
  struct stage s;
  stage_init(&s, six_batches, (const char *const[]){"odd", NULL});
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(play.rows, 3 * B);
  cr_expect_eq(lane_filtered(&s.lane), 3 * B);
  cr_expect_eq(atomic_load(&s.lane.rows_read), 6 * B);
  stage_fini(&s);
}

Test(lane, rows_held_back_come_before_the_cursor) {
  struct stage s;
  stage_init(&s, six_batches, (const char *const[]){"hold", "hold", NULL});
  s.spec.epoch_rows = B;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(6 * B);
  stage_fini(&s);
}

Test(lane, rows_that_a_transformer_makes_are_counted) {
  struct stage s;
  stage_init(&s, six_batches, (const char *const[]){"twice", "odd", NULL});
  s.spec.epoch_rows = B;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(play.rows, 6 * B);
  cr_expect_eq(lane_added(&s.lane), 6 * B);
  cr_expect_eq(lane_filtered(&s.lane), 6 * B);
  stage_fini(&s);
}

Test(lane, one_row_may_go_to_several_streams) {
  struct stage s;
  stage_init(&s, six_batches, (const char *const[]){"parity", "hold", NULL});
  s.spec.epoch_rows = B;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(play.odd, 3 * B);
  cr_expect_eq(play.even, 3 * B);
  cr_expect_eq(play.prepares, 2);
  cr_expect_eq(atomic_load(&s.lane.outs_n), 2);
  cr_expect_eq(atomic_load(&s.lane.rows_read), 6 * B);
  for (int i = 0; i < 2; i++) {
    cr_expect_eq(atomic_load(&s.lane.outs[i].rows_written), 3 * B);
    cr_expect_eq(atomic_load(&s.lane.outs[i].rows_filtered), 3 * B);
  }
  stage_fini(&s);
}

Test(lane, a_stream_may_begin_in_the_middle_and_be_missing_when_it_is_read_again) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_SCHEMA, 0}, {STEP_ROWS_CURSOR, B}, {STEP_FAIL, ETL_E_RETRYABLE},
                                       {STEP_ROWS_CURSOR, B}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, (const char *const[]){"late", NULL});
  cr_expect_eq(stage_play(&s), LANE_SUCCESS, "%s", s.lane.err.message);
  cr_expect_eq(atomic_load(&s.lane.attempts), 2);
  cr_expect_eq(play.odd, 3 * B / 2);
  cr_expect_eq(play.even, B / 2);
  cr_expect_eq(atomic_load(&s.lane.rows_read), 3 * B);
  cr_expect_eq(atomic_load(&s.lane.outs[0].rows_filtered), 3 * B / 2);
  cr_expect_eq(atomic_load(&s.lane.outs[1].rows_written), B / 2);
  cr_expect_eq(atomic_load(&s.lane.outs[1].rows_filtered), B / 2);
  stage_fini(&s);
}

/* ---- rows set aside --------------------------------------------------------------------------------------------------------------------- */

static void allow(struct stage *s, int64_t rows) {
  s->run.limit.max_rows = rows;
  s->run.limit.max_percent = 100;
}

Test(lane, a_row_that_cannot_be_read_is_set_aside) {
  static const struct step script[] = {{STEP_ROWS, B}, {STEP_BAD_ROW, 0}, {STEP_ROWS_CURSOR, B}, {STEP_ROWS_CURSOR, B}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  allow(&s, 10);
  s.spec.epoch_rows = B;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  expect_rows(3 * B);
  cr_expect_eq(play.rejected, 1);
  cr_expect_eq(play.rejected_epoch, 1);
  cr_expect_str_eq(play.rejected_raw, "\"x,y\"");
  cr_expect_str_eq(play.rejected_stage, "extract");
  cr_expect_eq(atomic_load(&s.lane.rows_read), 3 * B + 1);
  cr_expect_eq(lane_rejected(&s.lane), 1);
  cr_expect_eq(atomic_load(&s.lane.in_hand), 0);
  stage_fini(&s);
}

Test(lane, a_row_that_a_transformer_refuses_is_set_aside_with_its_epoch) {
  struct stage s;
  stage_init(&s, six_batches, (const char *const[]){"odd", "refuse", "hold", NULL});
  allow(&s, 10);
  s.spec.epoch_rows = B;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(play.rejected, 0, "ids of ten are even");
  stage_fini(&s);
  stage_init(&s, six_batches, (const char *const[]){"refuse", "odd", NULL});
  allow(&s, 10);
  s.spec.epoch_rows = B;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(play.rejected, 6);
  cr_expect_str_eq(play.rejected_raw, "{\"id\": 50}");
  cr_expect_eq(lane_filtered(&s.lane), 24);
  cr_expect_eq(play.rows, 30);
  stage_fini(&s);
}

Test(lane, a_row_that_the_sink_refuses_is_looked_for_with_care) {
  for (int late = 0; late < 2; late++) {
    struct stage s;
    stage_init(&s, six_batches, NULL);
    allow(&s, 10);
    s.spec.epoch_rows = 2 * B;
    play.refused = 25;
    play.refuses_late = late;
    cr_expect_eq(stage_play(&s), LANE_SUCCESS);
    cr_expect_eq(play.rows, 6 * B - 1);
    cr_expect(!play.holes);
    cr_expect_eq(play.rejected, 1);
    cr_expect_eq(play.rejected_epoch, 2);
    cr_expect_str_eq(play.rejected_raw, "{\"id\": 25}");
    cr_expect_eq(play.careful, 1, "only the epoch with the row is written with care, not %d", play.careful);
    cr_expect_eq(lane_written(&s.lane), 6 * B - 1);
    cr_expect_eq(lane_rejected(&s.lane), 1);
    cr_expect_eq(atomic_load(&s.run.limit.rows), 1);
    stage_fini(&s);
  }
}

Test(lane, a_commit_that_refuses_a_row_is_tried_again_with_care_once) {
  for (int always = 0; always < 2; always++) {
    struct stage s;
    stage_init(&s, six_batches, NULL);
    allow(&s, 10);
    s.spec.epoch_rows = B;
    play.answer = ANSWER_FAIL;
    play.answer_class = ETL_E_DATA;
    play.answer_at = always ? -1 : 2;
    cr_expect_eq(stage_play(&s), always ? LANE_FAILED : LANE_SUCCESS);
    expect_rows(always ? 0 : 6 * B);
    cr_expect_eq(play.careful, 1, "%d epochs were written with care", play.careful);
    cr_expect_eq(atomic_load(&s.lane.attempts), 2);
    stage_fini(&s);
  }
}

Test(lane, an_epoch_without_rows_is_not_written_with_care, .timeout = 20) {
  static const struct step script[] = {{STEP_CURSOR, 0}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  allow(&s, 10);
  play.settle_class = ETL_E_DATA;
  cr_expect_eq(stage_play(&s), LANE_FAILED);
  cr_expect_str_eq(s.lane.err.message, "the sink cannot settle");
  cr_expect_eq(atomic_load(&s.lane.attempts), 1);
  stage_fini(&s);
}

Test(lane, rows_set_aside_cut_epochs_too, .timeout = 20) {
  static const struct step script[] = {{STEP_BAD_ROW, 0}, {STEP_WANTED, 0}, {STEP_BAD_ROW, 0}, {STEP_WANTED, 0}, {STEP_END, 0}};
  for (int tight = 0; tight < 2; tight++) {
    struct stage s;
    stage_init(&s, script, NULL);
    allow(&s, 10);
    s.spec.epoch_bytes = tight ? INT64_MAX : 10000;
    s.spec.memory_bytes = tight ? 40000 : 64 << 20;
    s.spec.epoch_time_ns = 60 * NS_PER_SEC;
    play.raw_bytes = 10000;
    cr_expect_eq(stage_play(&s), LANE_SUCCESS);
    cr_expect_eq(play.commits, 2);
    cr_expect_eq(play.rejected, 2);
    stage_fini(&s);
  }
}

Test(lane, a_failed_attempt_does_not_use_up_the_limit) {
  static const struct step script[] = {{STEP_BAD_ROW, 0}, {STEP_ROWS, B}, {STEP_FAIL, ETL_E_RETRYABLE}, {STEP_CURSOR, 0}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  allow(&s, 1);
  cr_expect_eq(stage_play(&s), LANE_SUCCESS, "%s", s.lane.err.message);
  cr_expect_eq(play.rejected, 1);
  cr_expect_eq(atomic_load(&s.run.limit.rows), 1);
  expect_rows(B);
  stage_fini(&s);
}

Test(lane, one_row_too_many_stops_the_lane) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_BAD_ROW, 0}, {STEP_CURSOR, 0}, {STEP_BAD_ROW, 0}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  allow(&s, 1);
  s.spec.epoch_rows = 1;
  cr_expect_eq(stage_play(&s), LANE_FAILED);
  cr_expect_eq(s.lane.err.error_class, ETL_E_DATA);
  cr_expect(strstr(s.lane.err.message, "1 rows were set aside, and one more cannot be taken: a value that cannot be read"), "%s", s.lane.err.message);
  expect_rows(B);
  stage_fini(&s);
}

Test(lane, too_large_a_share_stops_the_lane) {
  struct stage s;
  stage_init(&s, (const struct step[]){{STEP_ROWS_CURSOR, 200}, {STEP_END, 0}}, (const char *const[]){"refuse", NULL});
  allow(&s, 1000);
  s.run.limit.max_percent = 9;
  cr_expect_eq(stage_play(&s), LANE_FAILED);
  cr_expect(strstr(s.lane.err.message, "20 of 200 rows of s/0 cannot be taken, more than 9 percent"), "%s", s.lane.err.message);
  cr_expect_eq(play.rows, 0);
  stage_fini(&s);
}

Test(lane, rows_set_aside_have_room_in_the_memory_of_the_run_or_stop_the_lane) {
  static const struct step script[] = {{STEP_BAD_ROW, 0}, {STEP_BAD_ROW, 0}, {STEP_BAD_ROW, 0}, {STEP_CURSOR, 0}, {STEP_END, 0}};
  for (int room = 0; room < 2; room++) {
    struct stage s;
    stage_init(&s, script, NULL);
    allow(&s, 10);
    play.raw_bytes = 10000;
    budget_unref(s.run.services.budget);
    s.run.services.budget = budget_new(room ? 40000 : 25000, NS_PER_MS);
    cr_expect_eq(stage_play(&s), room ? LANE_SUCCESS : LANE_FAILED);
    cr_expect_eq(play.rejected, room ? 3 : 0);
    cr_expect(room || strstr(s.lane.err.message, "no room in memory for one more row that is set aside: a value that cannot be read"), "%s", s.lane.err.message);
    cr_expect_eq(atomic_load(&s.run.limit.rows), room ? 3 : 0);
    void *all = budget_alloc(s.run.services.budget, (room ? 40000 : 24960) - 64); /* there is room for it when everything was given back */
    cr_expect_not_null(all);
    budget_free_mem(all);
    stage_fini(&s);
  }
}

Test(lane, a_row_set_aside_has_one_share_whatever_comes_of_it) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, 200}, {STEP_ROWS_CURSOR, 200}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, (const char *const[]){"refuse", "parity", NULL});
  allow(&s, 1000);
  s.run.limit.max_percent = 12;
  s.spec.epoch_rows = 100;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS, "%s", s.lane.err.message);
  cr_expect_eq(play.rejected, 40);
  stage_fini(&s);
}

Test(lane, a_cursor_without_rows_is_committed_in_time) {
  static const struct step script[] = {{STEP_ROWS, 1}, {STEP_WANTED, 0}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, (const char *const[]){"nothing", NULL});
  s.spec.epoch_time_ns = 20 * NS_PER_MS;
  cr_expect_eq(stage_play(&s), LANE_SUCCESS);
  cr_expect_eq(play.commits, 1);
  cr_expect_eq(play.rows, 0);
  cr_expect_eq(play.cursor, 1);
  stage_fini(&s);
}

/* ---- cancel ------------------------------------------------------------------------------------------------------------------------------ */

struct canceller {
  struct stage *s;
  enum stop_mode mode;
  int64_t at_epochs, at_read;
};

static void *cancel_later(void *arg) {
  struct canceller *c = arg;
  struct lane *l = &c->s->lane;
  while (atomic_load(&l->epochs) < c->at_epochs || atomic_load(&l->attempt_read) < c->at_read) /* the lane moves on by itself */
    sched_yield();
  run_cancel(&c->s->run, c->mode);
  return NULL;
}

static enum lane_status play_and_cancel_at(struct canceller c) {
  struct stage *s = c.s;
  pthread_t thread;
  stage_enter(s);
  pthread_create(&thread, NULL, cancel_later, &c);
  enum lane_status status = stage_run(s);
  pthread_join(thread, NULL);
  return status;
}

static enum lane_status play_and_cancel(struct stage *s, enum stop_mode mode, int64_t at_epochs) {
  return play_and_cancel_at((struct canceller){.s = s, .mode = mode, .at_epochs = at_epochs});
}

Test(lane, cancel_once_commits_what_is_in_hand) {
  static const struct step script[] = {{STEP_FOREVER, B}};
  struct stage s;
  stage_init(&s, script, NULL);
  s.spec.epoch_rows = 3 * B;
  cr_expect_eq(play_and_cancel(&s, STOP_FINISH, 2), LANE_CANCELLED);
  cr_expect_geq(play.rows, 6 * B);
  expect_rows(play.cursor);
  cr_expect_eq(atomic_load(&s.lane.rows_read), play.rows);
  stage_fini(&s);
}

/* Before the first row there is nothing to be committed first. */
Test(lane, a_stop_that_lets_the_epoch_end_ends_a_reader_that_is_still_being_opened) {
  static const struct step script[] = {{STEP_ROWS, B}, {STEP_CURSOR, 0}, {STEP_END, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  play.stops = &s.run.stop;
  cr_expect_eq(stage_play(&s), LANE_CANCELLED, "%s", s.lane.err.message);
  cr_expect_eq(play.opens_stopped, 1);
  cr_expect_eq(play.rows, 0);
  cr_expect_eq(s.lane.err.error_class, 0, "%s", s.lane.err.message);
  stage_fini(&s);
}

Test(lane, cancel_now_wakes_a_reader_that_waits) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_ROWS, B}, {STEP_HANG, 0}};
  struct stage s;
  stage_init(&s, script, NULL);
  s.spec.epoch_rows = B;
  cr_expect_eq(play_and_cancel(&s, STOP_NOW, 1), LANE_CANCELLED);
  expect_rows(B);
  stage_fini(&s);
}

Test(lane, cancel_once_behind_a_row_set_aside_waits_for_a_cursor) {
  static const struct step script[] = {{STEP_ROWS_CURSOR, B}, {STEP_BAD_ROW, 0}, {STEP_WANTED, 0}, {STEP_FOREVER, B}};
  struct stage s;
  stage_init(&s, script, NULL);
  allow(&s, 10);
  cr_expect_eq(play_and_cancel_at((struct canceller){.s = &s, .mode = STOP_FINISH, .at_read = B + 1}), LANE_CANCELLED, "%s", s.lane.err.message);
  expect_rows(B);
  cr_expect_eq(play.rejected, 1);
  stage_fini(&s);
}

/* ---- pieces ------------------------------------------------------------------------------------------------------------------------------ */

struct shard { /* what goes on for good, as a stage has it, behind a piece that has an end and is in our hands */
  struct stage s;
  struct lane lanes[2];
};

static void shard_init(struct shard *x) {
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "s"};
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "0", .est_rows = -1, .est_bytes = -1};
  stage_init(&x->s, six_batches, NULL);
  for (int i = 0; i < 2; i++)
    lane_init(&x->lanes[i], &x->s.run, x->s.run.arena, &stream, &shard);
  x->lanes[0].shard = x->lanes[0].name = "s/0#1";
  x->lanes[0].piece = true;
  x->s.run.lanes = x->lanes;
  x->s.run.lanes_n = 2;
  stop_init(&x->s.lane.stop, NULL); /* it has no part in this, and is freed with the stage */
  pthread_mutex_init(&x->s.lane.lock, NULL);
  pthread_cond_init(&x->s.lane.changed, NULL);
}

static void shard_fini(struct shard *x) {
  for (int i = 0; i < 2; i++)
    lane_fini(&x->lanes[i]);
  stage_fini(&x->s);
}

static void end_piece(struct shard *x, enum lane_status status) {
  pthread_mutex_lock(&x->s.run.lock);
  atomic_store(&x->lanes[0].status, (int)status);
  pthread_cond_broadcast(&x->s.run.lane_ended);
  pthread_mutex_unlock(&x->s.run.lock);
}

Test(lane, what_goes_on_for_good_waits_for_pieces_with_an_end) {
  struct shard x;
  struct timespec until;
  pthread_t thread;
  shard_init(&x);
  pthread_create(&thread, NULL, lane_main, &x.lanes[1]);
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec++; /* one that does not wait is long through then */
  cr_expect_eq(pthread_timedjoin_np(thread, NULL, &until), ETIMEDOUT);
  cr_expect_eq(atomic_load(&x.lanes[1].attempts), 0);
  end_piece(&x, LANE_SUCCESS);
  pthread_join(thread, NULL);
  cr_expect_eq(atomic_load(&x.lanes[1].status), LANE_SUCCESS);
  expect_rows(6 * B);
  shard_fini(&x);
}

Test(lane, a_piece_that_failed_for_certain_holds_nobody_up) {
  struct shard x;
  shard_init(&x);
  x.lanes[0].err.error_class = ETL_E_PERMANENT;
  end_piece(&x, LANE_FAILED);
  lane_main(&x.lanes[1]);
  cr_expect_eq(atomic_load(&x.lanes[1].status), LANE_SUCCESS);
  expect_rows(6 * B);
  shard_fini(&x);
}

Test(lane, nothing_is_read_behind_a_piece_that_may_still_write) {
  for (int abandoned = 0; abandoned < 2; abandoned++) {
    struct shard x;
    shard_init(&x);
    x.lanes[0].err.error_class = abandoned ? ETL_E_INTERNAL : ETL_E_INDOUBT;
    atomic_store(&x.lanes[0].abandoned, abandoned);
    end_piece(&x, LANE_FAILED);
    lane_main(&x.lanes[1]);
    cr_expect_eq(atomic_load(&x.lanes[1].status), LANE_FAILED);
    cr_expect(strstr(x.lanes[1].err.message, "s/0 was not read: piece s/0#1"), "%s", x.lanes[1].err.message);
    cr_expect_eq(play.rows, 0);
    shard_fini(&x);
  }
}
