/* bind() of a transformer: what it declares is copied, and must be one stream. */
#include "engine/bind.h"

#include "etl/sdk.h"

void outlet_fini(struct outlet *o) {
  etl_schema_release(&o->schema);
  arena_free(o->arena);
  *o = (struct outlet){0};
}

const char *const *key_copy(struct arena *a, const char *const *key) {
  size_t n = 0;
  if (!key)
    return NULL;
  while (key[n])
    n++;
  const char **copy = arena_alloc(a, (n + 1) * sizeof *copy);
  for (size_t i = 0; i < n; i++)
    copy[i] = arena_strdup(a, key[i]);
  return copy;
}

static int32_t declare(void *arg, const struct etl_stream *out) {
  struct outlet *o = arg;
  o->declared++;
  etl_schema_release(&o->schema);
  if (!out->schema || etl_schema_copy(out->schema, &o->schema) < 0)
    return ETL_FAILED;
  o->stream = (struct etl_stream){.struct_size = sizeof o->stream,
                                  .flags = out->flags,
                                  .name = arena_strdup(o->arena, out->name),
                                  .schema = &o->schema,
                                  .key = key_copy(o->arena, out->key)};
  return ETL_OK;
}

int outlet_bind(struct outlet *o, struct instance *transformer, const struct etl_stream *in, struct err *e) {
  struct services *svc = &transformer->svc;
  const struct etl_transformer *api = part_transformer(transformer->part);
  outlet_fini(o);
  o->arena = arena_new();
  if (CALL(svc, "bind", api->bind(transformer->self, in, declare, o)) != ETL_OK)
    return services_take_err(svc, e);
  if (o->declared != 1)
    return err_set(e, ETL_E_UNSUPPORTED, "transformer %s declares %d output streams for %s; this version takes exactly one",
                   svc->connector, o->declared, in->name);
  if (!o->stream.name)
    o->stream.name = arena_strdup(o->arena, in->name);
  return 0;
}
