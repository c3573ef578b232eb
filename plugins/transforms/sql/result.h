/* result.h: values that a statement gives as values of a column.  One thread at a time. */
#ifndef TRANSFORMS_SQL_RESULT_H
#define TRANSFORMS_SQL_RESULT_H

#include <sqlite3.h>

#include "etl/sdk.h"

enum result {
  RESULT_OK,
  RESULT_BAD, /* it does not fit; *ret_why says why, without the value */
  RESULT_NO_MEMORY
};
/* Adds column i of the row in hand of stmt to column 0 of b, which is of type `to`
 * and whose row was begun.  Numbers are rounded half away from zero, instants are
 * taken as UTC if they do not say otherwise. */
enum result result_add(sqlite3_stmt *stmt, int i, const struct etl_format *to, struct etl_batch *b, const char **ret_why);

#endif
