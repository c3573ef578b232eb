/* The entry: loads the real connector from ETL_FAULT_DIR, reads ETL_FAULT, and puts our tables over its own.  An instance remembers the
 * real one behind it, so that calls can be handed on. */
#include "wrapper.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

ETL_NOTE(FAULT_NAME, "0-fault", FAULT_KINDS, 0);

enum { CONNECTORS_MAX = 4 };
struct faults wrapper_faults;
static const struct etl_connector *real_connectors[CONNECTORS_MAX];

static const struct etl_explain *real_explain(struct wrapped *w) {
  return (const struct etl_explain *)w->common->ext(w->self, ETL_EXT_EXPLAIN);
}
static int32_t explain(void *self, const struct etl_stream *stream, const struct etl_shard *shard, struct etl_bytes cursor,
                       struct ArrowSchema *schema, int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg) {
  struct wrapped *w = self;
  return real_explain(w)->explain(w->self, stream, shard, cursor, schema, each, arg);
}
static const struct etl_explain explain_table = {.struct_size = sizeof explain_table, .explain = explain};

static const struct etl_quarantine *real_quarantine(struct wrapped *w) {
  return (const struct etl_quarantine *)w->common->ext(w->self, ETL_EXT_QUARANTINE);
}
static int32_t list(void *self, uint64_t after, uint64_t limit, int32_t (*each)(void *arg, const struct etl_kept *), void *arg) {
  struct wrapped *w = self;
  return real_quarantine(w)->list(w->self, after, limit, each, arg);
}
static int32_t drop(void *self, const uint64_t *ids, uint64_t n, uint64_t *ret_dropped) {
  struct wrapped *w = self;
  return real_quarantine(w)->drop(w->self, ids, n, ret_dropped);
}
static const struct etl_quarantine quarantine_table = {.struct_size = sizeof quarantine_table, .list = list, .drop = drop};

static const struct etl_readback *real_readback(struct wrapped *w) {
  return (const struct etl_readback *)w->common->ext(w->self, ETL_EXT_READBACK);
}
static int32_t describe(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_readback_source *), void *arg) {
  struct wrapped *w = self;
  return real_readback(w)->describe(w->self, stream, each, arg);
}
static const struct etl_readback readback_table = {.struct_size = sizeof readback_table, .describe = describe};

static int32_t open_connector(unsigned i, const struct etl_open *o, void **self) {
  const struct etl_connector *c = real_connectors[i];
  struct fault *after;
  int32_t status = faults_before(&wrapper_faults, FAULT_OPEN, o->lane, o->host, &after);
  if (status != ETL_OK)
    return status;
  struct wrapped *w = calloc(1, sizeof *w);
  if (!w)
    return ETL_FAILED;
  w->common = c->common;
  w->api = c->api;
  w->host = o->host;
  snprintf(w->lane, sizeof w->lane, "%s", o->lane ? o->lane : "");
  status = c->common->open(o, &w->self);
  if (status != ETL_OK) {
    free(w);
    return status;
  }
  *self = w;
  return faults_after(after, o->host, ETL_OK);
}
/* open() is not told which connector it is for: one function each */
static int32_t open_0(const struct etl_open *o, void **self) { return open_connector(0, o, self); }
static int32_t open_1(const struct etl_open *o, void **self) { return open_connector(1, o, self); }
static int32_t open_2(const struct etl_open *o, void **self) { return open_connector(2, o, self); }
static int32_t open_3(const struct etl_open *o, void **self) { return open_connector(3, o, self); }
static int32_t (*const opens[CONNECTORS_MAX])(const struct etl_open *, void **) = {open_0, open_1, open_2, open_3};

static int32_t check(void *self) {
  struct wrapped *w = self;
  return w->common->check(w->self);
}
static void cancel(void *self) {
  struct wrapped *w = self;
  w->common->cancel(w->self);
}
static void close_(void *self) {
  struct wrapped *w = self;
  struct fault *after;
  (void)faults_before(&wrapper_faults, FAULT_CLOSE, w->lane, w->host, &after); /* it cannot fail */
  w->common->close(w->self);
  free(w);
}
static const void *ext(void *self, const char *id) {
  struct wrapped *w = self;
  if (w && strcmp(id, ETL_EXT_QUARANTINE) == 0)
    return real_quarantine(w) ? &quarantine_table : NULL;
  if (w && strcmp(id, ETL_EXT_READBACK) == 0)
    return real_readback(w) ? &readback_table : NULL;
  if (w && strcmp(id, ETL_EXT_CAPTURE) == 0)
    return wrapper_capture(w);
  if (strcmp(id, ETL_EXT_EXPLAIN) != 0)
    return NULL; /* an unknown table's functions take the real `self` */
  return w && real_explain(w) ? &explain_table : NULL;
}

static const void *wrap_api(const struct etl_connector *c) {
  switch (c->kind) {
  case ETL_KIND_EXTRACTOR: return wrapper_extractor(c->api);
  case ETL_KIND_TRANSFORMER: return wrapper_transformer(c->api);
  default: return wrapper_loader(c->api);
  }
}

const struct etl_plugin *etl_plugin_v1(uint32_t host_major, uint32_t host_minor) {
  static struct etl_plugin plugin;
  static struct etl_connector connectors[CONNECTORS_MAX];
  static struct etl_common commons[CONNECTORS_MAX];
  static const struct etl_connector *list[CONNECTORS_MAX + 1];
  char path[4096];
  const char *dir = getenv("ETL_FAULT_DIR");
  snprintf(path, sizeof path, "%s/%s.so", dir ? dir : "", FAULT_NAME);
  void *so = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  etl_plugin_fn entry = so ? (etl_plugin_fn)dlsym(so, ETL_ENTRY_NAME) : NULL;
  const struct etl_plugin *real = entry ? entry(host_major, host_minor) : NULL;
  if (!real) {
    fprintf(stderr, "fault: no connector behind ETL_FAULT_DIR: %s\n", so ? path : dlerror());
    return NULL;
  }
  wrapper_faults.n = 0;
  for (unsigned i = 0; real->connectors[i] && i < CONNECTORS_MAX; i++) {
    const struct etl_connector *c = real_connectors[i] = real->connectors[i];
    if (faults_parse(getenv("ETL_FAULT"), (enum etl_kind)c->kind, &wrapper_faults) < 0)
      return NULL;
    commons[i] = (struct etl_common){.struct_size = sizeof commons[i], .open = opens[i], .check = c->common->check ? check : NULL,
                                     .cancel = c->common->cancel ? cancel : NULL, .close = close_, .ext = c->common->ext ? ext : NULL};
    connectors[i] = *c;
    connectors[i].common = &commons[i];
    connectors[i].api = wrap_api(c);
    list[i] = &connectors[i];
  }
  plugin = *real;
  plugin.connectors = list;
  return &plugin;
}
