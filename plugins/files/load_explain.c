/* What `etl plan` shows of a loader: the names of its files, where their manifest is, and the types that text alone does not tell. */
#include <stdio.h>
#include <stdlib.h>

#include "load.h"

static void tell_place(struct etl_telling *t, const struct loader *l, const char *stream) {
  const struct write_settings *s = &l->settings;
  char text[1400];
  if (s->standard_output) {
    etl_tell(t, ETL_EXPLAIN_NOTE, ETL_EXPLAIN_WARN, NULL, NULL, NULL,
             "rows go to standard output, which remembers nothing: after a failure they come again");
    return;
  }
  char *name = write_name(s, stream, "SHARD", "RUN", 1, 1);
  snprintf(text, sizeof text, s->replace ? "%.600s takes the place of the old one when the run has succeeded; packed: %s"
                                         : "each commit makes a new file such as %.600s; packed: %s",
           name ? name : s->path, compression_names[s->compression]);
  free(name);
  etl_tell(t, ETL_EXPLAIN_NOTE, 0, NULL, NULL, NULL, text);
  snprintf(text, sizeof text, "what is committed is remembered in %.600s", l->manifest.folder);
  etl_tell(t, ETL_EXPLAIN_NOTE, 0, NULL, NULL, NULL, text);
}

/* Types that a reader takes for another unless it is told. */
static void tell_types(struct etl_telling *t, const struct loader *l, const struct ArrowSchema *schema) {
  static const struct {
    enum etl_logical logical;
    const char *name;
  } told[] = {{ETL_L_BINARY, "hexadecimal text"}, {ETL_L_UUID, "text"}, {ETL_L_TIME, "text"}, {ETL_L_JSON, "text"}};
  for (int64_t i = 0; i < schema->n_children; i++) {
    const struct ArrowSchema *c = schema->children[i];
    struct etl_format f;
    uint64_t n = 0;
    const char *meta = etl_schema_meta(c, ETL_META_SOURCE_TYPE, &n);
    char from[64];
    snprintf(from, sizeof from, "%.*s", meta ? (int)(n < 60 ? n : 60) : 60, meta ? meta : c->format);
    if (etl_format_parse(c, &f) < 0) {
      etl_tell(t, ETL_EXPLAIN_TYPE, ETL_EXPLAIN_WARN, c->name, from, "none",
               "a run would fail: cast it with the transformer columns, or leave it out");
      continue;
    }
    for (size_t k = 0; k < sizeof told / sizeof *told; k++)
      if (told[k].logical == f.logical && (f.logical != ETL_L_JSON || l->format->csv))
        etl_tell(t, ETL_EXPLAIN_TYPE, 0, c->name, from, told[k].name, "a reader that guesses types sees text");
  }
}

static int32_t explain(void *self, const struct etl_stream *stream, const struct etl_shard *shard, struct etl_bytes cursor,
                       struct ArrowSchema *schema, int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg) {
  const struct loader *l = self;
  struct etl_telling t = {.each = each, .arg = arg, .rc = ETL_OK};
  (void)shard;
  (void)cursor;
  tell_place(&t, l, stream->name);
  tell_types(&t, l, schema);
  return t.rc;
}

static const struct etl_explain loader_explain = {.struct_size = sizeof loader_explain, .explain = explain};

const void *loader_ext(void *self, const char *id) {
  (void)self;
  return strcmp(id, ETL_EXT_EXPLAIN) == 0 ? (const void *)&loader_explain : strcmp(id, ETL_EXT_READBACK) == 0 ? &loader_readback : NULL;
}
