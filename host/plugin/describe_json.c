/* A connector's description as JSON and back.  The JSON comes from a process that ran the connector's code, so nothing in it is
 * believed: what is missing or of another type is an error. */
#include <string.h>

#include "base/member.h"
#include "plugin/describe.h"
#include "plugin/options.h"

static void put_text(json_t *j, const char *name, const char *text) {
  if (text)
    json_object_set_new(j, name, json_string(text));
}

struct flag {
  const char *name;
  uint32_t bit;
};
static const struct flag flags[] = {{"required", ETL_OPT_REQUIRED},     {"secret", ETL_OPT_SECRET},
                                    {"deprecated", ETL_OPT_DEPRECATED}, {"advanced", ETL_OPT_ADVANCED},
                                    {"identity", ETL_OPT_IDENTITY},     {"connection", ETL_OPT_CONNECTION}, {NULL, 0}};
static const struct flag caps[] = {{"one_at_a_time", ETL_CAP_ONE_AT_A_TIME},       {"resume", ETL_CAP_RESUME},
                                   {"parallel_readers", ETL_CAP_PARALLEL_READERS}, {"transactions", ETL_CAP_TXN},
                                   {"stores_cursor", ETL_CAP_STORES_CURSOR},       {"capture", ETL_CAP_CAPTURE},
                                   {NULL, 0}};

static json_t *options_to_json(const struct etl_option *const *options);

static json_t *option_to_json(const struct etl_option *o) {
  json_t *j = json_pack("{ss, ss}", "name", o->name, "type", option_type_name(o->type));
  put_text(j, "doc", o->doc);
  put_text(j, "example", o->example);
  put_text(j, "default", o->dflt);
  put_text(j, "replaced_by", o->replaced_by);
  for (const struct flag *f = flags; f->name; f++)
    if (o->flags & f->bit)
      json_object_set_new(j, f->name, json_true());
  if (o->min < o->max) {
    json_object_set_new(j, "min", json_integer(o->min));
    json_object_set_new(j, "max", json_integer(o->max));
  }
  if (o->type == ETL_T_ENUM) {
    json_t *choices = json_array();
    for (const char *const *c = o->choices; *c; c++)
      json_array_append_new(choices, json_string(*c));
    json_object_set_new(j, "choices", choices);
  }
  if (o->type == ETL_T_GROUPS)
    json_object_set_new(j, "members", options_to_json(o->members));
  return j;
}

static json_t *options_to_json(const struct etl_option *const *options) {
  json_t *list = json_array();
  for (; options && *options; options++)
    json_array_append_new(list, option_to_json(*options));
  return list;
}

json_t *connector_to_json(const struct etl_connector *c) {
  json_t *can = json_object();
  for (const struct flag *f = caps; f->name; f++)
    if (c->caps & f->bit)
      json_object_set_new(can, f->name, json_true());
  json_t *j = json_pack("{ss, ss, ss, so, so}", "kind", plugin_kind_name(c->kind), "name", c->name, "version", c->version, "can",
                        can, "options", options_to_json(c->options));
  put_text(j, "summary", c->summary);
  put_text(j, "doc", c->doc);
  return j;
}

json_t *description_to_json(const struct etl_plugin *p) {
  json_t *list = json_array();
  for (const struct etl_connector *const *c = p->connectors; *c; c++)
    if ((*c)->kind >= ETL_KIND_EXTRACTOR && (*c)->kind <= ETL_KIND_LOADER)
      json_array_append_new(list, connector_to_json(*c));
  json_t *j = json_pack("{ss, ss, so}", "name", p->name, "version", p->version, "connectors", list);
  put_text(j, "license", p->license);
  put_text(j, "url", p->url);
  return j;
}

/* ---- back ---- */

static const char *get_text(const json_t *j, const char *name, struct arena *a) {
  return arena_strdup(a, member_text(j, name));
}

static const struct etl_option *const *options_from_json(const json_t *list, struct arena *a);

static const struct etl_option *option_from_json(const json_t *j, struct arena *a) {
  struct etl_option *o = arena_alloc(a, sizeof *o);
  const char *type = member_text(j, "type");
  *o = (struct etl_option){.struct_size = sizeof *o,
                           .type = type ? option_type_from_name(type) : 0,
                           .name = get_text(j, "name", a),
                           .doc = get_text(j, "doc", a),
                           .example = get_text(j, "example", a),
                           .dflt = get_text(j, "default", a),
                           .replaced_by = get_text(j, "replaced_by", a),
                           .min = member_number(j, "min"),
                           .max = member_number(j, "max")};
  for (const struct flag *f = flags; f->name; f++)
    if (member_true(j, f->name))
      o->flags |= f->bit;
  const json_t *choices = json_object_get(j, "choices");
  const char **texts = arena_alloc(a, (json_array_size(choices) + 1) * sizeof *texts);
  for (size_t i = 0; i < json_array_size(choices); i++) {
    texts[i] = arena_strdup(a, json_string_value(json_array_get(choices, i)));
    if (!texts[i])
      return NULL;
  }
  o->choices = o->type == ETL_T_ENUM ? texts : NULL;
  if (o->type == ETL_T_GROUPS && !(o->members = options_from_json(json_object_get(j, "members"), a)))
    return NULL;
  return o;
}

static const struct etl_option *const *options_from_json(const json_t *list, struct arena *a) {
  const struct etl_option **options = arena_alloc(a, (json_array_size(list) + 1) * sizeof *options);
  if (!json_is_array(list))
    return NULL;
  for (size_t i = 0; i < json_array_size(list); i++)
    if (!(options[i] = option_from_json(json_array_get(list, i), a)))
      return NULL;
  return options;
}

static const struct etl_connector *connector_from_json(const json_t *j, struct arena *a) {
  struct etl_connector *c = arena_alloc(a, sizeof *c);
  const char *kind = member_text(j, "kind");
  c->struct_size = sizeof *c;
  for (uint32_t k = ETL_KIND_EXTRACTOR; kind && k <= ETL_KIND_LOADER; k++)
    if (strcmp(plugin_kind_name(k), kind) == 0)
      c->kind = k;
  for (const struct flag *f = caps; f->name; f++)
    if (member_true(json_object_get(j, "can"), f->name))
      c->caps |= f->bit;
  c->name = get_text(j, "name", a);
  c->version = get_text(j, "version", a);
  c->summary = get_text(j, "summary", a);
  c->doc = get_text(j, "doc", a);
  c->options = options_from_json(json_object_get(j, "options"), a);
  struct err e;
  return c->kind && c->name && c->version && c->options && options_check(c->options, &e) == 0 ? c : NULL;
}

int description_from_json(const json_t *j, struct err *e, struct description **ret_description) {
  struct arena *a = arena_new();
  struct description *d = arena_alloc(a, sizeof *d);
  d->arena = a;
  d->name = get_text(j, "name", a);
  d->version = get_text(j, "version", a);
  d->license = get_text(j, "license", a);
  d->url = get_text(j, "url", a);
  const json_t *list = json_object_get(j, "connectors");
  bool sound = d->name && d->version && json_is_array(list);
  for (size_t i = 0; sound && i < json_array_size(list); i++) {
    const struct etl_connector *c = connector_from_json(json_array_get(list, i), a);
    if (c)
      d->connectors[c->kind] = c;
    else
      sound = false;
  }
  if (!sound) {
    description_free(d);
    return err_set(e, ETL_E_INTERNAL, "the description is not understood");
  }
  *ret_description = d;
  return 0;
}

void description_free(struct description *d) {
  if (d)
    arena_free(d->arena);
}
