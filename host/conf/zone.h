/* conf/zone.h: time zones by name, and the nearest name for one that is not there. */
#ifndef HOST_CONF_ZONE_H
#define HOST_CONF_ZONE_H

#include "base/zone.h"

/* As zone_load(), with the nearest name in e. */
int zone_find(const char *name, struct arena *a, struct err *e, const struct zone **ret_zone);
/* 0, or -1 as zone_find(). */
int zone_check(const char *name, struct err *e);

#endif
