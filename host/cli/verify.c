/* `etl verify`: reads source and target, each in a worker, and holds them against each other: sums first, then the rows of buckets that
 * differ, then what the source has had since the last run, which the target cannot have. */
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "cli/answer.h"
#include "cli/event_text.h"
#include "cli/verify_result.h"
#include "cli/verify_text.h"

#define ROWS_MAX 200000 /* of a side, that are held in memory to be compared one by one */
enum { SHOWN = 20 };

enum step { STEP_TARGETS, STEP_COLUMNS, STEP_SUMS, STEP_ROWS, STEP_PENDING };
struct verify {
  struct launch *source, target; /* their specs differ */
  struct spec target_spec;
  json_t *targets;
  struct verify_stream *streams;
  size_t streams_n, limit;
  enum step step;
  enum side side;
  struct verify_stream *at; /* whose target is being read */
  json_t *columns;   /* of it */
  json_int_t repaired; /* rows loaded again; -1: --repair was not asked for */
};

/* ---- workers ------------------------------------------------------------------------------------------------------------------------ */

static struct verify_stream *stream_named(struct verify *v, const char *name) {
  for (size_t i = 0; i < v->streams_n && v->side == SIDE_SOURCE; i++)
    if (strcmp(v->streams[i].name, name) == 0)
      return &v->streams[i];
  return v->side == SIDE_SOURCE ? NULL : v->at;
}

static void take_targets(struct verify *v, const json_t *event) {
  json_t *targets = json_object_get(event, "targets");
  if (v->step == STEP_TARGETS)
    v->targets = json_incref(targets);
  else
    v->columns = json_incref(json_array_get(targets, 0));
}

/* Of a run, and nothing to tell here. */
static bool is_quiet(const char *name) {
  static const char *const quiet[] = {"progress", "lane", "start"};
  for (size_t i = 0; i < sizeof quiet / sizeof *quiet; i++)
    if (strcmp(name, quiet[i]) == 0)
      return true;
  return false;
}

static bool on_event(void *arg, json_t *event) {
  struct verify *v = arg;
  const char *name = member_text(event, "event"), *stream = member_text(event, "stream");
  struct verify_stream *s = stream ? stream_named(v, stream) : NULL;
  if (strcmp(name, "targets") == 0)
    take_targets(v, event);
  else if (strcmp(name, "digest") == 0 && s)
    compare_sums(s->compare, v->side, event);
  else if (strcmp(name, "digest_rows") == 0 && s && v->step == STEP_PENDING)
    compare_pending(s->compare, event);
  else if (strcmp(name, "digest_rows") == 0 && s)
    compare_rows(s->compare, v->side, event);
  else
    return is_quiet(name);
  return true;
}

/* Takes the reference of ask.  An exit status; a side that is not read to its end tells nothing. */
static int work(struct verify *v, enum spec_command command, json_t *ask) {
  struct launch *l = v->side == SIDE_SOURCE ? v->source : &v->target;
  l->spec->command = command;
  json_decref(l->spec->ask);
  l->spec->ask = ask;
  int status = answer_wait(l, on_event, v);
  return status == CLI_PARTIAL ? CLI_FAILED : status;
}

static json_t *readback_of(const struct verify_stream *s) { return json_deep_copy(json_object_get(s->target, "settings")); }

/* ---- what there is to compare ------------------------------------------------------------------------------------------------------- */

/* The loader's twin, with the loader's settings, of which the worker takes those of the connection. */
static int make_target_side(struct verify *v) {
  const struct spec *s = v->source->spec;
  struct err e;
  const struct plugin_file *f = registry_find(v->source->registry, ETL_KIND_EXTRACTOR, s->load.conf.plugin, &e);
  if (!f) {
    err_set(&e, ETL_E_UNSUPPORTED, "the target of pipeline '%s' cannot be read: connector %s has no extractor", s->pipeline, s->load.conf.plugin);
    return cli_report(&e);
  }
  v->target = *v->source;
  v->target_spec = *s;
  v->target.spec = &v->target_spec;
  v->target_spec.ask = NULL;
  v->target_spec.extract = (struct spec_stage){.conf = s->load.conf, .path = f->path, .mark = f->mark};
  v->target_spec.transforms_n = v->target_spec.shards_n = 0;
  v->target_spec.parallelism = 1; /* the option is of the source */
  return CLI_OK;
}

static const char *group_column(const struct spec *s) {
  const struct conf_node *o = s->extract.conf.options;
  for (size_t i = 0; i < o->kids_n; i++)
    if (strcmp(o->kids[i]->name, "shard_column") == 0)
      return o->kids[i]->text;
  return NULL;
}

static int refuse_shards(const struct spec *s) {
  struct err e;
  err_set(&e, ETL_E_CONFIG, "--shard cannot be used here: the target's rows do not tell which shard they are from");
  err_remedy(&e, "give the extractor of pipeline '%s' a shard_column, or leave --shard out", s->pipeline);
  return cli_report(&e);
}

