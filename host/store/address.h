/* store/address.h: the address of a store in PostgreSQL: libpq's own URL, and "schema=NAME" among its parameters, which is ours. */
#ifndef HOST_STORE_ADDRESS_H
#define HOST_STORE_ADDRESS_H

#include "base/err.h"

struct address {
  char *url;    /* without schema */
  char *schema; /* [A-Za-z0-9_]+, at most 63; "etl_state" if none is named */
};
int address_parse(const char *url, struct address *ret, struct err *e);
void address_fini(struct address *a);

#endif
