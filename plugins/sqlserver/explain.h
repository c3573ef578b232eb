/* explain.h: the extension "etl.explain/1": what a run would do, for `etl plan`. */
#ifndef SQLSERVER_EXPLAIN_H
#define SQLSERVER_EXPLAIN_H

#include "catalog.h"

/* How the cursor is served, into buf.  True: badly. */
bool explain_index(const struct source *src, const struct settings *s, char *buf, size_t cap);

extern const struct etl_explain sqlserver_explain;

#endif
