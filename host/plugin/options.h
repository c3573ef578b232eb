/* plugin/options.h: settings as written, put into the connector's own option table: parsed, converted, range-checked. */
#ifndef HOST_PLUGIN_OPTIONS_H
#define HOST_PLUGIN_OPTIONS_H

#include "base/diag.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "etl/plugin.h"

/* Secrets of one stage: reference to text.  Wiped by secrets_fini(). */
struct secrets {
  char **texts;
  size_t n;
};
void secrets_fini(struct secrets *s);
/* "secret:N" to its text, or NULL. */
const char *secrets_get(const struct secrets *s, const char *ref);

struct bound_options {
  const struct etl_value **values;
  uint64_t n;
};
/* Every mistake goes into d with file:line and the nearest valid name.  Values live in arena.  0, or -1 if d got an error. */
int options_bind(const struct etl_option *const *options, const struct conf_stage *stage, struct arena *arena, struct secrets *secrets,
                 struct diags *d, struct bound_options *ret_bound);

#endif
