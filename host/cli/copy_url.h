/* cli/copy_url.h: where `etl copy` reads and writes, from a URL or a file's name to the settings of a stage. */
#ifndef HOST_CLI_COPY_URL_H
#define HOST_CLI_COPY_URL_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"

struct place {
  const char *plugin;
  const char *shown;    /* without user and password */
  const char *identity; /* with all that tells it from another place, but no password */
  bool tables;          /* it has tables; else it is one itself */
  bool standard;        /* "-": standard input or output */
};
/* What text names; its settings, in the language of the configuration, are written to `to`.  In a.  0, or -1 with e. */
int place_read(const char *text, struct arena *a, FILE *to, struct place *ret, struct err *e);
/* Whether what the connector reads and writes is in tables; else it is in files, which `path` names. */
bool place_has_tables(const char *plugin);
/* A text as a value of the configuration: "a \"b\"". */
void place_quote(const char *text, FILE *to);
/* Overwrites the password of a URL and the values in its query, where other users of the system could see them (an argument of this
 * process). */
void place_hide(char *url);

#endif
