/* cli/cli.h: the `etl` command.  Parser, help and documentation are made from one table of commands (commands.c).  A handler gets
 * the options that were parsed, prints to stdout what was asked for and to stderr what went wrong, and returns the exit status. */
#ifndef HOST_CLI_CLI_H
#define HOST_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/err.h"

enum cli_exit {
  CLI_OK = 0,
  CLI_FAILED = 1,
  CLI_USAGE = 2, /* usage or configuration */
  CLI_PARTIAL = 3,
  CLI_CANCELLED = 4,
  CLI_CRASHED = 5
};

struct cli_option {
  char letter;      /* 0: none */
  const char *name; /* NULL ends a list */
  const char *arg;  /* what --help calls its value; "a|b": one of these, and nothing else; NULL: a flag */
  bool number;      /* its value is a whole number, 0 or more */
  bool many;        /* may be given again */
  const char *doc;
};

struct cli_args;
struct cli_command {
  const char *name;      /* "plugin list"; NULL ends the table */
  const char *arguments; /* of the synopsis: "NAME", "[CONF]"; "" none */
  const char *summary;   /* one line */
  const char *doc;       /* more for --help; NULL: none */
  unsigned min_args, max_args;
  const struct cli_option *options; /* ends with a NULL name */
  int (*run)(const struct cli_args *);
  bool hidden; /* for the program's own use */
};
extern const struct cli_command cli_commands[];
extern const struct cli_option cli_globals[];

struct cli_value {
  const struct cli_option *option;
  const char *text; /* "" for a flag */
};
struct cli_args {
  const struct cli_command *command;
  struct cli_value *values; /* in the order given */
  size_t values_n;
  const char **words; /* arguments that are no options */
  size_t words_n;
  bool help, version;
};
/* argv into *ret (to be freed with cli_args_fini() in any case).  0, or -1 with the mistake and the nearest valid name in e. */
int cli_parse(int argc, char *const *argv, struct cli_args *ret, struct err *e);
void cli_args_fini(struct cli_args *a);

/* The last value of an option, NULL if it was not given; all of them by number. */
const char *cli_opt(const struct cli_args *a, const char *name);
size_t cli_opt_n(const struct cli_args *a, const char *name);
const char *cli_opt_at(const struct cli_args *a, const char *name, size_t i);
bool cli_flag(const struct cli_args *a, const char *name);
const char *cli_word(const struct cli_args *a, size_t i); /* NULL: there are not so many */

/* Help of one command, or of the whole (NULL). */
void cli_help(const struct cli_command *c, FILE *to);
/* Words of text from column `at` on, wrapped at 80 columns and continued at column `indent`; ends the line. */
void cli_put_wrapped(const char *text, size_t at, size_t indent, FILE *to);
/* "etl: message; remedy" to stderr.  Returns the exit status that goes with its class. */
int cli_report(const struct err *e);

int cli_main(int argc, char *const *argv);

/* ---- handlers, one file each ---- */
int cmd_check(const struct cli_args *a);
int cmd_plugin_list(const struct cli_args *a);
int cmd_plugin_info(const struct cli_args *a);
int cmd_plugin_check(const struct cli_args *a);
int cmd_plugin_new(const struct cli_args *a);
int cmd_check_case(const struct cli_args *a);
int cmd_settings(const struct cli_args *a);
int cmd_describe(const struct cli_args *a);
int cmd_run(const struct cli_args *a);
int cmd_schedule(const struct cli_args *a);
int cmd_graph(const struct cli_args *a);
int cmd_serve(const struct cli_args *a);
int cmd_list(const struct cli_args *a);
int cmd_status(const struct cli_args *a);
int cmd_reload(const struct cli_args *a);
int cmd_start(const struct cli_args *a);
int cmd_stop(const struct cli_args *a);
int cmd_cancel(const struct cli_args *a);
int cmd_info(const struct cli_args *a);
int cmd_history(const struct cli_args *a);
int cmd_logs(const struct cli_args *a);
int cmd_pause(const struct cli_args *a);
int cmd_resume(const struct cli_args *a);
int cmd_breaker(const struct cli_args *a);
int cmd_worker(const struct cli_args *a);
int cmd_plan(const struct cli_args *a);
int cmd_verify(const struct cli_args *a);
int cmd_copy(const struct cli_args *a);
int cmd_man(const struct cli_args *a);
int cmd_completion(const struct cli_args *a);
int cmd_names(const struct cli_args *a);
int cmd_generate(const struct cli_args *a);
int cmd_preview(const struct cli_args *a);
int cmd_conns_list(const struct cli_args *a);
int cmd_conns_test(const struct cli_args *a);
int cmd_conns_discover(const struct cli_args *a);
int cmd_quarantine_list(const struct cli_args *a);
int cmd_quarantine_show(const struct cli_args *a);
int cmd_quarantine_drop(const struct cli_args *a);
int cmd_quarantine_replay(const struct cli_args *a);
int cmd_notify_list(const struct cli_args *a);
int cmd_notify_test(const struct cli_args *a);
int cmd_deliver(const struct cli_args *a);

#endif
