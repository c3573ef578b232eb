/* geoip: adds where an IP address is, out of mmdb files.  Options, life cycle and descriptor; the work is in derive.c (columns),
 * geoip_db.c (files) and geoip_fields.c (fields).  One instance a lane, used by one thread at a time. */
#include <stdio.h>
#include <stdlib.h>

#include "derive.h"
#include "geoip_db.h"
#include "ip_text.h"
#include "transformer.h"

enum {
  FIELDS_MAX = 64,
  DATABASES_MAX = 16
};

enum {
  OPT_COLUMN,
  OPT_INTO,
  OPT_DATABASE,
  OPT_MORE_DATABASES,
  OPT_FIELDS,
  OPT_AS,
  OPT_LANGUAGE,
  OPT_ON_INVALID,
  OPT_CACHE_SIZE
};
enum {
  INVALID_NULL,
  INVALID_REJECT
};

static const char *const as_choices[] = {"json", "columns", NULL};
static const char *const invalid_choices[] = {"null", "reject", NULL};
static const struct etl_option *const options[] = {
    [OPT_COLUMN] =
        OPTION("column", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "ip_address",
               .doc = "Text column with the address: IPv4 or IPv6, also IPv4-mapped, in brackets, with a port or a zone; NULL "
                      "gives NULL."),
    [OPT_INTO] =
        OPTION("into", ETL_T_STRING, .dflt = "location",
               .doc = "Name of the new column (as = json), or what the names of the new columns begin with: location_country, "
                      "location_city ... (as = columns)."),
    [OPT_DATABASE] = OPTION("database", ETL_T_PATH, .flags = ETL_OPT_REQUIRED, .example = "/var/lib/GeoIP/GeoLite2-City.mmdb",
                            .doc = "The mmdb file, of any vendor and layout; it is opened when the run starts."),
    [OPT_MORE_DATABASES] =
        OPTION("more_databases", ETL_T_LIST, .example = "[ \"/var/lib/GeoIP/GeoLite2-ASN.mmdb\" ]",
               .doc = "Absolute paths of further mmdb files, asked in this order for the fields that the ones before "
                      "do not have."),
    [OPT_FIELDS] =
        OPTION("fields", ETL_T_LIST, .dflt = "[ \"country\", \"city\", \"latitude\", \"longitude\", \"asn\", \"as_org\" ]",
               .example = "[ \"country\", \"asn\", \"isp=traits.isp\" ]",
               .doc = "What to add: country (ISO code), country_name, continent, region, city, postal, timezone, latitude, "
                      "longitude, accuracy_radius, asn, as_org; or a path into the record, \"traits.isp\" or with a name of "
                      "its own \"isp=traits.isp\"."),
    [OPT_AS] = OPTION("as", ETL_T_ENUM, .dflt = "json", .choices = as_choices,
                      .doc = "json: one JSON column with the fields that are known, NULL when none is; columns: one column a field "
                             "(latitude and longitude float64, accuracy_radius and asn int64, all others text)."),
    [OPT_LANGUAGE] =
        OPTION("language", ETL_T_STRING, .dflt = "en", .example = "de",
               .doc = "Language of country, region and city names, as the database calls it; English where a name is missing."),
    [OPT_ON_INVALID] =
        OPTION("on_invalid", ETL_T_ENUM, .dflt = "null", .choices = invalid_choices,
               .doc = "What becomes of text that is not an address: null adds NULL and counts it (geoip_invalid), reject "
                      "puts the row aside."),
    [OPT_CACHE_SIZE] = OPTION("cache_size", ETL_T_INT, .flags = ETL_OPT_ADVANCED, .dflt = "16384", .min = 0, .max = 16777216,
                              .doc = "Addresses of a lane whose answer is kept, least recently used out first; 0 keeps none."),
    NULL,
};

struct geoip {
  struct derive derive;
  struct geo_field *fields;
  struct derive_field *derive_fields;
  struct geo_db *databases;
  size_t databases_n;
  bool reject_invalid;
};

static void geoip_close(void *self) {
  struct geoip *g = self;
  for (size_t i = 0; g->fields && i < g->derive.fields_n; i++)
    geo_field_fini(&g->fields[i]);
  for (size_t i = 0; g->databases && i < g->databases_n; i++)
    geo_db_close(&g->databases[i]);
  derive_fini(&g->derive);
  free(g->fields);
  free(g->derive_fields);
  free(g->databases);
  free(g);
}

static int32_t bad_field(const struct etl_host *h, const char *text, const char *why) {
  char names[512], remedy[640];
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  geo_field_names(names, sizeof names);
  snprintf(remedy, sizeof remedy, "known fields: %s; or give a dotted path into the database, as in \"isp=traits.isp\"", names);
  e.option = "fields";
  e.remedy = remedy;
  return etl_failf(h, &e, "geoip: field \"%s\": %s", text, why);
}

