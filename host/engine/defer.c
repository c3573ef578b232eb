/* Waits between attempts.  Whether a lane waits, and whether all are told to end, changes under the run's lock alone, so no lane goes on
 * after it was counted as waiting. */
#include "engine/defer.h"

#include <string.h>

#include "base/clock.h"
#include "base/member.h"
#include "base/units.h"

/* What stands aside is thrown away with the worker: for a moment's wait that would be read again for nothing. */
#define ASIDE_WAIT_NS (60 * NS_PER_SEC)

static bool is_worth_a_worker(const struct run *r, int64_t wait_ns) { return (r->loader_caps & ETL_CAP_ASIDE) && wait_ns < ASIDE_WAIT_NS; }

static void set_waiting(struct lane *l, bool waiting) {
  struct run *r = l->run;
  pthread_mutex_lock(&r->lock);
  l->waiting = waiting && !r->deferring;
  pthread_cond_broadcast(&r->lane_ended);
  pthread_mutex_unlock(&r->lock);
}

bool defer_wait(struct lane *l, int64_t wait_ns) {
  struct run *r = l->run;
  int64_t until = clock_mono_ns() + wait_ns;
  if (!r->spec->defer_retries)
    return stop_wait(l->stop.parent, STOP_FINISH, wait_ns);
  if (!is_worth_a_worker(r, wait_ns))
    set_waiting(l, true);
  bool stopped = stop_wait_or(l->stop.parent, STOP_FINISH, wait_ns, &r->deferring);
  pthread_mutex_lock(&r->lock);
  enum stop_mode asked = stop_mode(l->stop.parent);
  bool deferred = asked == STOP_NONE ? r->deferring : asked == STOP_FINISH;
  l->waiting = false;
  pthread_mutex_unlock(&r->lock);
  if (!deferred)
    return stopped;
  int64_t left = until - clock_mono_ns();
  l->retry_after_ns = left > 0 ? left : 0;
  return true;
}

void defer_look(struct run *r) {
  bool waiting = false;
  for (size_t i = 0; i < r->lanes_n; i++) {
    if (atomic_load(&r->lanes[i].status) != LANE_RUNNING)
      continue;
    if (!r->lanes[i].waiting)
      return;
    waiting = true;
  }
  if (!waiting || atomic_load(&r->deferring))
    return;
  atomic_store(&r->deferring, true);
  stop_wake(&r->stop);
}

static int64_t ns_of(const json_t *retry, const char *key) { return (int64_t)(json_number_value(json_object_get(retry, key)) * (double)NS_PER_SEC); }

/* It ends before it was tried again: its reason is still the old one. */
static void fail_as_before(struct lane *l, const json_t *error) {
  const char *class_name = member_text(error, "class"), *message = member_text(error, "message");
  uint32_t error_class = class_name ? err_class_from_name(class_name) : 0;
  struct err e;
  err_set(&e, error_class ? error_class : ETL_E_RETRYABLE, "%s", message ? message : "it failed, and waits to be tried again");
  (void)lane_fail(l, &e, "engine", NULL);
}

bool defer_resume(struct lane *l) {
  const json_t *retry;
  size_t i;
  json_array_foreach(l->run->spec->retries, i, retry) {
    const char *lane = member_text(retry, "lane");
    if (!lane || strcmp(lane, l->name) != 0)
      continue;
    l->failures = member_number(retry, "failures");
    l->first_failed_ns = clock_mono_ns() - ns_of(retry, "failing_seconds");
    int64_t wait = ns_of(retry, "after_seconds");
    if (wait <= 0 || !defer_wait(l, wait))
      return false;
    fail_as_before(l, json_object_get(retry, "error"));
    return true;
  }
  return false;
}

json_t *defer_json(const struct lane *l) {
  if (l->retry_after_ns < 0 || atomic_load(&l->status) != LANE_FAILED)
    return NULL;
  double after = (double)l->retry_after_ns / (double)NS_PER_SEC, failing = (double)(clock_mono_ns() - l->first_failed_ns) / (double)NS_PER_SEC;
  return json_pack("{s:s, s:s, s:I, s:f, s:f, s:{s:s, s:o}}", "lane", l->name, "shard", l->source_shard, "failures", (json_int_t)l->failures,
                   "after_seconds", after, "failing_seconds", failing, "error", "class", err_class_name(l->err.error_class), "message",
                   report_text(l->err.message, strlen(l->err.message)));
}
