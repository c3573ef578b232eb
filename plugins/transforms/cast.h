/* cast.h: values of one type as values of another.  Any thread. */
#ifndef TRANSFORMS_CAST_H
#define TRANSFORMS_CAST_H

#include "etl/sdk.h"

struct cast_type {
  char name[32];         /* as the user wrote it: "decimal(10,2)" */
  char format[32];       /* Arrow's */
  const char *extension; /* or NULL */
  struct etl_format f;
};
enum cast_result {
  CAST_OK,
  CAST_BAD,
  CAST_NO_MEMORY
};

int cast_type_parse(const char *text, struct cast_type *ret); /* -1: there is no such type */
extern const char cast_type_names[];                          /* for messages */
const char *cast_name_of(const struct etl_format *f);         /* "text", "decimal" ... */
bool cast_possible(const struct etl_format *from, const struct cast_type *to);
/* Adds the row's value (not NULL) to column 0 of b, whose row was begun.  CAST_BAD: *ret_why says why, without the value. */
enum cast_result cast_add(const struct etl_view *v, int64_t row, const struct cast_type *to, struct etl_batch *b,
                          const char **ret_why);
enum cast_result cast_add_text(struct etl_bytes text, const struct cast_type *to, struct etl_batch *b, const char **ret_why);

#endif
