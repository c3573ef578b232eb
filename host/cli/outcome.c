/* The table, one sentence, and the errors below it. */
#include "cli/outcome.h"

#include <string.h>

#include "base/member.h"
#include "base/table.h"
#include "cli/event_text.h"
#include "cli/launch.h"

static const char *const counters[] = {"rows_read", "rows_written", "rows_filtered", "rows_rejected"};
enum {
  COUNTERS = sizeof counters / sizeof *counters
};

/* ---- the table
 * --------------------------------------------------------------------------------------------------------------------- */

static void lane_status_cell(struct table *t, struct arena *a, const json_t *lane, bool crashed) {
  int64_t retries = member_number(lane, "retries");
  const char *status = words_clean(a, member_text(lane, "status"));
  if (strcmp(status, "running") == 0) /* its worker died, or the run ended before it began */
    status = crashed ? "cut off" : "not begun";
  table_cell(t, "%s%s%s%s", status, retries ? " (" : "",
             !retries       ? ""
             : retries == 1 ? "1 retry"
                            : arena_printf(a, "%s retries", words_number(a, retries)),
             retries ? ")" : "");
}

static void lane_cells(struct table *t, struct arena *a, const json_t *lane, const struct run_view *v, bool crashed) {
  const char *name = member_text(lane, "lane");
  const struct lane_view *l = name ? run_view_lane(v, name) : NULL;
  table_cell(t, "%s", words_clean(a, name));
  for (size_t i = 0; i < COUNTERS; i++)
    table_cell(t, "%s", words_number(a, member_number(lane, counters[i])));
  table_cell(t, "%s", words_number(a, member_number(lane, "epochs")));
  table_cell(t, "%s", l && l->ended_seconds >= 0 ? words_seconds(a, l->ended_seconds) : "");
  lane_status_cell(t, a, lane, crashed);
}

/* What became of a lane's rows for each stream that its transformers made of them. */
static void stream_cells(struct table *t, struct arena *a, const json_t *lane) {
  const json_t *stream;
  size_t i;
  json_array_foreach(json_object_get(lane, "streams"), i, stream) {
    table_cell(t, "  %s", words_clean(a, member_text(stream, "stream")));
    table_cell(t, "%s", "");
    for (size_t k = 1; k < COUNTERS; k++)
      table_cell(t, "%s", words_number(a, member_number(stream, counters[k])));
    for (int k = 0; k < 3; k++)
      table_cell(t, "%s", "");
  }
}

static void total_cells(struct table *t, struct arena *a, const json_t *summary) {
  const json_t *lane, *lanes = json_object_get(summary, "lanes");
  int64_t epochs = 0;
  size_t i;
  json_array_foreach(lanes, i, lane) epochs += member_number(lane, "epochs");
  table_rule(t);
  table_cell(t, "%s", words_count(a, (int64_t)json_array_size(lanes), "lane"));
  for (size_t k = 0; k < COUNTERS; k++)
    table_cell(t, "%s", words_number(a, member_number(summary, counters[k])));
  table_cell(t, "%s", words_number(a, epochs));
  table_cell(t, "%s", words_seconds(a, json_number_value(json_object_get(summary, "seconds"))));
  table_cell(t, "%s", words_clean(a, member_text(summary, "status")));
}

static void print_table(const json_t *summary, const struct run_view *v, FILE *to) {
  static const char *const heads[] = {"LANE", ">READ", ">WRITTEN", ">FILTERED", ">REJECTED", ">EPOCHS", ">TIME", "STATUS", NULL};
  const json_t *lane, *lanes = json_object_get(summary, "lanes");
  const char *end = member_text(summary, "status");
  bool crashed = end && strcmp(end, "crashed") == 0;
  size_t i;
  if (json_array_size(lanes) == 0) /* it failed before there were any */
    return;
  struct arena *a = arena_new();
  struct table *t = table_new(heads);
  json_array_foreach(lanes, i, lane) {
    lane_cells(t, a, lane, v, crashed);
    stream_cells(t, a, lane);
  }
  total_cells(t, a, summary);
  table_print(t, to);
  table_free(t);
  arena_free(a);
}

/* ---- what it came to
 * ----------------------------------------------------------------------------------------------------------------- */

static size_t lanes_with(const json_t *summary, const char *status) {
  const json_t *lane;
  size_t i, n = 0;
  json_array_foreach(json_object_get(summary, "lanes"), i, lane) {
    const char *s = member_text(lane, "status");
    n += s && strcmp(s, status) == 0;
  }
  return n;
}

/* What a run that did not reach its end leaves in the target. */
static const char *kept(struct arena *a, const json_t *summary, const struct run_view *v) {
  int64_t written = member_number(summary, "rows_written");
  const char *class = member_text(json_object_get(summary, "error"), "class");
  bool aside = v->replaces || member_true(summary, "aside");
  if (aside && written && class && strcmp(class, "in-doubt") == 0)
    return "it is not known whether the rows are in the target; the next run finds it out and goes on from there";
  if (aside && written && !v->replaces)
    return "the target is as it was before; the next run reads these rows again";
  if (v->replaces && written)
    return "the target is as it was before; the next run reads everything again";
  return written ? arena_printf(a, "%s committed before stay; the next run goes on from there", words_count(a, written, "row"))
                 : "no rows were written";
}

