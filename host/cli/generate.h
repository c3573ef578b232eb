/* cli/generate.h: `etl generate`: what the new pipeline is to do, and the files that say so. */
#ifndef HOST_CLI_GENERATE_H
#define HOST_CLI_GENERATE_H

#include "cli/conns.h"

struct plan_of_pipeline { /* texts are borrowed or in the arena; NULL or "": not there */
  const char *name, *from, *table, *to, *target, *mode, *key, *cursor, *schedule;
  const char *from_files, *to_files; /* the connector of a connection that has files, whose `path` table or target is; NULL: it has tables */
};
/* ---- generate_ask.c: asks on the terminal for what p lacks.  CLI_OK, or an exit status after telling why */
int generate_ask(struct conns *c, struct plan_of_pipeline *p);

/* ---- generate.c: fills in from_files and to_files; what the target is called when nobody says it */
void generate_kinds(const struct conf *conf, struct plan_of_pipeline *p);
const char *generate_target(const struct plan_of_pipeline *p, struct arena *a);

/* ---- generate_files.c */
/* The text of the pipeline's file.  To be freed. */
char *generate_text(const struct plan_of_pipeline *p);
/* NAME.conf, NAME.env.example and NAME.README.md in dir; tells each on stdout.  Files that are there are left alone without force, and nothing
 * is written then.  0, or -1 with e. */
int generate_files(const struct plan_of_pipeline *p, const struct conf *conf, const char *dir, bool force, struct err *e);

#endif
