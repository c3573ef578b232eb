/* ua_pattern.h: which literals a regular expression cannot match without.  Any thread. */
#ifndef TRANSFORMS_UA_PATTERN_H
#define TRANSFORMS_UA_PATTERN_H

#include <stddef.h>

struct ua_literal {
  const char *p; /* ASCII lower case; other bytes as they are */
  size_t n;
};
struct ua_literals {
  size_t n;
  struct ua_literal v[];
};
struct ua_arena; /* memory of analysed patterns */
struct ua_arena *ua_arena_new(void);
void ua_arena_free(struct ua_arena *a);

/* Every text that the expression matches contains, in lower case, at least one of these.  NULL: nothing useful is known (or no
 * memory): the expression must always be tried. */
const struct ua_literals *ua_pattern_literals(struct ua_arena *a, const char *regex);

#endif
