/* Stages: merged with their connection, and as JSON for the way to the worker. */
#include "conf/stage.h"

#include <string.h>

#include "base/member.h"
#include "conf/expand.h"
#include "conf/tables.h"

int connection_expand(const struct connections *c, size_t i, struct arena *a, struct diags *d) {
  if (c->expanded[i])
    return 0;
  c->expanded[i] = true;
  return expand_node(c->group->kids[i], a, d);
}

static const struct conf_node *find_connection(const char *name, const struct conf_node *said, const struct connections *c,
                                               struct arena *a, struct diags *d) {
  size_t n = c->group ? c->group->kids_n : 0;
  for (size_t i = 0; i < n; i++)
    if (strcmp(c->group->kids[i]->name, name) == 0) {
      connection_expand(c, i, a, d);
      return c->group->kids[i];
    }
  const char **names = arena_alloc(a, (n + 1) * sizeof *names);
  for (size_t i = 0; i < n; i++)
    names[i] = c->group->kids[i]->name;
  const char *near = diag_nearest(name, names);
  if (c->unknown)
    return NULL;
  if (near)
    diags_add(d, DIAG_ERROR, said->origin, "there is no connection \"%s\"; did you mean \"%s\"?", name, near);
  else if (n)
    diags_add(d, DIAG_ERROR, said->origin, "there is no connection \"%s\"; 'connections' of %s has \"%s\"%s", name,
              c->group->origin, names[0], n > 1 ? " and others" : "");
  else
    diags_add(d, DIAG_ERROR, said->origin,
              "there is no connection \"%s\"; add connections = { %s = { plugin = \"...\"; }; }; to etl.conf", name, name);
  return NULL;
}

static bool is_among(const struct conf_node *n, const struct conf_key *keys) {
  for (; keys && keys->name; keys++)
    if (strcmp(keys->name, n->name) == 0)
      return true;
  return false;
}

/* The connection's options, then the stage's, which win. */
static const struct conf_node *merge(const struct conf_node *connection, const struct conf_node *stage, const struct conf_key *more,
                                     struct arena *a) {
  struct conf_node *m = arena_alloc(a, sizeof *m);
  *m = (struct conf_node){.kind = CONF_GROUP, .origin = stage->origin, .base_dir = stage->base_dir};
  m->kids = arena_alloc(a, (stage->kids_n + (connection ? connection->kids_n : 0)) * sizeof *m->kids);
  for (size_t i = 0; connection && i < connection->kids_n; i++)
    if (!is_among(connection->kids[i], stage_keys) && !is_among(connection->kids[i], connection_keys) &&
        !conf_node_find(stage, connection->kids[i]->name))
      m->kids[m->kids_n++] = connection->kids[i];
  for (size_t i = 0; i < stage->kids_n; i++)
    if (!is_among(stage->kids[i], stage_keys) && !is_among(stage->kids[i], more))
      m->kids[m->kids_n++] = stage->kids[i];
  return m;
}

int stage_read(const struct conf_node *group, const struct conf_key *more, const struct connections *c, struct arena *a,
               struct diags *d, struct conf_stage *ret) {
  struct stage_settings own = {0}, shared = {0};
  const struct conf_node *connection = NULL;
  if (keys_read(stage_keys, group, "a stage", KEYS_OPEN, &own, a, d) < 0)
    return -1;
  if (own.connection) {
    connection = find_connection(own.connection, conf_node_find(group, "connection"), c, a, d);
    if (!connection || connection->kind != CONF_GROUP ||
        keys_read(connection_keys, connection, "a connection", KEYS_OPEN, &shared, a, d) < 0)
      return -1;
  }
  if (own.plugin && shared.plugin && strcmp(own.plugin, shared.plugin) != 0) {
    const struct conf_node *said = conf_node_find(group, "plugin");
    diags_add(d, DIAG_ERROR, said->origin,
              "this stage says plugin = \"%s\", but its connection \"%s\" (%s) is for \"%s\"; remove 'plugin' here or use another "
              "connection",
              own.plugin, own.connection, connection->origin, shared.plugin);
    return -1;
  }
  const char *plugin = own.plugin ? own.plugin : shared.plugin;
  if (!plugin) {
    if (connection)
      diags_add(d, DIAG_ERROR, connection->origin,
                "connection \"%s\" does not say which connector it is for; add plugin = \"...\";", own.connection);
    else
      diags_add(d, DIAG_ERROR, group->origin,
                "this stage does not say which connector it uses; add plugin = \"...\"; or connection = \"...\";");
    return -1;
  }
  *ret = (struct conf_stage){plugin, own.connection, group->origin, group->base_dir, merge(connection, group, more, a), own.streams};
  return 0;
}