static int refuse_columns(const struct verify_stream *s) {
  struct err e;
  err_set(&e, ETL_E_SCHEMA, "%s and %s have no column in common that can be compared", s->name, member_text(s->target, "target"));
  return cli_report(&e);
}

static bool is_upsert(const struct verify_stream *s) { return member_true(s->target, "upsert"); }

static int learn_columns(struct verify *v, struct verify_stream *s) {
  const struct spec *spec = v->source->spec;
  v->side = SIDE_TARGET;
  v->at = s;
  v->step = STEP_COLUMNS;
  int status = work(v, SPEC_TARGETS, json_pack("{s:o}", "readback", readback_of(s)));
  if (status != CLI_OK)
    return status;
  json_t *notes = json_array();
  s->result = json_pack("{s:s, s:O, s:o, s:o}", "stream", s->name, "target", json_object_get(s->target, "target"), "notes", notes,
                        "differences", json_array());
  s->ask = compare_columns(s->target, v->columns, group_column(spec), notes);
  json_decref(v->columns);
  v->columns = NULL;
  if (!s->ask)
    return refuse_columns(s);
  if (spec->shards_n && member_number(s->ask, "group") < 0)
    return refuse_shards(spec);
  s->compare = compare_new(spec->shards, spec->shards_n, is_upsert(s));
  return CLI_OK;
}

