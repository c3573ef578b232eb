/* instance.h: one open instance of the connector. */
#ifndef SQLSERVER_INSTANCE_H
#define SQLSERVER_INSTANCE_H

#include "settings.h"

struct table { /* one of those that `tables` matches */
  struct settings settings; /* borrows from the instance's */
  const char *const *key;   /* ends with NULL; NULL: not known */
  struct table *next;
};
struct instance {
  const struct etl_host *host;
  struct settings settings; /* constant after open: readers share it */
  struct table *tables;     /* since discover(), with `tables`; in the settings' pool */
};

#endif
