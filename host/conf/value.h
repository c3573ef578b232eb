/* conf/value.h: one setting as the type somebody wants of it, and the words of the complaint when it is something else.  Used for
 * the host's own settings (keys.h) and for connectors' options (plugin/options.h). */
#ifndef HOST_CONF_VALUE_H
#define HOST_CONF_VALUE_H

#include "conf/conf.h"

enum conf_want {
  WANT_STRING = 1,
  WANT_INT,
  WANT_FLOAT,
  WANT_BOOL,
  WANT_DURATION, /* ns */
  WANT_SIZE,     /* bytes */
  WANT_LIST,     /* of strings; one string alone is a list of one */
  WANT_MAP,      /* a group of name = string */
  WANT_GROUP,
  WANT_GROUPS /* a list of groups */
};
struct conf_value {
  const char *str; /* scalars: the text */
  int64_t i;       /* int, bool, duration, size */
  double f;        /* float */
};
const char *value_want_name(enum conf_want want); /* "a duration" */

/* Converts; numbers and truth values may also stand in a string, since that is where variables can be.  hide: never show the text.
 * 0, or -1 with an error in d that says what was found, what is wanted and how it is written. */
int value_take(const struct conf_node *n, enum conf_want want, bool hide, struct diags *d, struct conf_value *ret);
/* Checks min <= v <= max in the unit of want.  0, or -1 with an error. */
int value_in_range(const struct conf_node *n, enum conf_want want, int64_t v, int64_t min, int64_t max, struct diags *d);
/* v as a user would write it.  In a. */
const char *value_print(enum conf_want want, int64_t v, struct arena *a);

#endif
