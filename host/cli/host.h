/* cli/host.h: asking the host that runs, or, where that can work, the state store alone while none runs. */
#ifndef HOST_CLI_HOST_H
#define HOST_CLI_HOST_H

#include <jansson.h>

#include "cli/cli.h"

/* Further exit statuses of commands that ask a host, as service managers have them. */
enum { HOST_NOT_RUNNING = 3, HOST_NO_ACCESS = 4 };

/* A part of an answer that comes before its end, as soon as it comes.  False: it is not to be kept for the answer. */
typedef bool host_part_fn(void *arg, const json_t *part);

struct host_answer {
  json_t *json;    /* all parts that were kept in one */
  bool from_store; /* no host runs */
};
/* Takes request, whose "cmd" is a row of serve/commands.h.  part may be NULL.  CLI_OK, or an exit status after telling the user why; without a host
 * and with an answer of the store the user is told that, too, on stderr, unless quiet. */
int host_ask(const struct cli_args *a, json_t *request, host_part_fn *part, void *arg, bool quiet, struct host_answer *ret);
void host_answer_fini(struct host_answer *h);

/* -o json: prints it and returns true. */
bool host_print_json(const struct cli_args *a, const struct host_answer *h);
/* Asks, and prints the answer as JSON or by print().  The exit status. */
int host_tell(const struct cli_args *a, json_t *request, bool quiet, void (*print)(const struct cli_args *a, const struct host_answer *h));
/* The state of a run, and its colour. */
struct colours;
const char *host_state_colour(const struct colours *c, const char *state);
/* "cmd", and each word or option that was given: word i as words[i], flags and texts by the names that they have on the command line, - as _. */
json_t *host_request(const struct cli_args *a, const char *cmd, const char *const *words);

#endif
