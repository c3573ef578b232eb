/* bind() of a transformer: what it declares is copied. */
#include "engine/bind.h"

#include <string.h>

#include "etl/sdk.h"

void outlet_fini(struct outlet *o) {
  for (size_t i = 0; i < o->n; i++)
    etl_schema_release((struct ArrowSchema *)(uintptr_t)o->streams[i]->schema);
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

struct binding {
  struct outlet *o;
  const char *in;   /* name of what goes in */
  const char *twice; /* a name that was declared twice */
};

static int32_t declare(void *arg, const struct etl_stream *out) {
  struct binding *b = arg;
  struct outlet *o = b->o;
  const char *name = out->name ? out->name : b->in;
  struct ArrowSchema *schema = arena_alloc(o->arena, sizeof *schema);
  for (size_t i = 0; i < o->n; i++)
    if (strcmp(o->streams[i]->name, name) == 0) {
      b->twice = o->streams[i]->name;
      return ETL_FAILED;
    }
  if (!out->schema || etl_schema_copy(out->schema, schema) < 0)
    return ETL_FAILED;
  struct etl_stream *stream = arena_alloc(o->arena, sizeof *stream);
  *stream = (struct etl_stream){.struct_size = sizeof *stream,
                                .flags = out->flags,
                                .name = arena_strdup(o->arena, name),
                                .schema = schema,
                                .key = key_copy(o->arena, out->key)};
  o->streams = arena_more(o->arena, o->streams, o->n, sizeof *o->streams);
  o->streams[o->n++] = stream;
  return ETL_OK;
}

int outlet_bind(struct outlet *o, struct instance *transformer, const struct etl_stream *in, struct err *e) {
  struct services *svc = &transformer->svc;
  const struct etl_transformer *api = part_transformer(transformer->part);
  struct binding b = {.o = o, .in = in->name};
  outlet_fini(o);
  o->arena = arena_new();
  int32_t rc = CALL(svc, "bind", api->bind(transformer->self, in, declare, &b));
  if (b.twice)
    return err_set(e, ETL_E_INTERNAL, "transformer %s declares the stream '%s' twice for %s", svc->connector, b.twice, in->name);
  if (rc != ETL_OK)
    return services_take_err(svc, e);
  if (o->n == 0)
    return err_set(e, ETL_E_INTERNAL, "transformer %s declares no output for %s", svc->connector, in->name);
  return 0;
}
