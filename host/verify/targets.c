/* What there is to compare: the streams that a loader would get, with their columns, and how each target is read again.
 *
 * The "targets" event: targets, a list of stream, whole (true: it has no cursor), columns (list of name, format, extension), and of a pipeline's own side also target,
 * key (list of names), upsert (true: loading a row again mends it), settings (flat list of name, value of the extractor that reads it back).  With spec->ask.readback (such a list)
 * the extractor is the loader's namesake, with the loader's connection and these settings. */
#include <string.h>

#include "base/member.h"
#include "engine/pieces.h"
#include "engine/walk.h"
#include "etl/sdk.h"
#include "plugin/registry.h"
#include "verify/digest.h"
#include "verify/sieve.h"

/* ---- the reading twin of a loader --------------------------------------------------------------------------------------------------- */

static bool is_connection(const struct etl_connector *c, const char *name) {
  for (const struct etl_option *const *o = c->options; *o; o++)
    if (strcmp((*o)->name, name) == 0)
      return (*o)->flags & ETL_OPT_CONNECTION;
  return false;
}

static struct conf_node *text_node(struct arena *a, const char *name, const char *value, const char *origin) {
  struct conf_node *n = arena_alloc(a, sizeof *n);
  n->kind = CONF_STRING;
  n->name = name;
  n->text = arena_strdup(a, value);
  n->origin = origin;
  return n;
}

/* Adds name = value; a second value of a name makes a list of it. */
static void add_setting(struct arena *a, struct conf_node *group, const char *name, const char *value) {
  for (size_t i = 0; i < group->kids_n; i++) {
    struct conf_node *k = group->kids[i];
    if (strcmp(k->name, name) != 0)
      continue;
    struct conf_node *list = arena_alloc(a, sizeof *list), **kids = arena_alloc(a, (k->kids_n + 2) * sizeof *kids);
    *list = (struct conf_node){.kind = CONF_LIST, .name = name, .origin = group->origin, .base_dir = group->base_dir};
    list->kids = kids;
    for (size_t n = 0; k->kind == CONF_LIST && n < k->kids_n; n++)
      kids[list->kids_n++] = k->kids[n];
    if (k->kind != CONF_LIST)
      kids[list->kids_n++] = text_node(a, NULL, k->text, group->origin);
    kids[list->kids_n++] = text_node(a, NULL, value, group->origin);
    group->kids[i] = list;
    return;
  }
  group->kids[group->kids_n++] = text_node(a, arena_strdup(a, name), value, group->origin);
}

/* Gives r a spec whose extractor reads what its loader wrote.  -1: r->err. */
static int take_twin(struct run *r, const json_t *settings) {
  const struct spec *s = r->spec;
  struct spec *twin = arena_memdup(r->arena, s, sizeof *s);
  const struct conf_node *from = s->extract.conf.options;
  struct conf_node *group = arena_alloc(r->arena, sizeof *group);
  const struct etl_plugin *plugin;
  const char *copy;
  struct err e;
  if (plugin_cache(s->extract.path, &s->extract.mark, s->cache_dir, r->arena, &e, &copy) < 0 || plugin_load(copy, &e, &plugin) < 0)
    return run_fail(r, &e, NULL);
  const struct etl_connector *c = plugin_connector(plugin, ETL_KIND_EXTRACTOR);
  *group = (struct conf_node){.kind = CONF_GROUP, .origin = from->origin, .base_dir = from->base_dir};
  group->kids = arena_alloc(r->arena, (from->kids_n + json_array_size(settings) + 1) * sizeof *group->kids);
  for (size_t i = 0; c && i < from->kids_n; i++)
    if (is_connection(c, from->kids[i]->name))
      group->kids[group->kids_n++] = from->kids[i];
  for (size_t i = 0; i + 1 < json_array_size(settings); i += 2)
    add_setting(r->arena, group, json_string_value(json_array_get(settings, i)), json_string_value(json_array_get(settings, i + 1)));
  twin->extract.conf.options = group;
  r->spec = twin;
  return 0;
}

