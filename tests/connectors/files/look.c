/* What a plan and a catalog tell. */
#include <stdio.h>

#include "desk.h"
#include "tap.h"

struct heard {
  char text[4096];
  size_t n;
};
__attribute__((format(printf, 2, 3))) static void hear(struct heard *h, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  h->n += (size_t)vsnprintf(h->text + h->n, h->n < sizeof h->text ? sizeof h->text - h->n : 0, fmt, ap);
  va_end(ap);
}

static int32_t each_item(void *arg, const struct etl_explain_item *i) {
  hear(arg, "%s%s%s%s%s%s%s|", i->flags & ETL_EXPLAIN_WARN ? "!" : "", i->subject ? i->subject : "", i->subject ? " " : "", i->from ? i->from : "",
       i->from ? " to " : "", i->to ? i->to : "", i->text ? i->text : "");
  return ETL_OK;
}
static int32_t each_file(void *arg, const struct etl_stream *s) {
  hear(arg, "%s (%s)", s->name, s->doc);
  for (int64_t i = 0; s->schema && i < s->schema->n_children; i++)
    hear(arg, " %s:%s", s->schema->children[i]->name, s->schema->children[i]->format);
  hear(arg, "|");
  return ETL_OK;
}
static int32_t no_stream(void *arg, const struct etl_stream *s) {
  (void)arg;
  (void)s;
  return ETL_OK;
}

static void *open_it(struct desk *d, struct testopts **ret, enum etl_kind kind, uint32_t flags, const char *option, const char *value,
                     const struct etl_connector **ret_connector) {
  void *self;
  char text[256];
  const struct etl_connector *c = testhost_connector(d->connector, kind);
  *ret = testopts_new(&d->t, c->options);
  desk_expand(d, value, text, sizeof text);
  testopts_set(*ret, option, text);
  *ret_connector = c;
  return testopts_open(*ret, c, "p", "r1", NULL, flags, &self) == ETL_OK ? self : NULL;
}

static void plan(struct tap *t) {
  struct desk d;
  struct heard h = {0};
  struct testopts *o;
  struct ArrowSchema schema = {0};
  struct etl_stream stream = {.struct_size = sizeof stream, .name = "a"};
  struct etl_shard shard = {.struct_size = sizeof shard, .id = "a.csv"};
  const struct etl_connector *c;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a.csv", "id;name\n1;x\n");
  void *self = open_it(&d, &o, ETL_KIND_EXTRACTOR, 0, "path", "@/*.csv", &c);
  const struct etl_explain *explain = c->common->ext(self, ETL_EXT_EXPLAIN);
  CHECK(t, self && ((const struct etl_extractor *)c->api)->discover(self, no_stream, NULL) == ETL_OK);
  CHECK(t, explain->explain(self, &stream, &shard, (struct etl_bytes){0}, &schema, each_item, &h) == ETL_OK);
  CHECK_HAS(t, h.text, "a.csv: delimiter \";\", with a header, 2 columns; packed: none; encoding: UTF-8; types from 1 rows of it|");
  CHECK_HAS(t, h.text, "|it is read from its beginning|id int64 (guessed) to l|name text (guessed) to u|");
  CHECK(t, schema.n_children == 2);
  c->common->close(self);
  testopts_free(o);
  self = open_it(&d, &o, ETL_KIND_LOADER, ETL_OPEN_TEST, "path", "@/out/t.csv.gz", &c);
  explain = c->common->ext(self, ETL_EXT_EXPLAIN);
  h.n = 0;
  CHECK(t, self && c->common->check(self) == ETL_OK);
  CHECK(t, explain->explain(self, &stream, NULL, (struct etl_bytes){0}, &schema, each_item, &h) == ETL_OK);
  CHECK_HAS(t, h.text, "out/t-SHARD-000001.csv.gz; packed: gzip|");
  desk_shell(&d, "test ! -e out");
  c->common->close(self);
  testopts_free(o);
  etl_schema_release(&schema);
  desk_fini(&d);
}

