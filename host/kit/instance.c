/* Opening and closing instances: option values are handed in for the time of open() alone. */
#include <string.h>

#include "kit/kit.h"

#define WHERE_OPEN   "struct etl_common: open: on failure *self stays NULL"

static struct conf_node *copy_settings(struct kit *k, const char *name, const char *text) {
  struct conf_node *n = arena_alloc(k->arena, sizeof *n);
  *n = *k->settings;
  n->kids = arena_alloc(k->arena, (k->settings->kids_n + 1) * sizeof *n->kids);
  n->kids_n = 0;
  for (size_t i = 0; i < k->settings->kids_n; i++)
    if (!name || strcmp(k->settings->kids[i]->name, name) != 0)
      n->kids[n->kids_n++] = k->settings->kids[i];
  if (name) {
    struct conf_node *own = arena_alloc(k->arena, sizeof *own);
    *own = (struct conf_node){.kind = CONF_STRING, .name = name, .origin = "the check", .text = arena_strdup(k->arena, text)};
    n->kids[n->kids_n++] = own;
  }
  return n;
}

const struct bound_options *kit_options(struct kit *k, const char *name, const char *text, bool must) {
  if (!name && k->bound)
    return k->bound;
  struct conf_stage stage = {.plugin = k->c->name, .origin = "the check", .options = copy_settings(k, name, text)};
  struct bound_options *bound = arena_alloc(k->arena, sizeof *bound);
  struct diags d = {0};
  int rc = options_bind(k->c->options, &stage, k->arena, &k->secrets, &d, bound);
  if (rc < 0 && must)
    kit_misuse("%s", d.n ? d.list[0].text : "the options cannot be used");
  diags_fini(&d);
  if (!name)
    k->bound = bound;
  return rc < 0 ? NULL : bound;
}

static const struct etl_value *const *give_values(struct given *g, const struct etl_value *const *values, uint64_t n);

static const struct etl_value *give_value(struct given *g, const struct etl_value *from) {
  struct etl_value v = *from;
  v.str = give_text(g, from->str);
  v.origin = give_text(g, from->origin);
  struct etl_bytes *list = give(g, from->list, from->list_n * sizeof *list);
  for (uint64_t i = 0; i < from->list_n; i++)
    list[i].p = give_text(g, from->list[i].p);
  v.list = from->list ? list : NULL;
  const struct etl_group **groups = give(g, from->groups, from->groups_n * sizeof *groups);
  for (uint64_t i = 0; i < from->groups_n; i++) {
    struct etl_group group = *from->groups[i];
    group.origin = give_text(g, group.origin);
    group.values = give_values(g, group.values, group.values_n);
    groups[i] = GIVE(g, etl_group, &group);
  }
  v.groups = from->groups ? groups : NULL;
  return GIVE(g, etl_value, &v);
}

static const struct etl_value *const *give_values(struct given *g, const struct etl_value *const *values, uint64_t n) {
  const struct etl_value **to = give(g, values, n * sizeof *to);
  for (uint64_t i = 0; i < n; i++)
    to[i] = give_value(g, values[i]);
  return to;
}

int32_t kit_try_open(struct kit *k, struct kit_instance *i, const struct bound_options *options, struct kit_where w) {
  struct given g = kit_given(k);
  *i = (struct kit_instance){.kit = k};
  kit_host_init(&i->host, k);
  struct etl_open o = {.flags = w.flags, .host = i->host.host, .values = give_values(&g, options->values, options->n), .values_n = options->n};
  o.pipeline = give_text(&g, w.pipeline ? w.pipeline : "check");
  o.run = give_text(&g, w.run ? w.run : "run1");
  o.lane = give_text(&g, w.lane);
  int32_t status = KIT_CALL(&i->host, "open()", k->c->common->open(GIVE(&g, etl_open, &o), &i->self));
  given_shut(&g);
  kit_must(k, status == ETL_OK || status == ETL_FAILED, WHERE_OPEN, "open() gave the status %d", status);
  kit_must(k, status == ETL_OK || !i->self, WHERE_OPEN, "open() failed and left something in *self");
  if (status != ETL_OK)
    kit_host_fini(&i->host);
  return status;
}

void kit_open(struct kit *k, struct kit_instance *i, struct kit_where w) {
  if (kit_try_open(k, i, kit_options(k, NULL, NULL, true), w) != ETL_OK)
    kit_fail(k, NULL, "open() failed: %s%s%s; give options with --option or --config", i->host.err.message,
             *i->host.err.remedy ? "; " : "", i->host.err.remedy);
}

void kit_close(struct kit_instance *i) {
  kit_enter(&i->host, "close()");
  i->kit->c->common->close(i->self);
  kit_host_fini(&i->host);
}

uint64_t kit_caps(struct kit_instance *i) {
  const struct etl_loader *l = i->kit->loader;
  return l && ETL_HAS(l, etl_loader, caps) && l->caps ? l->caps(i->self) : i->kit->c->caps;
}
