/* instance.h: one open instance of the connector. */
#ifndef SQLSERVER_INSTANCE_H
#define SQLSERVER_INSTANCE_H

#include "settings.h"

struct instance {
  const struct etl_host *host;
  struct settings settings; /* constant after open: readers share it */
};

#endif
