/* What a run tells about itself: start, progress, each lane's end, summary.  The fields are those of events.md. */
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "base/statm.h"
#include "base/units.h"
#include "engine/defer.h"

static const char *const status_names[] = {
  [LANE_RUNNING] = "running", [LANE_SUCCESS] = "success", [LANE_FAILED] = "failed", [LANE_CANCELLED] = "cancelled"};

enum counter { READ, WRITTEN, FILTERED, REJECTED, ADDED, BYTES, COUNTERS };
static const char *const counter_names[] = {[READ] = "rows_read",
                                            [WRITTEN] = "rows_written",
                                            [FILTERED] = "rows_filtered",
                                            [REJECTED] = "rows_rejected",
                                            [ADDED] = "rows_added",
                                            [BYTES] = "bytes_read"};

static int64_t counter(const struct lane *l, enum counter c) {
  switch (c) {
  case READ: return atomic_load(&l->rows_read);
  case WRITTEN: return lane_written(l);
  case FILTERED: return lane_filtered(l);
  case REJECTED: return lane_rejected(l);
  case BYTES: return atomic_load(&l->src_bytes);
  default: return lane_added(l);
  }
}

/* What became of the rows for each stream that came out of the transformers, when it is not just the one that went in. */
static void set_outs(json_t *j, const struct lane *l) {
  size_t n = atomic_load(&l->outs_n);
  if (n == 0 || (n == 1 && strcmp(l->outs[0].stream, l->stream) == 0))
    return;
  json_t *list = json_array();
  for (size_t i = 0; i < n; i++) {
    const struct lane_out *o = &l->outs[i];
    json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:I, s:I}", "stream", o->stream, counter_names[WRITTEN],
                                          (json_int_t)atomic_load(&o->rows_written), counter_names[FILTERED],
                                          (json_int_t)atomic_load(&o->rows_filtered), counter_names[REJECTED],
                                          (json_int_t)atomic_load(&o->rows_rejected), counter_names[ADDED],
                                          (json_int_t)atomic_load(&o->rows_added)));
  }
  json_object_set_new(j, "streams", list);
}

static double seconds(int64_t ns) { return (double)ns / (double)NS_PER_SEC; }

static void set_lag(json_t *j, const struct lane *l) {
  int64_t lag = atomic_load(&l->lag_ns);
  json_object_set_new(j, "lag_seconds", json_real(lag < 0 ? -1 : seconds(lag)));
}

static json_t *lane_head(const struct lane *l) {
  return json_pack("{s:s, s:s, s:s}", "lane", l->name, "stream", l->stream, "shard", l->shard);
}

static json_t *lane_json(struct lane *l) {
  int status = atomic_load(&l->status);
  int64_t attempts = atomic_load(&l->attempts);
  json_t *j = lane_head(l);
  json_object_set_new(j, "status", json_string(status_names[status]));
  for (int c = 0; c < COUNTERS; c++)
    json_object_set_new(j, counter_names[c], json_integer(counter(l, c)));
  set_outs(j, l);
  json_object_set_new(j, "epochs", json_integer(atomic_load(&l->epochs)));
  json_object_set_new(j, "retries", json_integer(attempts > 1 ? attempts - 1 : 0));
  if (status != LANE_RUNNING)
    json_object_set_new(j, "seconds", json_real(seconds(atomic_load(&l->ended_ns) - l->run->started_ns)));
  set_lag(j, l);
  pthread_mutex_lock(&l->lock);
  if (status == LANE_FAILED)
    json_object_set_new(j, "error", report_error(&l->err, l->err_stage, l->err_connector));
  pthread_mutex_unlock(&l->lock);
  json_t *retry = defer_json(l);
  if (retry)
    json_object_set_new(j, "retry", retry);
  return j;
}

void run_report_start(struct run *r) {
  json_t *lanes = json_array();
  for (size_t i = 0; i < r->lanes_n; i++) {
    json_t *j = lane_head(&r->lanes[i]);
    json_object_set_new(j, "est_rows", json_integer(r->lanes[i].est_rows));
    json_array_append_new(lanes, j);
  }
  report_event(&r->report, "start",
               json_pack("{s:s, s:s, s:b, s:b, s:o}", "pipeline", r->spec->pipeline, "run", r->spec->run, "dry_run", r->spec->dry_run,
                         "full_refresh", r->spec->full_refresh, "lanes", lanes));
}

