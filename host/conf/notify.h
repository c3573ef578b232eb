/* conf/notify.h: whom the long-running host tells what happened: the settings of one target of `notify`, as a struct and as JSON for the way
 * to the process that delivers.  That JSON carries secrets: it leaves the host's memory on an inherited descriptor alone. */
#ifndef HOST_CONF_NOTIFY_H
#define HOST_CONF_NOTIFY_H

#include "conf/conf.h"

/* What can be told; a target takes those that its `on` names. */
enum notify_event {
  NOTIFY_FAILURE,  /* a run failed or crashed, and no retry is left */
  NOTIFY_PARTIAL,  /* it moved rows, but not all lanes or rows */
  NOTIFY_RECOVERY, /* the first good run after one of those */
  NOTIFY_BREAKER,  /* the circuit breaker opened or closed */
  NOTIFY_MISSED,   /* a scheduled time passed without a run */
  NOTIFY_HOST,     /* something about the host itself: a configuration it cannot take, a store it cannot reach */
  NOTIFY_TEST,     /* somebody asked for it: every target takes it */
  NOTIFY_EVENTS
};
const char *notify_event_name(enum notify_event event); /* "failure" */

enum notify_tls {
  NOTIFY_TLS_REQUIRED,
  NOTIFY_TLS_IF_OFFERED,
  NOTIFY_TLS_NONE
};

struct conf_notify {
  const char *name;   /* of its own, or made of kind and place in the list: "mail1" */
  const char *kind;   /* "mail", "webhook", "command" */
  const char *origin; /* "etl.conf:12" */
  unsigned events;    /* bits 1 << enum notify_event */
  const char *const *pipelines; /* patterns; end with NULL */
  int64_t max_messages, period_ns;
  int64_t timeout_ns, retries, retry_delay_ns;
  int64_t log_lines;
  const char *server, *from, *user, *password; /* mail */
  enum notify_tls tls;
  const char *const *to;
  const char *url, *secret, *ca_file; /* webhook; ca_file of both */
  const char *const *headers;         /* "Name: value" each */
  const char *const *command;
};
bool conf_notify_takes(const struct conf_notify *t, enum notify_event event, const char *pipeline /* NULL: none in particular */);

/* Reads the list `notify` of etl.conf (NULL: none).  Mistakes are in d; only targets without one are in *ret. */
void notify_read(const struct conf_node *list, struct arena *a, struct diags *d, const struct conf_notify **ret, size_t *ret_n);

/* A target as JSON, and back.  NULL: a text in it is not UTF-8, which notify_read() does not let pass; -1: it is not such JSON. */
json_t *conf_notify_to_json(const struct conf_notify *t);
int conf_notify_from_json(const json_t *j, struct arena *a, struct conf_notify *ret);

#endif
