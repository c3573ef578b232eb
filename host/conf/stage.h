/* conf/stage.h: a connector's place in a pipeline: its own settings over those of its connection. */
#ifndef HOST_CONF_STAGE_H
#define HOST_CONF_STAGE_H

#include "conf/keys.h"

struct connections {
  const struct conf_node *group; /* of etl.conf; NULL: none */
  bool *expanded;                /* one a kid: a connection's variables are looked up when it is first used */
  bool unknown;                  /* etl.conf could not be read (reported): nobody knows which there are */
};
/* more: further settings of the host in the group itself, read by the caller; NULL: none.  0, or -1 with errors in d. */
int stage_read(const struct conf_node *group, const struct conf_key *more, const struct connections *c, struct arena *a,
               struct diags *d, struct conf_stage *ret);
/* Looks up the variables of connection i, once.  -1: one is missing (reported). */
int connection_expand(const struct connections *c, size_t i, struct arena *a, struct diags *d);

#endif
