/* conf/source.h: one configuration file's text as a tree of conf_nodes, exactly as written: no variable is expanded, no name
 * judged. */
#ifndef HOST_CONF_SOURCE_H
#define HOST_CONF_SOURCE_H

#include "conf/conf.h"

/* Reads the file and what it includes; base_dir: its absolute folder.  Both texts are kept in the nodes.  Everything else is in a.
 * 0, or -1 with an error in d (unreadable, written by others, or wrong syntax: then only the first mistake is known). */
int source_read(const char *path, const char *base_dir, struct arena *a, struct diags *d, struct conf_node **ret_root);
/* The same of a text, such as an option's default: "[ \"a\", \"b\" ]".  -1: not libconfig's language. */
int source_read_value(const char *text, struct arena *a, struct conf_node **ret_value);

#endif