/* ", 3 rows set aside: see `etl quarantine list logins`" */
static const char *set_aside(struct arena *a, const json_t *s) {
  int64_t n = member_number(s, "rows_rejected");
  const char *name = words_clean(a, member_text(s, "pipeline"));
  if (n == 0)
    return "";
  if (copy_is_name(name))
    name = "copy --from ... --to ...`, with the options of this copy";
  else
    name = arena_printf(a, "%s`", name);
  return arena_printf(a, ", %s set aside: see `etl quarantine list %s", words_count(a, n, "row"), name);
}

static const char *say_success(struct arena *a, const json_t *s, const struct run_view *v) {
  double seconds = json_number_value(json_object_get(s, "seconds"));
  int64_t written = member_number(s, "rows_written"), read = member_number(s, "rows_read");
  if (read == 0 && written == 0)
    return arena_printf(a, "%s (%s)",
                        v->replaces ? "the source is empty, and now the target is"
                                    : "nothing new: there was no row to read that the target does not have",
                        words_seconds(a, seconds));
  const char *speed = seconds >= 1 ? arena_printf(a, ", %s rows/s", words_number(a, (int64_t)((double)written / seconds))) : "";
  return arena_printf(a, "%s written in %s%s%s", words_count(a, written, "row"), words_seconds(a, seconds), speed, set_aside(a, s));
}

static const char *say_partial(struct arena *a, const json_t *s, const struct run_view *v) {
  (void)v;
  size_t failed = lanes_with(s, "failed"), all = json_array_size(json_object_get(s, "lanes")), left_out = json_array_size(json_object_get(s, "left_out"));
  if (failed == 0 && left_out)
    return arena_printf(a, "%s written; %s left out, since circuit breakers are open: see `etl breaker %s`", words_count(a, member_number(s, "rows_written"), "row"),
                        words_count(a, (int64_t)left_out, "shard"), words_clean(a, member_text(s, "pipeline")));
  return arena_printf(a,
                      "%zu of %s failed, %s written; run it again when the cause is gone: the other shards will not be read again",
                      failed, words_count(a, (int64_t)all, "lane"), words_count(a, member_number(s, "rows_written"), "row"));
}

static const char *say_crashed(struct arena *a, const json_t *s, const struct run_view *v) {
  (void)a;
  (void)s;
  (void)v;
  return "the worker process died; nothing is lost or doubled: the next run goes on from what the target has";
}

static const char *say_dry(struct arena *a, const json_t *s) {
  return arena_printf(a, "dry run: %s read and %s would be written; nothing was", words_count(a, member_number(s, "rows_read"), "row"),
                      words_number(a, member_number(s, "rows_written")));
}

static void print_verdict(const json_t *s, const struct run_view *v, const struct colours *c, FILE *to) {
  static const struct {
    const char *status;
    const char *(*say)(struct arena *, const json_t *, const struct run_view *);
  } sayings[] = {
      {"success", say_success}, {"partial", say_partial}, {"failed", kept}, {"cancelled", kept}, {"crashed", say_crashed}};
  const char *status = member_text(s, "status"), *text = "";
  struct arena *a = arena_new();
  for (size_t i = 0; status && i < sizeof sayings / sizeof *sayings; i++)
    if (strcmp(sayings[i].status, status) == 0) {
      text = sayings[i].say(a, s, v);
      const char *colour = i == 0 ? c->good : i == 1 || i == 3 ? c->warn : c->bad;
      fprintf(to, "%s%s%s: ", colour, status, c->off);
    }
  bool dry = v->dry_run || member_true(s, "dry_run");
  fprintf(to, "%s\n", dry ? say_dry(a, s) : text);
  arena_free(a);
}

/* The lanes from number `first` on that have this very error: "dbo.t/eu1, dbo.t/us1".  NULL: an earlier lane has it, and it was told there. */
static const char *lanes_of_error(struct arena *a, const json_t *lanes, size_t first, const json_t *error) {
  const json_t *lane;
  const char *names = NULL;
  size_t i;
  json_array_foreach(lanes, i, lane) {
    const char *name = member_text(lane, "lane");
    if (!json_equal(json_object_get(lane, "error"), error))
      continue;
    if (i < first)
      return NULL;
    names = names ? arena_printf(a, "%s, %s", names, name ? name : "?") : name ? name : "?";
  }
  return names;
}

void outcome_errors(const json_t *summary, const struct colours *c, FILE *to) {
  const json_t *lane, *error = json_object_get(summary, "error"), *lanes = json_object_get(summary, "lanes");
  struct arena *a = arena_new();
  size_t i;
  if (error)
    error_print(error, NULL, c, to);
  json_array_foreach(lanes, i, lane) {
    error = json_object_get(lane, "error");
    const char *names = error ? lanes_of_error(a, lanes, i, error) : NULL;
    if (names)
      error_print(error, names, c, to);
  }
  arena_free(a);
}

void outcome_print(const json_t *summary, const struct run_view *v, const struct colours *c, FILE *to) {
  print_table(summary, v, to);
  print_verdict(summary, v, c, to);
  outcome_errors(summary, c, to);
  fflush(to);
}
