/* ua_match.h: parsing one agent with the rules.  Owned by one instance, one thread at a time. */
#ifndef TRANSFORMS_UA_MATCH_H
#define TRANSFORMS_UA_MATCH_H

#include "ua_rules.h"

enum {
  UA_VALUE_BYTES = 1024
}; /* a longer value is cut */
struct ua_value {
  uint32_t n; /* 0: not known */
  char p[UA_VALUE_BYTES];
};
struct ua_matcher;
/* Takes over nothing; rules must outlive it.  max_agent: bytes of an agent looked at.  NULL: no memory. */
struct ua_matcher *ua_matcher_new(struct ua_rules *rules, size_t max_agent);
void ua_matcher_free(struct ua_matcher *m); /* accepts NULL */
/* Takes the agent for the parses that follow: cut to max_agent, its invalid UTF-8 replaced by '?'. */
void ua_matcher_agent(struct ua_matcher *m, struct etl_bytes agent);
/* One parser over the agent.  Returns how many expressions were given up because they went over their limit. */
unsigned ua_matcher_parse(struct ua_matcher *m, enum ua_parser parser, struct ua_value values[UA_PARTS]);

#endif
