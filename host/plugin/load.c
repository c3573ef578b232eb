/* Loading a connector and looking at its descriptor before anything of it is believed. */
#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "plugin/options.h"
#include "plugin/registry.h"

/* Callbacks that must be there, and the last field of each struct in ABI 1.0. */
struct callback {
  uint32_t kind; /* 0: of struct etl_common, for all kinds */
  uint64_t caps; /* only with this capability; 0: always */
  size_t offset;
  const char *name;
};
#define C(field_)                                                                                                                  \
  { 0, 0, offsetof(struct etl_common, field_), #field_ }
#define F(K_, t_, f_)                                                                                                              \
  { ETL_KIND_##K_, 0, offsetof(struct t_, f_), #f_ }
#define FC(K_, c_, t_, f_)                                                                                                         \
  { ETL_KIND_##K_, c_, offsetof(struct t_, f_), #f_ }
static const struct callback callbacks[] = {C(open),
                                            C(close),
                                            F(EXTRACTOR, etl_extractor, discover),
                                            F(EXTRACTOR, etl_extractor, reader_open),
                                            F(EXTRACTOR, etl_extractor, next),
                                            F(EXTRACTOR, etl_extractor, reader_close),
                                            F(TRANSFORMER, etl_transformer, bind),
                                            F(TRANSFORMER, etl_transformer, process),
                                            F(LOADER, etl_loader, prepare),
                                            F(LOADER, etl_loader, begin),
                                            F(LOADER, etl_loader, write),
                                            F(LOADER, etl_loader, commit),
                                            F(LOADER, etl_loader, abort),
                                            FC(LOADER, ETL_CAP_STORES_CURSOR, etl_loader, claim),
                                            FC(LOADER, ETL_CAP_STORES_CURSOR, etl_loader, committed)};

#define END(t_, f_) (offsetof(struct t_, f_) + sizeof(((struct t_ *)0)->f_))
static const size_t api_sizes[] = {[ETL_KIND_EXTRACTOR] = END(etl_extractor, split),
                                   [ETL_KIND_TRANSFORMER] = END(etl_transformer, flush),
                                   [ETL_KIND_LOADER] = END(etl_loader, reject)};

__attribute__((format(printf, 3, 4))) static int reject(struct err *e, const char *path, const char *fmt, ...) {
  char why[1024];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(why, sizeof why, fmt, ap);
  va_end(ap);
  err_set(e, ETL_E_INTERNAL, "the connector %s cannot be used: %s", path, why);
  return err_remedy(e, "this is a mistake in the connector: tell its author, or use another release of it");
}

static bool missing(const void *table, size_t offset) {
  void *fn;
  memcpy(&fn, (const char *)table + offset, sizeof fn);
  return fn == NULL;
}

static int check_callbacks(const struct etl_connector *c, const char *path, struct err *e) {
  for (size_t i = 0; i < sizeof callbacks / sizeof *callbacks; i++) {
    const struct callback *b = &callbacks[i];
    const void *table = b->kind ? c->api : (const void *)c->common;
    if ((b->kind == 0 || b->kind == c->kind) && (c->caps & b->caps) == b->caps && missing(table, b->offset))
      return reject(e, path, "its %s '%s' lacks the function %s()", plugin_kind_name(c->kind), c->name, b->name);
  }
  return 0;
}

static int check_connector(const struct etl_connector *c, const char *path, struct err *e) {
  if (!ETL_HAS(c, etl_connector, api))
    return reject(e, path, "a descriptor is shorter than ABI 1.0 has it (struct_size %u)", c->struct_size);
  if (c->kind < ETL_KIND_EXTRACTOR || c->kind > ETL_KIND_LOADER)
    return 0; /* of a later ABI: not looked at */
  if (!c->name || !c->version || !c->summary)
    return reject(e, path, "its %s has no name, version or summary", plugin_kind_name(c->kind));
  if (!c->common || !c->api || !ETL_HAS(c->common, etl_common, ext))
    return reject(e, path, "its %s '%s' has no functions", plugin_kind_name(c->kind), c->name);
  uint32_t size;
  memcpy(&size, c->api, sizeof size); /* struct_size is first in all of them */
  if (size < api_sizes[c->kind])
    return reject(e, path, "the functions of its %s '%s' are fewer than in ABI 1.0 (struct_size %u)", plugin_kind_name(c->kind),
                  c->name, size);
  struct err why;
  if (options_check(c->options, &why) < 0)
    return reject(e, path, "%s '%s': %s", plugin_kind_name(c->kind), c->name, why.message);
  return check_callbacks(c, path, e);
}

static int check_plugin(const struct etl_plugin *p, const char *path, struct err *e) {
  if (p->magic != ETL_MAGIC)
    return reject(e, path, "what " ETL_ENTRY_NAME "() gave is no descriptor (magic %016llx)", (unsigned long long)p->magic);
  if (!ETL_HAS(p, etl_plugin, connectors))
    return reject(e, path, "its descriptor is shorter than ABI 1.0 has it (struct_size %u)", p->struct_size);
  if (p->abi_major != ETL_ABI_MAJOR || p->abi_minor_needed > ETL_ABI_MINOR)
    return reject(e, path, "its descriptor is for ABI %u.%u, and this host has %u.%u", p->abi_major, p->abi_minor_needed,
                  ETL_ABI_MAJOR, ETL_ABI_MINOR);
  if (!p->name || !p->version || !p->connectors || !p->connectors[0])
    return reject(e, path, "its descriptor has no name, version or connectors");
  uint32_t seen = 0;
  for (const struct etl_connector *const *c = p->connectors; *c; c++) {
    if (check_connector(*c, path, e) < 0)
      return -1;
    uint32_t bit = (*c)->kind <= ETL_KIND_LOADER ? 1u << (*c)->kind : 0;
    if (seen & bit)
      return reject(e, path, "it holds two connectors of the kind %s, and one file may hold one", plugin_kind_name((*c)->kind));
    seen |= bit;
  }
  return 0;
}

int plugin_load(const char *path, struct err *e, const struct etl_plugin **ret_plugin) {
  void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *why = dlerror();
    err_set(e, ETL_E_CONFIG, "the connector %s cannot be loaded: %s", path, why ? why : "no reason given");
    return err_remedy(e, "install the libraries it needs (ldd %s shows those missing), or build it anew", path);
  }
  void *symbol = dlsym(handle, ETL_ENTRY_NAME);
  if (!symbol)
    return reject(e, path, "it does not export " ETL_ENTRY_NAME "()");
  etl_plugin_fn entry;
  memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from object to function pointer */
  const struct etl_plugin *p = entry(ETL_ABI_MAJOR, ETL_ABI_MINOR);
  if (!p) {
    err_set(e, ETL_E_CONFIG, "the connector %s refuses this host (ABI %u.%u)", path, ETL_ABI_MAJOR, ETL_ABI_MINOR);
    return err_remedy(e, "use a release of the connector that goes with etl " ETL_VERSION);
  }
  if (check_plugin(p, path, e) < 0)
    return -1;
  *ret_plugin = p;
  return 0;
}

const struct etl_connector *plugin_connector(const struct etl_plugin *p, enum etl_kind kind) {
  for (const struct etl_connector *const *c = p->connectors; *c; c++)
    if ((*c)->kind == kind)
      return *c;
  return NULL;
}
