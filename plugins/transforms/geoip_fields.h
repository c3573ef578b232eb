/* geoip_fields.h: the fields geoip can add, and where they lie in the mmdb layouts in use.  Owned by one instance. */
#ifndef TRANSFORMS_GEOIP_FIELDS_H
#define TRANSFORMS_GEOIP_FIELDS_H

#include "derive.h"

enum {
  GEO_PATH_PARTS = 8,
  GEO_PATHS = 10
};

struct geo_path {                        /* one way down into a record */
  char *text;                            /* the dotted path; parts point into it */
  const char *parts[GEO_PATH_PARTS + 1]; /* ends with NULL */
};
struct geo_field {
  char *name;
  enum cell_kind kind;              /* of its own column */
  bool any_kind;                    /* a path of the user's: JSON keeps the record's type */
  struct geo_path paths[GEO_PATHS]; /* tried in order */
  size_t paths_n;
};
/* text: a known name ("country"), a dotted path ("traits.isp", column "traits_isp") or name=path ("isp=traits.isp").  language: of
 * names. 0; -1: no memory; otherwise *ret_why says what is wrong with text. */
int geo_field_init(struct geo_field *f, const char *text, const char *language, const char **ret_why);
void geo_field_fini(struct geo_field *f);
/* "country, country_name, ...": the known names. */
void geo_field_names(char *buf, size_t size);

#endif
