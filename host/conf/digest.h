/* conf/digest.h: whether two readings of a pipeline's file say the same.  Any thread. */
#ifndef HOST_CONF_DIGEST_H
#define HOST_CONF_DIGEST_H

#include "conf/conf.h"

/* Of all settings of a pipeline, those of its connections among them; not of comments, order of lines or place.  root: its file as read. */
uint64_t conf_digest(const struct conf_pipeline *p, const struct conf_node *root);

#endif
