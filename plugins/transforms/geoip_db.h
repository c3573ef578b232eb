/* geoip_db.h: mmdb files opened side by side, asked one after the other.  Owned by one instance, one thread at a time. */
#ifndef TRANSFORMS_GEOIP_DB_H
#define TRANSFORMS_GEOIP_DB_H

#include <maxminddb.h>

#include "geoip_fields.h"
#include "ip_text.h"

enum {
  GEO_NUMBER_BYTES = 32
};
struct geo_db {
  MMDB_s mmdb;
  char *path;
};
/* Maps the file; fails with ETL_E_CONFIG naming option and path. */
int32_t geo_db_open(const struct etl_host *h, struct geo_db *db, const char *path, const char *option);
void geo_db_close(struct geo_db *db); /* accepts a zeroed one */
/* 1: *ret_entry is the record; 0: none for this address; ETL_FAILED: the file is corrupt. */
int32_t geo_db_find(const struct etl_host *h, const struct geo_db *db, const struct ip *ip, MMDB_entry_s *ret_entry);
/* The field's value in a record, or CELL_NULL.  as_is: any_kind fields keep the record's type, else they become text (number has
 * room for one).  The text lies in the file's mapping or in number. */
struct cell geo_db_value(MMDB_entry_s *entry, const struct geo_field *f, bool as_is, char number[GEO_NUMBER_BYTES]);

#endif
