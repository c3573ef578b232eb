/* serve/changes.h: what a new reading of the configuration has that the one before it had not.  Any thread. */
#ifndef HOST_SERVE_CHANGES_H
#define HOST_SERVE_CHANGES_H

#include "serve/generation.h"

enum change { CHANGE_ADDED, CHANGE_CHANGED, CHANGE_REMOVED, CHANGES };
struct changes {
  const char **names[CHANGES]; /* sorted; they live as long as both generations */
  size_t n[CHANGES];
  size_t same;
};
/* In a. */
void changes_find(const struct generation *old, const struct generation *now, struct arena *a, struct changes *ret);
size_t changes_count(const struct changes *c);
const char *change_name(enum change what); /* "added" ... */
/* "2 added (a, b), 1 removed (c), 7 as before": of many, the first ones are named.  In a. */
const char *changes_text(const struct changes *c, struct arena *a);
/* Does it run at other times than before? */
bool change_moves_times(const struct conf_pipeline *old, const struct conf_pipeline *now);

#endif