static int prepare(struct run *r) {
  const json_t *readback = json_object_get(r->spec->ask, "readback");
  return (readback && take_twin(r, readback) < 0) || run_prepare(r) < 0 ? -1 : 0;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------- */

struct asking {
  struct run *r;
  const struct etl_readback *readback; /* NULL: only columns are asked for */
  json_t *targets;
  json_t *target; /* in hand */
  bool whole;     /* likewise: each run loads all of it */
};

static json_t *list_of(const char *const *texts) {
  json_t *list = json_array();
  for (; texts && *texts; texts++)
    json_array_append_new(list, json_string(*texts));
  return list;
}

static json_t *columns_json(const struct ArrowSchema *s) {
  json_t *columns = json_array();
  for (int64_t i = 0; i < s->n_children; i++) {
    const struct ArrowSchema *c = s->children[i];
    uint64_t n = 0;
    const char *extension = etl_schema_meta(c, ETL_META_EXTENSION, &n);
    json_t *j = json_pack("{s:s, s:s}", "name", c->name, "format", c->format);
    if (extension)
      json_object_set_new(j, "extension", json_stringn(extension, n));
    json_array_append_new(columns, j);
  }
  return columns;
}

static int32_t take_source(void *arg, const struct etl_readback_source *s) {
  struct asking *a = arg;
  json_object_set_new(a->target, "target", json_string(s->target));
  json_object_set_new(a->target, "settings", list_of(s->settings));
  json_object_set_new(a->target, "key", list_of(s->key));
  json_object_set_new(a->target, "upsert", json_boolean(s->flags & ETL_READBACK_UPSERT));
  return ETL_OK;
}

static bool is_known(const struct asking *a, const char *stream) {
  for (size_t i = 0; i < json_array_size(a->targets); i++)
    if (strcmp(member_text(json_array_get(a->targets, i), "stream"), stream) == 0)
      return true;
  return false;
}

static int take_stream(void *arg, const struct etl_stream *stream, struct err *e) {
  struct asking *a = arg;
  struct instance *in = &a->r->control;
  if (is_known(a, stream->name))
    return 0;
  a->target = json_pack("{s:s, s:b, s:o}", "stream", stream->name, "whole", a->whole, "columns", columns_json(stream->schema));
  json_array_append_new(a->targets, a->target);
  if (a->readback && CALL(&in->svc, "readback", a->readback->describe(in->self, stream, take_source, a)) != ETL_OK)
    return services_take_err(&in->svc, e);
  return 0;
}

static int ask_lanes(struct asking *a) {
  struct run *r = a->r;
  struct walk w = {.arg = a, .out = take_stream};
  struct err e;
  for (size_t i = 0; i < r->lanes_n; i++) {
    bool told = false; /* the shards of a stream are alike */
    for (size_t k = 0; k < i; k++)
      told |= strcmp(r->lanes[k].stream, r->lanes[i].stream) == 0;
    a->whole = (r->lanes[i].stream_flags & ETL_STREAM_WHOLE) || (r->loader_caps & ETL_CAP_REPLACE);
    if (!told && walk_lane(r, &r->lanes[i], &w, &e) < 0)
      return run_fail(r, &e, w.asked);
  }
  if (json_array_size(a->targets))
    return 0;
  err_set(&e, ETL_E_UNSUPPORTED, "connector %s does not tell the columns of its rows without reading them", r->extract.conn->name);
  err_remedy(&e, "such a pipeline cannot be verified");
  return run_fail(r, &e, &r->extract);
}

static const struct etl_readback *readback_of(struct run *r) {
  const struct etl_common *c = r->load.conn->common;
  struct err e;
  const struct etl_readback *readback = c->ext ? c->ext(r->control.self, ETL_EXT_READBACK) : NULL;
  if (readback)
    return readback;
  err_set(&e, ETL_E_UNSUPPORTED, "connector %s does not say how to read again what it wrote", r->load.conn->name);
  err_remedy(&e, "such a pipeline cannot be verified");
  run_fail(r, &e, &r->load);
  return NULL;
}

static int targets_execute(struct run *r) {
  bool twin = json_object_get(r->spec->ask, "readback") != NULL;
  struct asking a = {.r = r, .targets = json_array()};
  int rc = prepare(r);
  if (rc == 0 && !twin)
    rc = run_open_control(r) < 0 || !(a.readback = readback_of(r)) ? -1 : 0;
  if (rc == 0)
    rc = pieces_make_lanes(r) < 0 ? -1 : ask_lanes(&a);
  if (rc < 0) {
    run_close_control(r);
    json_decref(a.targets);
    return ask_failed(r);
  }
  report_event(&r->report, "targets", json_pack("{s:o}", "targets", a.targets));
  run_close_control(r);
  run_report_summary(r, "success");
  return RUN_EXIT_SUCCESS;
}

static int digest_execute(struct run *r) {
  r->drain = digest_lane;
  if (prepare(r) < 0)
    return ask_failed(r);
  return run_drain(r, member_true(r->spec->ask, "from_committed"));
}

static int repair_execute(struct run *r) {
  r->sieve = sieve_rows;
  return run_load(r);
}

const struct ask_command verify_commands[] = {
  {SPEC_TARGETS, targets_execute}, {SPEC_DIGEST, digest_execute}, {SPEC_REPAIR, repair_execute}, {0}};
