/* conf/locate.h: where things are when nobody says so. */
#ifndef HOST_CONF_LOCATE_H
#define HOST_CONF_LOCATE_H

#include "conf/conf.h"

/* etl.conf.  NULL: none of the usual places has one. */
const char *locate_conf(struct arena *a);
void locate_complain(struct diags *d); /* says so, and where it was looked for */
/* Folders of connectors: ETL_PLUGIN_PATH's, then those given (a list, or NULL: the installed one).  Absolute; ends with NULL. */
const char *const *locate_plugin_dirs(const struct conf_node *given, const char *base_dir, struct arena *a);
const char *locate_cache_dir(struct arena *a);

#endif
