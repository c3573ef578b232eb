/* conf/keys.h: settings as tables.  One row a setting: what it is called, what it wants, its default and limits, where it goes,
 * what it is for.  Parser, messages and `etl settings` work from the same rows. */
#ifndef HOST_CONF_KEYS_H
#define HOST_CONF_KEYS_H

#include "base/err.h"
#include "conf/conf.h"
#include "conf/value.h"

struct conf_key {
  const char *name; /* NULL ends a table */
  enum conf_want want;
  /* Where the value goes: const char * for texts, int64_t for numbers, durations, sizes, bool for truth values, and
   * const struct conf_node * (NULL: not there) for what has kids. */
  size_t offset;
  const char *dflt;                              /* as a user would type it; NULL: none */
  int64_t min, max;                              /* used when min < max */
  const struct conf_key *members;                /* WANT_GROUP: its own table, offsets in the same struct */
  int (*check)(const char *text, struct err *e); /* a further look at a text; NULL: none */
  bool required;
  bool secret; /* never shown in a message */
  const char *doc;
  const char *const *choices; /* ends with NULL: the text is one of these, and its number goes into an int64_t; NULL: any text */
};

struct conf_table {
  const char *title;
  const struct conf_key *keys;
};
/* All of them, for help and documentation; ends with a NULL title. */
extern const struct conf_table conf_tables[];

enum keys_mode {
  KEYS_CLOSED, /* an unknown name is an error */
  KEYS_OPEN    /* others are somebody else's: the options of a connector */
};
/* Puts group (NULL: nothing written) into *base, defaults for what is missing.  0, or -1 with errors in d; what is right is set. */
int keys_read(const struct conf_key *keys, const struct conf_node *group, const char *where, enum keys_mode mode, void *base,
              struct arena *a, struct diags *d);

/* "none, latest or all".  In a. */
const char *keys_choices(const struct conf_key *k, struct arena *a);

#endif
