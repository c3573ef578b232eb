/* conf/retry.h: what error_handling means: whether something that failed is tried again, and after which pause.  Any thread. */
#ifndef HOST_CONF_RETRY_H
#define HOST_CONF_RETRY_H

#include "conf/conf.h"

struct retry_case {
  int64_t failures;    /* so far, 1 or more */
  int64_t since_ns;    /* since the first of them */
  int64_t at_least_ns; /* what the source asked for; 0: nothing */
  const char *who;     /* jitter differs from one to another: a lane of a run */
};
/* The pause before the next attempt; -1: there is none. */
int64_t retry_pause_ns(const struct conf_retry *c, const struct retry_case *r);

#endif
