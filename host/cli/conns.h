/* cli/conns.h: asking a connection of etl.conf, for commands that do. */
#ifndef HOST_CLI_CONNS_H
#define HOST_CLI_CONNS_H

#include "cli/launch.h"

struct conns {
  struct launch l; /* spec: of the connection in hand */
  struct arena *arena;
  struct diags d;
  json_t *streams; /* "stream" events of the last answer */
  json_t *answer;  /* NULL: there was none */
};
/* Reads etl.conf, and with `pipelines` these, too.  CLI_OK, or an exit status after telling why.  To be ended by conns_fini() in both cases. */
int conns_init(struct conns *c, const struct cli_args *a, bool pipelines);
void conns_fini(struct conns *c);
/* Asks (engine/ask_connection.c); takes the question.  The exit status; errors are told. */
int conns_ask(struct conns *c, const char *name, json_t *question);

#endif
