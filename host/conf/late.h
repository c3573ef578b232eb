/* conf/late.h: variables whose values are known only when a run begins: ${run.id}, ${window.from}, ${upstream.NAME.rows_written} ...  Loading leaves
 * a mark in the text (LATE_MARK and LATE_END stand for ${ and }, which a default may hold), and late_fill() puts the value there. */
#ifndef HOST_CONF_LATE_H
#define HOST_CONF_LATE_H

#include "base/err.h"
#include "conf/conf.h"

#define LATE_MARK '\001'
#define LATE_END  '\002'

/* run.*, window.*, upstream.*: whether there is such a name, is another question. */
bool late_is_one(const char *name, size_t n);
/* Whether all names in the stages of p are known, and upstreams are among its `after`: errors go into d. */
void late_check(const struct conf_pipeline *p, struct arena *a, struct diags *d);
/* A stage with values put in.  values: {"run.id": "...", ...}, of which a missing one takes its default; neither: -1 with e.  values NULL: something
 * of the right kind for each, to check the rest with.  In a; what needs no change is shared; ret may be in. */
int late_fill(const struct conf_stage *in, const json_t *values, struct arena *a, struct err *e, struct conf_stage *ret);
/* As it was written, for people: what a default's own variables came to is in it. */
const char *late_shown(const char *text, struct arena *a);

#endif