void run_report_progress(struct run *r) {
  size_t n;
  struct lane *lanes = run_lanes(r, &n);
  json_t *list = json_array();
  int64_t all_read = 0, all_written = 0;
  for (size_t i = 0; i < n; i++) {
    struct lane *l = &lanes[i];
    json_t *j = lane_head(l);
    int status = atomic_load(&l->status);
    int64_t read = status == LANE_RUNNING ? atomic_load(&l->rows_before) + atomic_load(&l->attempt_read) : counter(l, READ);
    json_object_set_new(j, "status", json_string(status_names[status]));
    json_object_set_new(j, "rows_read", json_integer(read));
    json_object_set_new(j, "rows_written", json_integer(counter(l, WRITTEN)));
    json_object_set_new(j, "epochs", json_integer(atomic_load(&l->epochs)));
    set_lag(j, l);
    json_array_append_new(list, j);
    all_read += read;
    all_written += counter(l, WRITTEN);
  }
  report_event(&r->report, "progress",
               json_pack("{s:f, s:I, s:I, s:I, s:o}", "seconds", seconds(clock_mono_ns() - r->started_ns), "rss_bytes",
                         (json_int_t)statm_bytes(STATM_RESIDENT), "rows_read", (json_int_t)all_read, "rows_written", (json_int_t)all_written, "lanes", list));
}

void run_report_lane(struct run *r, struct lane *l) { report_event(&r->report, "lane", lane_json(l)); }

/* How rows come to the target, once that is known: at the end of the run alone, or even in the place of all others. */
static void set_ways(json_t *j, const struct run *r) {
  if ((r->loader_caps & ETL_CAP_ASIDE) && !r->spec->dry_run)
    json_object_set_new(j, "aside", json_true());
  if ((r->loader_caps & ETL_CAP_REPLACE) && !r->spec->dry_run)
    json_object_set_new(j, "replaces", json_true());
}

static void set_usage(json_t *j) {
  struct rusage u;
  if (getrusage(RUSAGE_SELF, &u) < 0)
    return;
  double cpu = (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
  json_object_set_new(j, "cpu_seconds", json_real(cpu));
  json_object_set_new(j, "peak_rss_bytes", json_integer((json_int_t)u.ru_maxrss * 1024));
}

static void set_metrics(json_t *j, struct metrics *m) {
  pthread_mutex_lock(&m->lock);
  json_object_set_new(j, "counters", json_copy(m->counters));
  json_object_set_new(j, "gauges", json_copy(m->gauges));
  pthread_mutex_unlock(&m->lock);
}

void run_report_summary(struct run *r, const char *status) {
  size_t n;
  struct lane *lanes = run_lanes(r, &n);
  json_t *list = json_array();
  int64_t total[COUNTERS] = {0};
  for (size_t i = 0; i < n; i++) {
    for (int c = 0; c < COUNTERS; c++)
      total[c] += counter(&lanes[i], c);
    json_array_append_new(list, lane_json(&lanes[i]));
  }
  total[WRITTEN] -= r->refused;
  total[REJECTED] += r->refused;
  json_t *j = json_pack("{s:s, s:s, s:s, s:b, s:f, s:o}", "pipeline", r->spec->pipeline, "run", r->spec->run, "status", status, "dry_run",
                        r->spec->dry_run, "seconds", seconds(clock_mono_ns() - r->started_ns), "lanes", list);
  for (int c = 0; c < COUNTERS; c++)
    json_object_set_new(j, counter_names[c], json_integer(total[c]));
  if (json_array_size(r->left_out))
    json_object_set(j, "left_out", r->left_out);
  set_ways(j, r);
  set_usage(j);
  set_metrics(j, &r->metrics);
  pthread_mutex_lock(&r->lock);
  if (r->err.error_class)
    json_object_set_new(j, "error", report_error(&r->err, r->err_stage, r->err_connector));
  bool first = !r->summary_sent;
  r->summary_sent = true;
  pthread_mutex_unlock(&r->lock);
  if (first)
    report_event(&r->report, "summary", j);
  else
    json_decref(j);
}
