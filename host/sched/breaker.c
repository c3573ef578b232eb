/* The state machine of a breaker; where it is kept and who hears of it is the caller's. */
#include "sched/breaker.h"

#include <string.h>

static const char *const names[] = {[BREAKER_CLOSED] = "closed", [BREAKER_OPEN] = "open", [BREAKER_HALF_OPEN] = "half_open"};

int64_t breaker_wait_until_ns(const struct breaker *b, const struct conf_breaker *c) {
  if (b->state == BREAKER_CLOSED || !c->threshold)
    return 0;
  return b->state == BREAKER_OPEN ? b->opened_at_ns + c->cooldown_ns : INT64_MAX;
}

bool breaker_allow(struct breaker *b, const struct conf_breaker *c, int64_t now_ns) {
  if (now_ns < breaker_wait_until_ns(b, c))
    return false;
  if (b->state == BREAKER_OPEN && c->threshold)
    b->state = BREAKER_HALF_OPEN;
  return true;
}

bool breaker_note(struct breaker *b, const struct conf_breaker *c, enum breaker_outcome outcome, int64_t now_ns) {
  enum breaker_state was = b->state;
  if (outcome == BREAKER_SUCCESS || !c->threshold) {
    *b = (struct breaker){.state = BREAKER_CLOSED};
  } else if (outcome == BREAKER_NEITHER) {
    b->state = was == BREAKER_HALF_OPEN ? BREAKER_OPEN : was; /* its cooldown is over: the next one may try */
  } else {
    b->failures++;
    if (was == BREAKER_HALF_OPEN || (was == BREAKER_CLOSED && b->failures >= c->threshold)) {
      b->state = BREAKER_OPEN;
      b->opened_at_ns = now_ns;
    }
  }
  return b->state != was;
}

const char *breaker_state_name(enum breaker_state state) { return names[state]; }

int breaker_state_parse(const char *name, enum breaker_state *ret) {
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) {
      *ret = (enum breaker_state)i;
      return 0;
    }
  return -1;
}
