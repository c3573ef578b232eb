/* engine/report.h: the worker's way up to its supervisor: events as framed JSON.  Any thread. */
#ifndef HOST_ENGINE_REPORT_H
#define HOST_ENGINE_REPORT_H

#include <pthread.h>

#include <jansson.h>

#include "base/err.h"
#include "plugin/options.h"

struct report {
  int fd;
  pthread_mutex_t lock;
  const struct secrets **secrets; /* texts that never leave the worker */
  size_t secrets_n;
};
void report_init(struct report *r, int fd);
void report_fini(struct report *r);
/* Texts of s are masked in everything sent from now on.  Before other threads start. */
void report_mask(struct report *r, const struct secrets *s);
/* Sends {"event": name, ...fields}; takes the reference of fields.  A supervisor that is gone is noticed elsewhere. */
void report_event(struct report *r, const char *name, json_t *fields);
/* The same without masking, for what only the supervisor sees, and has to get as it is. */
void report_unmasked(struct report *r, const char *name, json_t *fields);
/* As JSON, with a '?' for each byte that is not UTF-8: what comes from elsewhere may be. */
json_t *report_text(const char *text, size_t n);
/* {"class", "message", "remedy", ...}; stage, connector, lane may be NULL. */
json_t *report_error(const struct err *e, const char *stage, const char *connector);

#endif
