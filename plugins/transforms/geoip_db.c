/* mmdb files: opening with an explanation when that fails, finding an address, reading a field along its paths. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "geoip_db.h"

int32_t geo_db_open(const struct etl_host *h, struct geo_db *db, const char *path, const char *option) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  errno = 0;
  int rc = MMDB_open(path, MMDB_MODE_MMAP, &db->mmdb);
  int system_error = errno;
  if (rc == MMDB_SUCCESS) {
    if ((db->path = strdup(path)))
      return ETL_OK;
    MMDB_close(&db->mmdb);
    e.error_class = ETL_E_PERMANENT;
    return etl_failf(h, &e, "geoip: no memory to open %s", path);
  }
  e.option = option;
  if ((rc == MMDB_FILE_OPEN_ERROR || rc == MMDB_IO_ERROR) && system_error) {
    e.vendor_code = system_error;
    e.remedy = "correct the path, let the user who runs etl read the file, or fetch the database (for instance with geoipupdate)";
    return etl_failf(h, &e, "geoip: cannot open the database %s: %s", path, strerror(system_error));
  }
  e.vendor_code = rc;
  e.remedy = "fetch the file again (it may be cut short); it must be an .mmdb file, unpacked";
  return etl_failf(h, &e, "geoip: %s is not a usable mmdb database: %s", path, MMDB_strerror(rc));
}

void geo_db_close(struct geo_db *db) {
  if (db->path)
    MMDB_close(&db->mmdb);
  free(db->path);
  *db = (struct geo_db){0};
}

int32_t geo_db_find(const struct etl_host *h, const struct geo_db *db, const struct ip *ip, MMDB_entry_s *ret_entry) {
  union {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
  } a = {0};
  int rc = MMDB_SUCCESS;
  if (!ip->v4 && db->mmdb.metadata.ip_version == 4)
    return 0;
  if (ip->v4) {
    a.v4.sin_family = AF_INET;
    memcpy(&a.v4.sin_addr, ip->b, 4);
  } else {
    a.v6.sin6_family = AF_INET6;
    memcpy(&a.v6.sin6_addr, ip->b, 16);
  }
  MMDB_lookup_result_s r = MMDB_lookup_sockaddr(&db->mmdb, &a.any, &rc);
  if (rc == MMDB_SUCCESS) {
    *ret_entry = r.entry;
    return r.found_entry ? 1 : 0;
  }
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  e.vendor_code = rc;
  e.option = "database";
  e.remedy = "the file is corrupt: fetch it again";
  return etl_failf(h, &e, "geoip: looking up an address in %s failed: %s", db->path, MMDB_strerror(rc));
}

static struct cell from_text(struct etl_bytes t, enum cell_kind want) {
  struct cell c = {.kind = want, .text = t};
  char copy[GEO_NUMBER_BYTES], *end = copy;
  if (want == CELL_TEXT)
    return t.n ? c : (struct cell){0};
  if (t.n == 0 || t.n >= sizeof copy)
    return (struct cell){0};
  memcpy(copy, t.p, t.n);
  copy[t.n] = 0;
  if (want == CELL_FLOAT)
    c.f = strtod(copy, &end);
  else
    c.i = strtoll(copy + (strncmp(copy, "AS", 2) == 0 ? 2 : 0), &end, 10);
  return *end ? (struct cell){0} : c;
}

static struct cell number_as_text(struct cell c, char number[GEO_NUMBER_BYTES]) {
  int n = c.kind == CELL_FLOAT  ? snprintf(number, GEO_NUMBER_BYTES, "%.15g", c.f)
          : c.kind == CELL_BOOL ? snprintf(number, GEO_NUMBER_BYTES, "%s", c.i ? "true" : "false")
                                : snprintf(number, GEO_NUMBER_BYTES, "%lld", (long long)c.i);
  return (struct cell){.kind = CELL_TEXT, .text = {number, (uint64_t)n}};
}

/* The scalar a record holds, in its own type; CELL_NULL for maps, arrays, bytes and numbers beyond 64 bits. */
static struct cell native(const MMDB_entry_data_s *v) {
  switch (v->type) {
  case MMDB_DATA_TYPE_UTF8_STRING: return (struct cell){.kind = CELL_TEXT, .text = {v->utf8_string, v->data_size}};
  case MMDB_DATA_TYPE_DOUBLE: return (struct cell){.kind = CELL_FLOAT, .f = v->double_value};
  case MMDB_DATA_TYPE_FLOAT: return (struct cell){.kind = CELL_FLOAT, .f = (double)v->float_value};
  case MMDB_DATA_TYPE_UINT16: return (struct cell){.kind = CELL_INT, .i = v->uint16};
  case MMDB_DATA_TYPE_UINT32: return (struct cell){.kind = CELL_INT, .i = v->uint32};
  case MMDB_DATA_TYPE_INT32: return (struct cell){.kind = CELL_INT, .i = v->int32};
  case MMDB_DATA_TYPE_UINT64:
    return v->uint64 <= INT64_MAX ? (struct cell){.kind = CELL_INT, .i = (int64_t)v->uint64} : (struct cell){0};
  case MMDB_DATA_TYPE_BOOLEAN: return (struct cell){.kind = CELL_BOOL, .i = v->boolean};
  default: return (struct cell){0};
  }
}

static struct cell as_kind(struct cell c, enum cell_kind want, char number[GEO_NUMBER_BYTES]) {
  if (c.kind == CELL_TEXT)
    return from_text(c.text, want);
  if (c.kind == CELL_NULL || c.kind == want)
    return c;
  if (want == CELL_TEXT)
    return number_as_text(c, number);
  if (want == CELL_FLOAT && c.kind == CELL_INT)
    return (struct cell){.kind = CELL_FLOAT, .f = (double)c.i};
  return (struct cell){0};
}

struct cell geo_db_value(MMDB_entry_s *entry, const struct geo_field *f, bool as_is, char number[GEO_NUMBER_BYTES]) {
  for (size_t i = 0; i < f->paths_n; i++) {
    MMDB_entry_data_s v;
    if (MMDB_aget_value(entry, &v, f->paths[i].parts) != MMDB_SUCCESS || !v.has_data)
      continue;
    struct cell c = native(&v);
    if (!as_is || !f->any_kind)
      c = as_kind(c, f->kind, number);
    if (c.kind != CELL_NULL)
      return c;
  }
  return (struct cell){0};
}
