/* cli/conns_text.h: connections and what they offer, in words; no secret among them. */
#ifndef HOST_CLI_CONNS_TEXT_H
#define HOST_CLI_CONNS_TEXT_H

#include <stdio.h>

#include <jansson.h>

#include "conf/conf.h"
#include "plugin/registry.h"

/* "host db1, port 5432, database analytics": what was set of the options that say how to reach the system, without secrets.  Asks the
 * connector which these are.  In a. */
const char *conns_where(struct arena *a, const struct registry *r, const struct conf_stage *connection);
/* list: of {name, plugin, where, pipelines}. */
void conns_print_list(const json_t *list, const char *file, FILE *to);
/* streams: "stream" events. */
void conns_print_streams(const json_t *streams, const char *pattern, bool columns, FILE *to);
void conns_dump_streams(json_t *streams, FILE *to);

#endif
