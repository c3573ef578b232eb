/* The fields geoip knows, each with the paths to look under, in order: MaxMind GeoIP2/GeoLite2, DB-IP, IPinfo, IP2Location
 * and ip-location-db lay their records out differently.  "{lang}" stands for the wanted language. */
#include <stdio.h>
#include <stdlib.h>

#include "geoip_fields.h"

static const struct known {
  const char *name;
  enum cell_kind kind;
  const char *paths[GEO_PATHS];
} known[] = {
    {"country", CELL_TEXT, {"country.iso_code", "country_code", "country"}},
    {"country_name", CELL_TEXT, {"country.names.{lang}", "country.names.en", "country_name", "country.name", "country_long"}},
    {"continent", CELL_TEXT, {"continent.code", "continent_code", "continent"}},
    {"region",
     CELL_TEXT,
     {"subdivisions.0.names.{lang}", "subdivisions.0.names.en", "region", "region_name", "state1", "state",
      "subdivisions.0.iso_code"}},
    {"city", CELL_TEXT, {"city.names.{lang}", "city.names.en", "city", "city_name"}},
    {"postal", CELL_TEXT, {"postal.code", "postal_code", "postcode", "zip_code", "postal"}},
    {"timezone", CELL_TEXT, {"location.time_zone", "timezone", "time_zone"}},
    {"latitude", CELL_FLOAT, {"location.latitude", "latitude", "lat"}},
    {"longitude", CELL_FLOAT, {"location.longitude", "longitude", "lng", "lon"}},
    {"accuracy_radius", CELL_INT, {"location.accuracy_radius", "accuracy_radius", "radius"}},
    {"asn", CELL_INT, {"autonomous_system_number", "traits.autonomous_system_number", "asn"}},
    {"as_org",
     CELL_TEXT,
     {"autonomous_system_organization", "traits.autonomous_system_organization", "as_name", "as_org", "as_organization"}},
};
enum {
  KNOWN_N = sizeof known / sizeof *known
};

static int path_init(struct geo_path *p, const char *text, size_t n, const char *language) {
  static const char lang[] = "{lang}";
  const char *at = strstr(text, lang);
  if (at && at < text + n) {
    if (asprintf(&p->text, "%.*s%s%.*s", (int)(at - text), text, language, (int)(n - (size_t)(at - text) - (sizeof lang - 1)),
                 at + sizeof lang - 1) < 0)
      return -1;
  } else if (!(p->text = strndup(text, n))) {
    return -1;
  }
  size_t parts = 0;
  for (char *rest = p->text; rest && parts < GEO_PATH_PARTS;)
    p->parts[parts++] = strsep(&rest, ".");
  return 0;
}

static int known_init(struct geo_field *f, const struct known *k, const char *language) {
  *f = (struct geo_field){.name = strdup(k->name), .kind = k->kind};
  if (!f->name)
    return -1;
  for (; f->paths_n < GEO_PATHS && k->paths[f->paths_n]; f->paths_n++)
    if (path_init(&f->paths[f->paths_n], k->paths[f->paths_n], strlen(k->paths[f->paths_n]), language) < 0)
      return -1;
  return 0;
}

static const char *path_fault(const char *path) {
  size_t parts = 1, part_n = 0;
  for (const char *p = path; *p; p++) {
    if (*p == '.' && part_n == 0)
      return "the path has an empty part";
    part_n = *p == '.' ? 0 : part_n + 1;
    parts += *p == '.';
  }
  return part_n == 0 ? "the path has an empty part" : parts > GEO_PATH_PARTS ? "the path has more than 8 parts" : NULL;
}

int geo_field_init(struct geo_field *f, const char *text, const char *language, const char **ret_why) {
  *f = (struct geo_field){0};
  *ret_why = NULL;
  for (size_t i = 0; i < KNOWN_N; i++)
    if (strcmp(known[i].name, text) == 0)
      return known_init(f, &known[i], language);
  const char *equals = strchr(text, '='), *path = equals ? equals + 1 : text;
  if (!equals && !strchr(text, '.'))
    *ret_why = "no such field, and not a path into the database";
  else if (equals == text)
    *ret_why = "the name before = is empty";
  else
    *ret_why = path_fault(path);
  if (*ret_why)
    return -1;
  *f = (struct geo_field){
      .name = strndup(text, equals ? (size_t)(equals - text) : strlen(text)), .kind = CELL_TEXT, .any_kind = true, .paths_n = 1};
  if (!f->name || path_init(&f->paths[0], path, strlen(path), language) < 0)
    return -1;
  for (char *p = f->name; *p; p++)
    if (*p == '.')
      *p = '_';
  return 0;
}

void geo_field_fini(struct geo_field *f) {
  free(f->name);
  for (size_t i = 0; i < f->paths_n && i < GEO_PATHS; i++)
    free(f->paths[i].text);
  *f = (struct geo_field){0};
}

void geo_field_names(char *buf, size_t size) {
  size_t n = 0;
  buf[0] = 0;
  for (size_t i = 0; i < KNOWN_N && n < size; i++) {
    int w = snprintf(buf + n, size - n, "%s%s", i ? ", " : "", known[i].name);
    n += w > 0 ? (size_t)w : 0;
  }
}