static void catalog(struct tap *t) {
  struct desk d;
  struct heard h = {0};
  struct testopts *o;
  const struct etl_connector *c;
  desk_init(&d, "csv");
  DESK_TEXT(&d, "b/a.csv", "id,name\n1,x\n");
  DESK_TEXT(&d, "a.tsv", "k\tv\n1\t2.5\n");
  DESK_TEXT(&d, "notes.txt", "x\n");
  DESK_TEXT(&d, "stra\xdf" "e.txt", "x\n");
  DESK_TEXT(&d, ".hidden/a.csv", "x\n");
  void *self = open_it(&d, &o, ETL_KIND_EXTRACTOR, ETL_OPEN_TEST | ETL_OPEN_CONNECTION, "folder", "@", &c);
  const struct etl_catalog *catalog_ = c->common->ext(self, ETL_EXT_CATALOG);
  CHECK(t, self && c->common->check(self) == ETL_OK);
  CHECK(t, catalog_->list(self, NULL, 1, each_file, &h) == ETL_OK);
  CHECK_TEXT(t, h.text, "a.tsv (10 bytes) k:l v:d:38,1|b/a.csv (12 bytes) id:l name:u|");
  h.n = 0;
  CHECK(t, catalog_->list(self, "*.txt", 0, each_file, &h) == ETL_OK);
  CHECK_TEXT(t, h.text, "notes.txt (2 bytes)|stra%DFe.txt (2 bytes)|");
  c->common->close(self);
  testopts_free(o);
  self = open_it(&d, &o, ETL_KIND_EXTRACTOR, ETL_OPEN_TEST | ETL_OPEN_CONNECTION, "folder", "@/none", &c);
  CHECK(t, self && c->common->check(self) == ETL_FAILED && d.t.error.vendor_code == 2);
  c->common->close(self);
  testopts_free(o);
  desk_fini(&d);
}

static int32_t each_source(void *arg, const struct etl_readback_source *s) {
  hear(arg, "%s", strrchr(s->target, '/') + 1);
  return ETL_OK;
}

/* Where to read a stream back: "" where its files cannot be told from others. */
static void readback(struct tap *t, const char *mode, const char *path, const char *stream, uint32_t flags, const char *want, const char *why) {
  struct desk d;
  struct heard h = {0};
  const struct etl_connector *c;
  struct etl_stream s = {.struct_size = sizeof s, .flags = flags, .name = stream};
  desk_init(&d, "csv");
  DESK_TEXT(&d, "a-0-000001.csv", "id\n1\n");
  DESK_TEXT(&d, "a-b-0-000001.csv", "id\n1\n");
  DESK_TEXT(&d, ".etl-p/lock", "");
  DESK_TEXT(&d, ".etl-p/manifest.json",
            "{\"version\": 1, \"owner\": 1, \"run\": \"r1\", \"moves\": [], \"lanes\": [{\"scope\": \"\", \"stream\": \"a-b\", \"shard\": \"0\"}, "
            "{\"scope\": \"\", \"stream\": \"a\", \"shard\": \"0\"}]}");
  c = testhost_connector("csv", ETL_KIND_LOADER);
  struct testopts *o = testopts_new(&d.t, c->options);
  char text[256];
  desk_expand(&d, path, text, sizeof text);
  testopts_set(o, "path", text);
  testopts_set(o, "mode", mode);
  void *self;
  CHECK(t, testopts_open(o, c, "p", "r1", NULL, 0, &self) == ETL_OK);
  const struct etl_readback *back = c->common->ext(self, ETL_EXT_READBACK);
  int32_t rc = back->describe(self, &s, each_source, &h);
  bool ok = (rc == ETL_OK) == !why && strcmp(h.text, want) == 0 && (!why || strstr(d.t.message, why));
  tap_check(t, ok, __FILE__, __LINE__, "%s %s of %s: %s %s", mode, path, stream, h.text, d.t.message);
  c->common->close(self);
  testopts_free(o);
  desk_fini(&d);
}

int main(void) {
  struct tap t = {0};
  plan(&t);
  catalog(&t);
  readback(&t, "append", "@/{stream}.csv", "a", 0, "", "has the name of one of the stream \"a-b\"");
  readback(&t, "append", "@/{stream}.csv", "a-b", 0, "a-b-*-*.csv", NULL);
  readback(&t, "append", "@/x{stream}.csv", "a", 0, "xa-*-*.csv", NULL);
  readback(&t, "append", "@/{stream}_{run}.csv", "a", 0, "a_*-*-*.csv", NULL);
  readback(&t, "append", "@/{stream}_{run}.csv", "a", ETL_STREAM_WHOLE, "", "one run's rows cannot be told");
  readback(&t, "replace", "@/{stream}_{run}.csv", "a", 0, "", "one run's rows cannot be told");
  return tap_end(&t);
}
