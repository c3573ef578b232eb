/* What `etl plan` shows of a lane: its file, how it is written, and the types that were found. */
#include <stdio.h>

#include "extract.h"

static void tell_shape(struct etl_telling *t, const struct instance *in, const struct shape *shape, const struct source *src) {
  char text[400], delimiter[16];
  if (shape->delimiter == '\t')
    snprintf(delimiter, sizeof delimiter, "tab");
  else
    snprintf(delimiter, sizeof delimiter, "\"%c\"", shape->delimiter);
  if (in->format->csv)
    snprintf(text, sizeof text, "%s: delimiter %s, %s, %zu columns; packed: %s; encoding: %s; types from %llu rows of it", src->path, delimiter,
             shape->header ? "with a header" : "without a header", shape->fields, compression_names[src->compression],
             src->encoding[0] ? src->encoding : "UTF-8", (unsigned long long)shape->rows);
  else
    snprintf(text, sizeof text, "%s: packed: %s; encoding: %s; types from %llu rows of it", src->path, compression_names[src->compression],
             src->encoding[0] ? src->encoding : "UTF-8", (unsigned long long)shape->rows);
  etl_tell(t, ETL_EXPLAIN_NOTE, 0, NULL, NULL, NULL, text);
}

static void tell_place(struct etl_telling *t, const struct instance *in, const struct position *p, enum verdict verdict, bool cursor) {
  char text[200];
  if (!cursor)
    snprintf(text, sizeof text, "it is read from its beginning");
  else if (verdict == VERDICT_FINISHED)
    snprintf(text, sizeof text, "it was read to its end, and there is nothing new in it");
  else if (verdict == VERDICT_AGAIN)
    snprintf(text, sizeof text, "it changed since it was read, and is read from its beginning");
  else
    snprintf(text, sizeof text, "it is read on from line %llu", (unsigned long long)p->line);
  etl_tell(t, ETL_EXPLAIN_NOTE, verdict == VERDICT_AGAIN && cursor ? ETL_EXPLAIN_WARN : 0, NULL, NULL, NULL, text);
  if (in->settings.follow)
    etl_tell(t, ETL_EXPLAIN_NOTE, 0, NULL, NULL, NULL,
             "what is added to it later is read by later runs; a last line without a newline is left for then");
}

static void tell_types(struct etl_telling *t, const struct layout *l, const struct ArrowSchema *schema) {
  for (size_t i = 0; i < l->n; i++) {
    const struct column *c = &l->list[i];
    char name[48], from[96];
    type_name(&c->type, name, sizeof name);
    snprintf(from, sizeof from, "%s (%s)", name, c->forced ? "named in `columns`" : c->guess.seen ? "guessed" : "no value seen");
    etl_tell(t, ETL_EXPLAIN_TYPE, 0, c->name, from, schema->children[i]->format, NULL);
  }
}

/* A file that is read once only is looked at by the run alone. */
static int explain_file(struct etl_telling *t, struct instance *in, const struct file *file, struct etl_bytes cursor,
                        const struct ArrowSchema *schema, struct failure *f) {
  const struct settings *s = &in->settings;
  struct source src;
  struct position p = {0};
  enum verdict verdict = VERDICT_AGAIN;
  if (source_open(&src, in->host, file->path, s->compression, s->encoding, f) < 0)
    return -1;
  int rc = 0;
  if (cursor.p)
    rc = position_decode(&p, cursor, f) < 0 ? -1 : position_judge(&p, src.fd, file->path, s->follow, s->reload, &verdict, f);
  if (rc == 0) {
    tell_shape(t, in, &in->shapes[file - in->files.list], &src);
    tell_place(t, in, &p, verdict, cursor.p != NULL);
    tell_types(t, &in->layout, schema);
  }
  source_close(&src);
  return rc;
}

static int32_t explain(void *self, const struct etl_stream *stream, const struct etl_shard *shard, struct etl_bytes cursor,
                       struct ArrowSchema *schema, int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg) {
  struct instance *in = self;
  struct etl_telling t = {.each = each, .arg = arg, .rc = ETL_OK};
  struct failure f = {0};
  (void)stream;
  const struct file *file = files_find(&in->files, shard->id);
  int rc = file ? 0 : failure_set(&f, ETL_E_CONFIG, "path", "check `path`", "no file of `path` is the shard \"%s\"", shard->id);
  if (rc == 0 && file->once)
    rc = failure_set(&f, ETL_E_UNSUPPORTED, "path", "run it", "%s can be read but once, so its columns are not known before the run", file->path);
  if (rc == 0)
    rc = extract_sample(in, in->host, &f);
  if (rc == 0)
    rc = shape_check(&in->shapes[file - in->files.list], file->path, &f);
  if (rc == 0 && layout_schema(&in->layout, schema) < 0)
    rc = failure_memory(&f, "a schema");
  if (rc == 0 && explain_file(&t, in, file, cursor, schema, &f) < 0) {
    etl_schema_release(schema);
    rc = -1;
  }
  return rc < 0 ? failure_report(in->host, &f) : t.rc;
}

const struct etl_explain extract_explain = {.struct_size = sizeof extract_explain, .explain = explain};
