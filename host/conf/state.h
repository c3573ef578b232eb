/* conf/state.h: the address of the state store. */
#ifndef HOST_CONF_STATE_H
#define HOST_CONF_STATE_H

#include "base/err.h"

/* sqlite:///absolute/path or postgresql://...  0, or -1; the address is not shown, since it may hold a password. */
int state_check(const char *url, struct err *e);

#endif
