/* serve/shown.h: what the store keeps, as the JSON that is shown of it: the same from a host and from the store alone.  Times are RFC 3339 in UTC; what
 * there is not is left out.  Any thread. */
#ifndef HOST_SERVE_SHOWN_H
#define HOST_SERVE_SHOWN_H

#include <jansson.h>

#include "store/store.h"

/* Texts that are no UTF-8 are mended; NULL and "" are left out, as are times that are 0 and INT64_MAX. */
void shown_text(json_t *to, const char *key, const char *text);
void shown_time(json_t *to, const char *key, int64_t ns);

json_t *shown_run(const struct store_run *r);
json_t *shown_task(const struct store_task *t);
json_t *shown_event(const struct store_event *e);
json_t *shown_breaker(const struct store_breaker *b);
/* {class, message, remedy} */
json_t *shown_error(const struct err *e);
/* The inverse of shown_error(); j NULL or none: an error that says so. */
void shown_error_read(const json_t *j, struct err *ret);

#endif
