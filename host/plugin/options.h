/* plugin/options.h: settings as written, put into the connector's own option table: parsed, converted, range-checked. */
#ifndef HOST_PLUGIN_OPTIONS_H
#define HOST_PLUGIN_OPTIONS_H

#include "base/diag.h"
#include "base/err.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "etl/plugin.h"

/* Secrets of one stage: reference to text.  Wiped by secrets_fini(). */
struct secrets {
  char **texts;
  size_t n;
};
void secrets_fini(struct secrets *s);
/* Keeps a copy of the text; its reference, in a. */
const char *secrets_add(struct secrets *s, const char *text, struct arena *a);
/* "secret:N" to its text, or NULL. */
const char *secrets_get(const struct secrets *s, const char *ref);

struct bound_options {
  const struct etl_value **values;
  uint64_t n;
};
/* Whether a connector's option table makes sense, its defaults among it: 0, or -1 with what is wrong (class internal). */
int options_check(const struct etl_option *const *options, struct err *e);
/* "text", "duration" ...: what an option's type is called; NULL: there is no such type. */
const char *option_type_name(uint32_t type);
uint32_t option_type_from_name(const char *name); /* 0: no such type */
/* A limit of an option as a user would write it.  In a. */
const char *option_print(uint32_t type, int64_t v, struct arena *a);

/* Every mistake goes into d with file:line and the nearest valid name.  Values live in arena.  0, or -1 if d got an error. */
int options_bind(const struct etl_option *const *options, const struct conf_stage *stage, struct arena *arena,
                 struct secrets *secrets, struct diags *d, struct bound_options *ret_bound);
/* The same for ETL_OPEN_CONNECTION: only options with ETL_OPT_CONNECTION are looked at, no others are needed. */
int options_bind_connection(const struct etl_option *const *options, const struct conf_stage *stage, struct arena *arena,
                            struct secrets *secrets, struct diags *d, struct bound_options *ret_bound);

#endif
