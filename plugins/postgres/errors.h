/* errors.h: what PostgreSQL's SQLSTATEs mean to the retry policy and to a user. */
#ifndef POSTGRES_ERRORS_H
#define POSTGRES_ERRORS_H

#include "etl/sdk.h"

enum {
  SQLSTATE_CHARS = 5
};
/* enum etl_error_class of a state; ETL_E_PERMANENT for one without a row in the table. */
uint32_t sqlstate_class(const char *state);
/* What to do about it; NULL: nothing general can be said. */
const char *sqlstate_remedy(const char *state);

#endif