static int learn(struct verify *v) {
  v->side = SIDE_SOURCE;
  v->step = STEP_TARGETS;
  int status = work(v, SPEC_TARGETS, json_object());
  if (status == CLI_OK)
    status = make_target_side(v);
  if (status != CLI_OK)
    return status;
  v->streams = xcalloc(json_array_size(v->targets) + 1, sizeof *v->streams);
  for (; v->streams_n < json_array_size(v->targets) && status == CLI_OK; v->streams_n++) {
    struct verify_stream *s = &v->streams[v->streams_n];
    s->target = json_array_get(v->targets, v->streams_n);
    s->name = member_text(s->target, "stream");
    status = learn_columns(v, s);
  }
  return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------ */

static bool is_asked(const struct verify *v, const struct verify_stream *s) {
  if (v->step == STEP_PENDING && member_true(s->target, "whole")) /* it is never behind */
    return false;
  return v->step == STEP_SUMS || json_array_size(json_object_get(s->ask, "buckets")) > 0;
}

/* What spec->ask says of a stream of the source; buckets NULL: sums are asked for. */
static json_t *ask_source(const struct verify_stream *s, json_t *buckets) {
  json_t *ask = json_deep_copy(s->ask);
  json_object_set_new(ask, "stream", json_string(s->name));
  if (buckets)
    json_object_set(ask, "buckets", buckets);
  return ask;
}

/* All streams of the source in one go, those of the target one by one. */
static int read_source(struct verify *v) {
  json_t *streams = json_array();
  v->side = SIDE_SOURCE;
  for (size_t i = 0; i < v->streams_n; i++) {
    struct verify_stream *s = &v->streams[i];
    if (is_asked(v, s))
      json_array_append_new(streams, ask_source(s, json_object_get(s->ask, "buckets")));
  }
  if (json_array_size(streams) == 0) {
    json_decref(streams);
    return CLI_OK;
  }
  return work(v, SPEC_DIGEST, json_pack("{s:o, s:b}", "streams", streams, "from_committed", v->step == STEP_PENDING));
}

static int read_target(struct verify *v) {
  int status = CLI_OK;
  v->side = SIDE_TARGET;
  for (size_t i = 0; i < v->streams_n && status == CLI_OK; i++) {
    v->at = &v->streams[i];
    if (is_asked(v, v->at))
      status = work(v, SPEC_DIGEST, json_pack("{s:[O], s:o}", "streams", v->at->ask, "readback", readback_of(v->at)));
  }
  return status;
}

/* Which buckets are looked at row by row.  False: both sides are the same. */
static bool pick_buckets(struct verify *v) {
  bool any = false;
  for (size_t i = 0; i < v->streams_n; i++) {
    struct verify_stream *s = &v->streams[i];
    size_t left;
    json_t *buckets = compare_buckets(s->compare, ROWS_MAX, &left);
    any |= json_array_size(buckets) > 0;
    json_object_set_new(s->ask, "buckets", buckets);
    json_object_set_new(s->result, "buckets_left", json_integer((json_int_t)left));
  }
  return any;
}

static int read_all(struct verify *v) {
  v->step = STEP_SUMS;
  int status = read_source(v);
  if (status == CLI_OK)
    status = read_target(v);
  if (status != CLI_OK || !pick_buckets(v))
    return status;
  v->step = STEP_ROWS;
  status = read_source(v);
  if (status == CLI_OK)
    status = read_target(v);
  v->step = STEP_PENDING; /* last, so that rows that changed meanwhile are among them */
  return status == CLI_OK ? read_source(v) : status;
}

/* ---- repair ------------------------------------------------------------------------------------------------------------------------- */

static int refuse_repair(const struct verify *v, const struct verify_stream *s) {
  struct err e;
  bool whole = member_true(s->target, "whole");
  err_set(&e, ETL_E_UNSUPPORTED, whole ? "each run reads all of %s, and none of it alone" : "rows of %s that are loaded again would not take the place of those that are there", s->name);
  if (whole)
    err_remedy(&e, "etl run %s loads it again", v->source->spec->pipeline);
  else
    err_remedy(&e, "--repair needs mode = \"merge\" and a key; or load all rows again: etl run %s --full-refresh", v->source->spec->pipeline);
  return cli_report(&e);
}

static bool on_repair(void *arg, json_t *event) {
  struct verify *v = arg;
  const char *name = member_text(event, "event");
  if (strcmp(name, "summary") == 0)
    v->repaired = member_number(event, "rows_written");
  return (strcmp(name, "summary") == 0 && strcmp(member_text(event, "status"), "success") == 0) || is_quiet(name);
}

/* Loads all rows of the buckets that differ again, through the pipeline as it is. */
static int repair(struct verify *v) {
  struct spec *spec = v->source->spec;
  json_t *streams = json_array();
  int status = CLI_OK;
  for (size_t i = 0; i < v->streams_n && status == CLI_OK; i++) {
    struct verify_stream *s = &v->streams[i];
    size_t left;
    json_t *buckets = compare_buckets(s->compare, INT64_MAX, &left);
    if (json_array_size(buckets) && (member_true(s->target, "whole") || !is_upsert(s)))
      status = refuse_repair(v, s);
    if (json_array_size(buckets))
      json_array_append_new(streams, ask_source(s, buckets));
    json_decref(buckets);
  }
  if (status == CLI_OK && json_array_size(streams)) {
    spec->command = SPEC_REPAIR;
    spec->repair = true;
    json_decref(spec->ask);
    spec->ask = json_pack("{s:O}", "streams", streams);
    status = answer_wait(v->source, on_repair, v);
    spec->repair = false;
  }
  json_decref(streams);
  return status;
}

/* ---- the result --------------------------------------------------------------------------------------------------------------------- */

static bool settle_all(struct verify *v) {
  bool same = true;
  for (size_t i = 0; i < v->streams_n; i++)
    same &= verify_settle(&v->streams[i], v->limit);
  return same;
}

/* As if nothing had been read of the stream. */
static void forget(const struct verify *v, struct verify_stream *s) {
  compare_free(s->compare);
  s->compare = compare_new(v->source->spec->shards, v->source->spec->shards_n, is_upsert(s));
  json_object_del(s->ask, "buckets");
  json_array_clear(json_object_get(s->result, "differences"));
}

static int tell(struct verify *v, const char *output) {
  json_t *streams = json_array();
  bool same = true;
  for (size_t i = 0; i < v->streams_n; i++) {
    same &= v->streams[i].same;
    json_array_append(streams, v->streams[i].result);
  }
  json_t *result = json_pack("{s:s, s:s, s:o}", "pipeline", v->source->spec->pipeline, "status", same ? "same" : "different", "streams", streams);
  if (v->repaired >= 0)
    json_object_set_new(result, "rows_loaded_again", json_integer(v->repaired));
  if (output && strcmp(output, "json") == 0) {
    json_dumpf(result, stdout, JSON_INDENT(2));
    putchar('\n');
  } else {
    verify_print(result, colours_of(stdout), stdout);
  }
  json_decref(result);
  fflush(stdout); /* before what goes to stderr */
  return same ? CLI_OK : CLI_FAILED;
}

/* Both sides as they are, then as they are after the repair; in JSON the latter alone. */
static int report(struct verify *v, bool mend, const char *output) {
  if (settle_all(v) || !mend)
    return tell(v, output);
  if (!output || strcmp(output, "json") != 0)
    (void)tell(v, output);
  int status = repair(v);
  for (size_t i = 0; i < v->streams_n; i++)
    forget(v, &v->streams[i]);
  if (status == CLI_OK)
    status = read_all(v);
  if (status != CLI_OK)
    return status;
  (void)settle_all(v);
  return tell(v, output);
}

static void verify_fini(struct verify *v) {
  for (size_t i = 0; i < v->streams_n; i++) {
    json_decref(v->streams[i].ask);
    json_decref(v->streams[i].result);
    compare_free(v->streams[i].compare);
  }
  free(v->streams);
  json_decref(v->targets);
  json_decref(v->target_spec.ask);
}

int cmd_verify(const struct cli_args *a) {
  const char *limit = cli_opt(a, "limit");
  struct launch l;
  struct verify v = {.source = &l, .limit = limit ? (size_t)strtoull(limit, NULL, 10) : SHOWN, .repaired = -1};
  int status = launch_init(&l, a);
  if (status == CLI_OK)
    status = learn(&v);
  if (status == CLI_OK)
    status = read_all(&v);
  if (status == CLI_OK)
    status = report(&v, cli_flag(a, "repair"), cli_opt(a, "output"));
  verify_fini(&v);
  launch_fini(&l);
  return status;
}
