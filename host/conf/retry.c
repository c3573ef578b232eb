/* With 5s the pauses are 5, 10, 20 seconds.  Jitter is made of a name instead of by chance, so that a pause can be told again. */
#include "conf/retry.h"

#include <string.h>
#include <xxhash.h>

int64_t retry_pause_ns(const struct conf_retry *c, const struct retry_case *r) {
  if (r->failures > c->max_retries)
    return -1;
  int64_t pause = c->retry_delay_ns;
  for (int64_t i = 1; c->exponential_backoff && i < r->failures && pause > 0 && pause < c->max_retry_delay_ns; i++)
    pause *= 2;
  if (c->max_retry_delay_ns > 0 && pause > c->max_retry_delay_ns)
    pause = c->max_retry_delay_ns;
  if (pause < r->at_least_ns)
    pause = r->at_least_ns;
  if (c->jitter_ns > 0)
    pause += (int64_t)(XXH64(r->who, strlen(r->who), (XXH64_hash_t)r->failures) % (uint64_t)c->jitter_ns);
  return c->retry_timeout_ns > 0 && r->since_ns + pause > c->retry_timeout_ns ? -1 : pause;
}
