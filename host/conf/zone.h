/* conf/zone.h: does the machine know a time zone of that name? */
#ifndef HOST_CONF_ZONE_H
#define HOST_CONF_ZONE_H

#include "base/err.h"

/* 0, or -1 with the nearest name in e's message. */
int zone_check(const char *name, struct err *e);

#endif
