/* list.h: the extension etl.catalog/1: which tables a server has. */
#ifndef SQLSERVER_LIST_H
#define SQLSERVER_LIST_H

#include "etl/plugin.h"

extern const struct etl_catalog sqlserver_catalog;

#endif
