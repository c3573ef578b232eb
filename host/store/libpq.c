/* Loading libpq. */
#include "store/libpq.h"

#include <dlfcn.h>
#include <string.h>

int libpq_load(struct libpq *ret, struct err *e) {
  static const char file[] = "libpq.so.5";
  void *lib = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (!lib) {
    err_set(e, ETL_E_CONFIG, "a state store in PostgreSQL needs %s, which cannot be loaded: %s", file, dlerror());
    return err_remedy(e, "install it: apt-get install libpq5");
  }
  const char *missing = NULL;
  void *at;
#define LIBPQ_FIND(name)                               \
  if ((at = dlsym(lib, #name)))                        \
    memcpy(&ret->name, &at, sizeof at);                \
  else                                                 \
    missing = #name;
  LIBPQ_FUNCTIONS(LIBPQ_FIND)
#undef LIBPQ_FIND
  return missing ? err_set(e, ETL_E_CONFIG, "%s has no %s: it is too old for a state store in PostgreSQL", file, missing) : 0;
}
