/* Loading connectors, binding options, opening and closing instances. */
#include "engine/part.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* All errors of d as one message, a line each after the first. */
static int diags_to_err(const struct diags *d, struct err *e) {
  char text[sizeof e->message];
  size_t n = 0;
  for (size_t i = 0; i < d->n && n < sizeof text; i++)
    if (d->list[i].level == DIAG_ERROR)
      n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%s%s", n ? "; " : "", d->list[i].origin ? d->list[i].origin : "",
                            d->list[i].origin ? ": " : "", d->list[i].text);
  err_set(e, ETL_E_CONFIG, "%s", text);
  return err_remedy(e, "`etl check` shows all mistakes of a configuration");
}

typedef int bind_fn(const struct etl_option *const *options, const struct conf_stage *stage, struct arena *arena, struct secrets *secrets,
                    struct diags *d, struct bound_options *ret_bound);

static int load(struct part *p, const struct spec_stage *s, enum etl_kind kind, const char *stage, const char *cache_dir, struct arena *arena,
                bind_fn *bind, struct err *e) {
  const struct etl_plugin *plugin;
  const char *copy;
  struct diags d = {0};
  *p = (struct part){.stage = arena_strdup(arena, stage)};
  turn_init(&p->turn);
  if (plugin_cache(s->path, &s->mark, cache_dir, arena, e, &copy) < 0)
    return -1;
  if (plugin_load(copy, e, &plugin) < 0) {
    unlink(copy); /* no connector: nobody will want it */
    return -1;
  }
  p->conn = plugin_connector(plugin, kind);
  if (!p->conn)
    return err_set(e, ETL_E_CONFIG, "%s: plugin %s (%s) has no %s", s->conf.origin, s->conf.plugin, s->path, plugin_kind_name(kind));
  int rc = bind(p->conn->options, &s->conf, arena, &p->secrets, &d, &p->options);
  if (rc < 0)
    diags_to_err(&d, e);
  diags_fini(&d);
  return rc;
}

int part_load(struct part *p, const struct spec_stage *s, enum etl_kind kind, const char *stage, const char *cache_dir, struct arena *arena,
              struct err *e) {
  return load(p, s, kind, stage, cache_dir, arena, options_bind, e);
}

int part_load_connection(struct part *p, const struct spec_stage *s, enum etl_kind kind, const char *stage, const char *cache_dir,
                         struct arena *arena, struct err *e) {
  return load(p, s, kind, stage, cache_dir, arena, options_bind_connection, e);
}

void part_services(struct services *s, struct part *p, const struct run_services *run, const char *lane, struct stop *stop) {
  services_init(s, run, p->conn->name, p->stage, lane, &p->secrets, stop,
                p->conn->caps & ETL_CAP_ONE_AT_A_TIME ? &p->turn : NULL);
}

int instance_open(struct instance *in, struct part *p, const struct run_services *run, const struct spec *spec, const char *lane,
                  uint32_t flags, struct stop *stop, struct err *e) {
  *in = (struct instance){.part = p};
  part_services(&in->svc, p, run, lane, stop);
  struct etl_open o = {.struct_size = sizeof o,
                       .flags = flags,
                       .host = &in->svc.host,
                       .values = p->options.values,
                       .values_n = p->options.n,
                       .pipeline = spec->pipeline,
                       .run = spec->run,
                       .lane = lane};
  int32_t rc = CALL(&in->svc, "open", p->conn->common->open(&o, &in->self));
  if (rc == ETL_OK)
    return 0;
  services_take_err(&in->svc, e);
  services_fini(&in->svc);
  in->self = NULL;
  return -1;
}

void instance_close(struct instance *in) {
  if (!in->self)
    return;
  if (services_enter(&in->svc, "close") == 0) {
    in->part->conn->common->close(in->self);
    services_leave(&in->svc, ETL_OK);
  }
  in->self = NULL;
  services_fini(&in->svc);
}

void instance_cancel(struct instance *in) {
  if (in->self && in->part->conn->common->cancel)
    in->part->conn->common->cancel(in->self);
}