static int32_t open_fields(struct geoip *g, const struct etl_open *o) {
  uint64_t n = etl_opt_list_n(o, OPT_FIELDS);
  if (n == 0 || n > FIELDS_MAX)
    return bad_field(o->host, "", n ? "more than 64 fields" : "at least one field is needed");
  g->fields = calloc(n, sizeof *g->fields);
  g->derive_fields = calloc(n, sizeof *g->derive_fields);
  if (!g->fields || !g->derive_fields)
    return derive_out_of_memory(&g->derive);
  g->derive.fields = g->derive_fields;
  for (uint64_t i = 0; i < n; i++) {
    const char *why, *text = etl_opt_list(o, OPT_FIELDS, i);
    g->derive.fields_n = i + 1;
    if (geo_field_init(&g->fields[i], text, etl_opt_str(o, OPT_LANGUAGE), &why) < 0)
      return why ? bad_field(o->host, text, why) : derive_out_of_memory(&g->derive);
    g->derive_fields[i] = (struct derive_field){.name = g->fields[i].name, .kind = g->fields[i].kind};
    for (uint64_t k = 0; k < i; k++)
      if (strcmp(g->fields[k].name, g->fields[i].name) == 0)
        return bad_field(o->host, text, "this name is there twice");
  }
  return ETL_OK;
}

static int32_t open_databases(struct geoip *g, const struct etl_open *o) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  uint64_t n = 1 + etl_opt_list_n(o, OPT_MORE_DATABASES);
  e.option = "more_databases";
  if (n > DATABASES_MAX)
    return etl_failf(o->host, &e, "geoip: %llu databases; at most %d are possible", (unsigned long long)n, DATABASES_MAX);
  g->databases = calloc(n, sizeof *g->databases);
  if (!g->databases)
    return derive_out_of_memory(&g->derive);
  for (; g->databases_n < n; g->databases_n++) {
    bool first = g->databases_n == 0;
    const char *path = first ? etl_opt_str(o, OPT_DATABASE) : etl_opt_list(o, OPT_MORE_DATABASES, g->databases_n - 1);
    e.remedy = "write the path from / on";
    if (!first && path[0] != '/')
      return etl_failf(o->host, &e, "geoip: more_databases: \"%s\" is not an absolute path", path);
    int32_t rc = geo_db_open(o->host, &g->databases[g->databases_n], path, first ? "database" : "more_databases");
    if (rc != ETL_OK)
      return rc;
  }
  return ETL_OK;
}

static int32_t geoip_open(const struct etl_open *o, void **self) {
  struct geoip *g = calloc(1, sizeof *g);
  if (!g) {
    struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
    return etl_failf(o->host, &e, "geoip: no memory");
  }
  int32_t rc = derive_init(&g->derive, o->host, "geoip", etl_opt_str(o, OPT_COLUMN), etl_opt_str(o, OPT_INTO),
                           etl_opt_int(o, OPT_AS), (size_t)etl_opt_int(o, OPT_CACHE_SIZE));
  g->derive.rejects = g->reject_invalid = etl_opt_int(o, OPT_ON_INVALID) == INVALID_REJECT;
  if (rc == ETL_OK)
    rc = open_fields(g, o);
  if (rc == ETL_OK)
    rc = open_databases(g, o);
  if (rc != ETL_OK) {
    geoip_close(g);
    return rc;
  }
  *self = g;
  return ETL_OK;
}

static int32_t geoip_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *),
                          void *arg) {
  struct geoip *g = self;
  return derive_bind(&g->derive, in, out, arg);
}

static int32_t invalid(const struct geoip *g, int64_t row) {
  if (!g->reject_invalid) {
    g->derive.host->count(g->derive.host, "geoip_invalid", 1);
    return ETL_OK;
  }
  return derive_reject(&g->derive, row, "is not an IP address");
}

/* One address: the first database that has a field gives it. */
static int32_t geoip_text(void *self, struct etl_bytes text, int64_t row, const struct packed **ret_packed) {
  struct geoip *g = self;
  struct ip ip;
  if (ip_parse(text, &ip) < 0)
    return invalid(g, row);
  struct etl_bytes key = {ip.b, ip.v4 ? 4 : 16};
  const struct packed *p = lru_get(g->derive.cache, key);
  if (!p) {
    struct cell cells[FIELDS_MAX] = {0};
    char numbers[FIELDS_MAX][GEO_NUMBER_BYTES];
    for (size_t d = 0; d < g->databases_n; d++) {
      MMDB_entry_s entry;
      int32_t found = geo_db_find(g->derive.host, &g->databases[d], &ip, &entry);
      if (found < 0)
        return found;
      for (size_t i = 0; found && i < g->derive.fields_n; i++)
        if (cells[i].kind == CELL_NULL)
          cells[i] = geo_db_value(&entry, &g->fields[i], g->derive.as == DERIVE_JSON, numbers[i]);
    }
    p = derive_pack(&g->derive, key, cells);
  }
  *ret_packed = p;
  return p ? ETL_OK : derive_out_of_memory(&g->derive);
}

static int32_t geoip_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct geoip *g = self;
  return derive_process(&g->derive, in, sink, geoip_text, g);
}

static const struct etl_common common = {.struct_size = sizeof common, .open = geoip_open, .close = geoip_close};
static const struct etl_transformer transformer = {.struct_size = sizeof transformer, .bind = geoip_bind, .process = geoip_process};

ETL_CONNECTOR(
    ETL_KIND_TRANSFORMER, "geoip", ETL_VERSION, "MIT",
    .summary = "Adds country, city, coordinates and network of an IP address, from mmdb files",
    .doc = "Reads any mmdb file (MaxMind GeoIP2 and GeoLite2, DB-IP, IPinfo, IP2Location and the like). An address that no "
           "database knows, "
           "such as a private one, gives NULL. A field that is not in the record is left out of the JSON object, or NULL in its "
           "column.",
    .options = options, .common = &common, .api = &transformer);
