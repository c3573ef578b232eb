/* Events into what is known of each lane. */
#include "cli/run_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/member.h"
#include "base/units.h"

#define RATE_WINDOW_SECONDS 2.0 /* a rate is of the last one to two windows */

static const char *const status_names[] = {
    [VIEW_RUNNING] = "running", [VIEW_SUCCESS] = "success", [VIEW_FAILED] = "failed", [VIEW_CANCELLED] = "cancelled"};

void run_view_fini(struct run_view *v) {
  for (size_t i = 0; i < v->lanes_n; i++)
    free(v->lanes[i].name);
  free(v->lanes);
  free(v->pipeline);
  *v = (struct run_view){0};
}

static struct lane_view *find(const struct run_view *v, const char *name) {
  for (size_t i = 0; i < v->lanes_n; i++)
    if (strcmp(v->lanes[i].name, name) == 0)
      return &v->lanes[i];
  return NULL;
}

const struct lane_view *run_view_lane(const struct run_view *v, const char *name) { return find(v, name); }

static struct lane_view *find_or_add(struct run_view *v, const char *name) {
  struct lane_view *l = find(v, name);
  if (l)
    return l;
  v->lanes = xrealloc(v->lanes, (v->lanes_n + 1) * sizeof *v->lanes);
  l = &v->lanes[v->lanes_n++];
  *l = (struct lane_view){
      .name = xstrdup(name), .lag_seconds = -1, .ended_seconds = -1, .rate = {.since = v->seconds, .mark = v->seconds}};
  return l;
}

/* What a failed attempt had read is read again: the rate begins anew. */
static void rate_note(struct rate *r, double seconds, int64_t rows) {
  if (rows < r->mark_rows) {
    *r = (struct rate){.since = seconds, .mark = seconds, .since_rows = rows, .mark_rows = rows};
    return;
  }
  if (seconds - r->mark >= RATE_WINDOW_SECONDS) {
    r->since = r->mark;
    r->since_rows = r->mark_rows;
    r->mark = seconds;
    r->mark_rows = rows;
  }
  if (seconds > r->since)
    r->per_second = (double)(rows - r->since_rows) / (seconds - r->since);
}

static enum view_status status_of(const json_t *j) {
  const char *name = member_text(j, "status");
  for (size_t i = 0; name && i < sizeof status_names / sizeof *status_names; i++)
    if (strcmp(name, status_names[i]) == 0)
      return (enum view_status)i;
  return VIEW_RUNNING;
}

static void note_number(const json_t *j, const char *key, int64_t *ret) {
  const json_t *v = json_object_get(j, key);
  if (json_is_integer(v))
    *ret = json_integer_value(v);
}

static void note_lane(struct run_view *v, const json_t *j) {
  const char *name = member_text(j, "lane");
  if (!name)
    return;
  struct lane_view *l = find_or_add(v, name);
  int64_t before = l->rows_read;
  note_number(j, "rows_read", &l->rows_read);
  note_number(j, "rows_written", &l->rows_written);
  note_number(j, "epochs", &l->epochs);
  const json_t *lag = json_object_get(j, "lag_seconds");
  if (json_is_number(lag))
    l->lag_seconds = json_number_value(lag);
  if (l->attempt && (v->seconds >= l->retry_seconds || l->rows_read > before))
    l->attempt = 0;
  l->status = status_of(j);
  if (l->status == VIEW_RUNNING) {
    rate_note(&l->rate, v->seconds, l->rows_read);
    return;
  }
  l->rate.per_second = 0;
  l->attempt = 0;
  if (l->ended_seconds < 0)
    l->ended_seconds = v->seconds;
}

static void note_retry(struct run_view *v, const json_t *j) {
  const char *name = member_text(j, "lane");
  if (!name)
    return;
  struct lane_view *l = find_or_add(v, name);
  l->attempt = member_number(j, "attempt");
  l->retry_seconds = v->seconds + json_number_value(json_object_get(j, "delay_seconds"));
}

static void note_start(struct run_view *v, const json_t *j) {
  const char *pipeline = member_text(j, "pipeline");
  free(v->pipeline);
  v->pipeline = pipeline ? xstrdup(pipeline) : NULL;
  v->dry_run = member_true(j, "dry_run");
  v->full_refresh = member_true(j, "full_refresh");
}

static void add_up(struct run_view *v) {
  v->rows_read = v->rows_written = 0;
  v->per_second = 0;
  for (size_t i = 0; i < v->lanes_n; i++) {
    v->rows_read += v->lanes[i].rows_read;
    v->rows_written += v->lanes[i].rows_written;
    v->per_second += v->lanes[i].rate.per_second;
  }
}

void run_view_note(struct run_view *v, const json_t *event, int64_t now_ns) {
  const char *name = member_text(event, "event");
  const json_t *lane, *lanes = json_object_get(event, "lanes");
  size_t i;
  if (!v->started) {
    v->started = true;
    v->started_ns = now_ns;
  }
  v->seconds = (double)(now_ns - v->started_ns) / (double)NS_PER_SEC;
  if (!name)
    return;
  if (strcmp(name, "start") == 0)
    note_start(v, event);
  if (strcmp(name, "retry") == 0)
    note_retry(v, event);
  if (strcmp(name, "lane") == 0)
    note_lane(v, event);
  if (member_true(event, "replaces"))
    v->replaces = true;
  note_number(event, "rss_bytes", &v->rss_bytes);
  json_array_foreach(lanes, i, lane) note_lane(v, lane);
  add_up(v);
}

size_t run_view_count(const struct run_view *v, enum view_status status) {
  size_t n = 0;
  for (size_t i = 0; i < v->lanes_n; i++)
    n += v->lanes[i].status == status;
  return n;
}

size_t run_view_waiting(const struct run_view *v) {
  size_t n = 0;
  for (size_t i = 0; i < v->lanes_n; i++)
    n += v->lanes[i].attempt > 0;
  return n;
}

const char *run_view_status(const struct run_view *v, const struct lane_view *l, char *buf, size_t room) {
  if (!l->attempt)
    return status_names[l->status];
  double left = l->retry_seconds > v->seconds ? l->retry_seconds - v->seconds : 0;
  long long whole = (long long)left;
  snprintf(buf, room, "attempt %lld in %llds", (long long)l->attempt, (double)whole < left ? whole + 1 : whole);
  return buf;
}
