/* From the extractor's schema through the transformers to the loader. */
#include "engine/walk.h"

#include "engine/bind.h"
#include "etl/sdk.h"

const struct etl_explain *explain_of(const struct instance *in) {
  const struct etl_common *c = in->part->conn->common;
  return c->ext ? c->ext(in->self, ETL_EXT_EXPLAIN) : NULL;
}

static int32_t no_item(void *arg, const struct etl_explain_item *i) {
  (void)arg, (void)i;
  return ETL_OK;
}

int walk_source(struct instance *in, const struct lane *l, const struct walk *w, struct ArrowSchema *ret_schema, struct err *e) {
  const struct etl_explain *extract = explain_of(in);
  struct etl_stream stream = {.struct_size = sizeof stream, .flags = l->stream_flags, .name = l->stream, .key = l->key};
  struct etl_shard shard = {.struct_size = sizeof shard, .id = l->source_shard, .token = l->token, .est_rows = -1, .est_bytes = -1};
  bool whole = l->stream_flags & ETL_STREAM_WHOLE;
  struct etl_bytes cursor = whole || !l->at.cursor.p ? l->start : l->at.cursor;
  if (extract && CALL(&in->svc, "explain",
                      extract->explain(in->self, &stream, &shard, cursor, ret_schema, w->item ? w->item : no_item, w->arg)) != ETL_OK)
    return services_take_err(&in->svc, e);
  return 0;
}

static int walk_on(struct run *r, struct walk *w, const struct etl_stream *stream, size_t i, struct err *e) {
  const struct spec *spec = r->spec;
  struct outlet o = {0};
  i = spec_transform_for(spec, i, stream->name);
  w->asked = i < spec->transforms_n ? &r->transforms[i] : &r->load;
  if (i == spec->transforms_n)
    return w->out(w->arg, stream, e);
  int rc = outlet_bind(&o, &r->transformers[i], stream, e);
  for (size_t k = 0; k < o.n && rc == 0; k++) {
    if (w->made)
      rc = w->made(w->arg, i, o.n, stream, o.streams[k], e);
    if (rc == 0)
      rc = walk_on(r, w, o.streams[k], i + 1, e);
  }
  outlet_fini(&o);
  return rc;
}

int walk_from(struct run *r, const struct lane *l, struct walk *w, const struct ArrowSchema *schema, struct err *e) {
  struct etl_stream stream = {.struct_size = sizeof stream, .flags = l->stream_flags, .name = l->stream, .schema = schema, .key = l->key};
  w->asked = &r->extract;
  return schema->release ? walk_on(r, w, &stream, 0, e) : 0;
}

int walk_lane(struct run *r, const struct lane *l, struct walk *w, struct err *e) {
  struct ArrowSchema schema = {0};
  w->asked = &r->extract;
  int rc = walk_source(&r->extractor, l, w, &schema, e);
  if (rc == 0)
    rc = walk_from(r, l, w, &schema, e);
  etl_schema_release(&schema);
  return rc;
}
