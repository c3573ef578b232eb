/* conf/expand.h: ${VAR}, ${VAR:-default} and ${file:PATH} in texts; $${ stands for a plain ${.  A default or a path may again hold
 * variables.  Those of a run (conf/late.h) are left for it. */
#ifndef HOST_CONF_EXPAND_H
#define HOST_CONF_EXPAND_H

#include "conf/conf.h"

/* Replaces the texts in the tree under n, in place.  Texts of files mark their node secret.  0, or -1 with an error in d for every
 * variable or file that is not there. */
int expand_node(struct conf_node *n, struct arena *a, struct diags *d);

#endif