int conf_connection(const struct conf *c, const char *name, struct diags *d, struct conf_stage *ret_stage) {
  struct arena *a = c->arena;
  struct conf_node *said = arena_alloc(a, sizeof *said), **kids = arena_alloc(a, sizeof *kids), *group = arena_alloc(a, sizeof *group);
  *said = (struct conf_node){.kind = CONF_STRING, .name = "connection", .text = name, .origin = c->file};
  kids[0] = said;
  *group = (struct conf_node){.kind = CONF_GROUP, .origin = c->file, .base_dir = said->base_dir, .kids = kids, .kids_n = 1};
  struct stage_settings shared = {0};
  size_t errors = d->errors;
  const struct conf_node *connection = find_connection(name, said, c->connections, a, d);
  if (!connection || connection->kind != CONF_GROUP || d->errors > errors ||
      keys_read(connection_keys, connection, "a connection", KEYS_OPEN, &shared, a, d) < 0)
    return -1;
  group->origin = connection->origin;
  group->base_dir = connection->base_dir;
  return stage_read(group, NULL, c->connections, a, d, ret_stage);
}

bool conf_stage_takes(const struct conf_stage *s, const char *stream) {
  const struct conf_node *n = s->streams;
  if (!n || n->kind != CONF_LIST)
    return !n || strcmp(n->text, stream) == 0;
  for (size_t i = 0; i < n->kids_n; i++)
    if (strcmp(n->kids[i]->text, stream) == 0)
      return true;
  return false;
}

/* ---- JSON ---- */

static json_t *node_to_json(const struct conf_node *n, const char *parent_dir) {
  json_t *j = json_pack("{si, ss*, ss*, sI}", "kind", (int)n->kind, "name", n->name, "origin", n->origin, "i", (json_int_t)n->i);
  if (n->base_dir && (!parent_dir || strcmp(n->base_dir, parent_dir) != 0))
    json_object_set_new(j, "dir", json_string(n->base_dir));
  if (n->kind == CONF_FLOAT)
    json_object_set_new(j, "f", json_real(n->f));
  if (n->text)
    json_object_set_new(j, "text", json_string(n->text));
  if (n->secret)
    json_object_set_new(j, "secret", json_true());
  if (n->kind == CONF_LIST || n->kind == CONF_GROUP) {
    json_t *kids = json_array();
    for (size_t i = 0; i < n->kids_n; i++)
      json_array_append_new(kids, node_to_json(n->kids[i], n->base_dir));
    json_object_set_new(j, "kids", kids);
  }
  return j;
}

json_t *conf_stage_to_json(const struct conf_stage *s) {
  return json_pack("{ss, ss*, ss*, ss*, so, so*}", "plugin", s->plugin, "connection", s->connection, "origin", s->origin, "base_dir",
                   s->base_dir, "options", node_to_json(s->options, s->base_dir), "streams",
                   s->streams ? node_to_json(s->streams, s->base_dir) : NULL);
}

static const char *text_of(const json_t *j, const char *name, struct arena *a) {
  return arena_strdup(a, member_text(j, name));
}

enum {
  DEPTH_LIMIT = 64
};

static struct conf_node *node_from_json(const json_t *j, const char *parent_dir, int depth, struct arena *a) {
  json_int_t kind = member_number(j, "kind");
  const json_t *kids = json_object_get(j, "kids");
  if (kind < CONF_STRING || kind > CONF_GROUP || depth > DEPTH_LIMIT)
    return NULL;
  struct conf_node *n = arena_alloc(a, sizeof *n);
  n->kind = (enum conf_kind)kind;
  n->name = text_of(j, "name", a);
  n->origin = text_of(j, "origin", a);
  n->text = text_of(j, "text", a);
  n->base_dir = json_object_get(j, "dir") ? text_of(j, "dir", a) : parent_dir;
  n->i = member_number(j, "i");
  n->f = json_number_value(json_object_get(j, "f"));
  n->secret = member_true(j, "secret");
  if (n->kind < CONF_LIST)
    return n->text ? n : NULL;
  n->kids = arena_alloc(a, json_array_size(kids) * sizeof *n->kids);
  for (size_t i = 0; i < json_array_size(kids); i++) {
    struct conf_node *k = node_from_json(json_array_get(kids, i), n->base_dir, depth + 1, a);
    if (!k || (n->kind == CONF_GROUP && !k->name))
      return NULL;
    n->kids[n->kids_n++] = k;
  }
  return n;
}

int conf_stage_from_json(const json_t *j, struct arena *a, struct conf_stage *ret_stage) {
  struct conf_stage s = {text_of(j, "plugin", a), text_of(j, "connection", a), text_of(j, "origin", a), text_of(j, "base_dir", a),
                         NULL, NULL};
  const json_t *streams = json_object_get(j, "streams");
  s.streams = streams ? node_from_json(streams, s.base_dir, 0, a) : NULL;
  s.options = node_from_json(json_object_get(j, "options"), s.base_dir, 0, a);
  if (!s.plugin || !s.options || s.options->kind != CONF_GROUP)
    return -1;
  *ret_stage = s;
  return 0;
}
