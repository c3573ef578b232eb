/* aside.h: what keeps a table from being replaced, for aside.c and aside_swap.c. */
#ifndef POSTGRES_ASIDE_H
#define POSTGRES_ASIDE_H

#include "instance.h"

int32_t aside_ask(struct instance *in, const char *doing, const char *sql, int params_n, const char *const *params, bool *ret); /* or-ed to *ret */
/* Emptying the target would reach into other tables. */
int32_t aside_refuse_cascade(struct target *g, const char *oid);
/* What would keep the new table from being put in place, as far as it can be known. */
int32_t aside_refuse_early(struct target *g, const struct table *target);

#endif
