/* Help, printed from the table of commands; wrapped at 80 columns. */
#include <string.h>

#include "cli/cli.h"

enum {
  WIDTH = 80,
  INDENT = 26
};

void cli_put_wrapped(const char *text, size_t at, size_t indent, FILE *to) {
  for (bool first = true; *text; first = false) {
    text += strspn(text, " ");
    size_t n = strcspn(text, " ");
    if (!first && at + 1 + n > WIDTH) {
      fprintf(to, "\n%*s", (int)indent, "");
      at = indent;
    } else if (!first && n) {
      fputc(' ', to);
      at++;
    }
    fprintf(to, "%.*s", (int)n, text);
    at += n;
    text += n;
  }
  fputc('\n', to);
}

static void put_row(const char *left, const char *right, FILE *to) {
  int n = fprintf(to, "  %s", left);
  if (n + 2 > INDENT)
    fprintf(to, "\n%*s", INDENT, "");
  else
    fprintf(to, "%*s", INDENT - n, "");
  cli_put_wrapped(right, INDENT, INDENT, to);
}

static void put_options(const char *title, const struct cli_option *o, FILE *to) {
  if (!o->name)
    return;
  fprintf(to, "\n%s:\n", title);
  for (; o->name; o++) {
    char left[128];
    snprintf(left, sizeof left, "%c%c%c --%s%s%s%s", o->letter ? '-' : ' ', o->letter ? o->letter : ' ', o->letter ? ',' : ' ',
             o->name, o->arg ? " " : "", o->arg ? o->arg : "", o->many ? " ..." : "");
    put_row(left, o->doc, to);
  }
}

static void help_all(FILE *to) {
  fputs("etl moves data from SQL Server shards into PostgreSQL, exactly once.\n\nUsage: etl [-c FILE] COMMAND "
        "[OPTIONS]\n\nCommands:\n",
        to);
  for (const struct cli_command *c = cli_commands; c->name; c++) {
    char left[128];
    if (c->hidden)
      continue;
    snprintf(left, sizeof left, "%s%s%s", c->name, *c->arguments ? " " : "", c->arguments);
    put_row(left, c->summary, to);
  }
  put_options("Options", cli_globals, to);
  fputs("\nExit status: 0 success, 1 failed, 2 wrong usage or configuration, 3 some lanes\n"
        "failed, 4 cancelled, 5 the worker process died.  Of commands that ask the\n"
        "host: 3 none is running, 4 this user may not ask it.\n",
        to);
}

void cli_help(const struct cli_command *c, FILE *to) {
  if (!c) {
    help_all(to);
    return;
  }
  fprintf(to, "etl %s: %s\n\nUsage: etl %s%s%s [OPTIONS]\n", c->name, c->summary, c->name, *c->arguments ? " " : "", c->arguments);
  if (c->doc) {
    fputc('\n', to);
    cli_put_wrapped(c->doc, 0, 0, to);
  }
  put_options("Options", c->options, to);
  put_options("Options of all commands", cli_globals, to);
}
