/* The manual pages etl(1) and etl.conf(5), as roff, out of the tables that the parsers work by. */
#include <string.h>

#include "cli/cli.h"
#include "conf/keys.h"

/* Text that is no request, whatever it begins with, and whose hyphens can be copied to a terminal. */
static void put(const char *text) {
  if (*text == '.' || *text == '\'')
    fputs("\\&", stdout);
  for (; *text; text++)
    if (*text == '\\')
      fputs("\\e", stdout);
    else if (*text == '-')
      fputs("\\-", stdout);
    else
      putchar(*text);
}

static void put_line(const char *text) {
  put(text);
  putchar('\n');
}

static void put_bold(const char *text) {
  fputs("\\fB", stdout);
  put(text);
  fputs("\\fR", stdout);
}

static void head(const char *title, const char *name, const char *summary) {
  printf(".TH %s \"\" \"etl " ETL_VERSION "\" \"etl\"\n.SH NAME\n%s \\- %s\n", title, name, summary);
}

/* ---- etl(1) ------------------------------------------------------------------------------------------------------------------------- */

static void put_options(const struct cli_option *o) {
  for (; o->name; o++) {
    fputs(".TP\n", stdout);
    if (o->letter)
      printf("\\fB\\-%c\\fR, ", o->letter);
    fputs("\\fB\\-\\-", stdout);
    put(o->name);
    fputs("\\fR", stdout);
    if (o->arg) {
      fputs(" \\fI", stdout);
      put(o->arg);
      fputs("\\fR", stdout);
    }
    fputs(o->many ? " ...\n" : "\n", stdout);
    put_line(o->doc);
  }
}

static void put_command(const struct cli_command *c) {
  fputs(".SS ", stdout);
  put(c->name);
  fputs("\n.B etl ", stdout);
  put(c->name);
  fputs("\n", stdout);
  if (*c->arguments) {
    fputs(".I ", stdout);
    put_line(c->arguments);
  }
  if (c->options->name)
    fputs("[\\fIoptions\\fR]\n", stdout);
  fputs(".PP\nTo ", stdout);
  put(c->summary);
  fputs(".\n", stdout);
  if (c->doc)
    put_line(c->doc);
  put_options(c->options);
}

static void man_etl(void) {
  head("ETL 1", "etl", "move data from SQL Server shards and other sources into PostgreSQL and other sinks, exactly once");
  puts(".SH SYNOPSIS\n.B etl\n[\\fB\\-c\\fR \\fIFILE\\fR] \\fICOMMAND\\fR [\\fIoptions\\fR] [\\fIarguments\\fR]\n.SH DESCRIPTION\n"
       "A pipeline reads from a source, may change the rows on their way, and writes them into a sink, which stores with each part of\n"
       "them where the source is to be read on.  So whatever is killed when, no row is lost and none comes twice.\n"
       "Pipelines are files of the folder that\n.BR etl.conf (5)\nnames; connectors are shared objects.\n.SH COMMANDS");
  for (const struct cli_command *c = cli_commands; c->name; c++)
    if (!c->hidden)
      put_command(c);
  puts(".SH OPTIONS\nThese go with every command.");
  put_options(cli_globals);
  puts(".SH EXIT STATUS\n.TP\n0\nsuccess\n.TP\n1\nfailed\n.TP\n2\nwrong usage or configuration\n.TP\n3\nsome lanes (or rows) failed, the "
       "others did not\n.TP\n4\ncancelled\n.TP\n5\nthe worker process died; nothing is lost or doubled\n.PP\nOf commands that ask the host: 3 none is running, 4 this user may not ask it.\n.SH ENVIRONMENT\n.TP\n"
       ".B ETL_CONF\nthe configuration, if \\-c does not name it\n.TP\n.B ETL_PLUGIN_PATH\nfolders of connectors, separated by colons, instead of plugin_dirs\n.TP\n.B NO_COLOR\nno "
       "colours\n.SH SIGNALS\nSIGINT or SIGTERM lets a run commit what is in hand and end; a second one ends it at once.\n.SH SEE ALSO\n"
       ".BR etl.conf (5),\n\\fBetl plugin info\\fR, which shows the options of a connector");
}

/* ---- etl.conf(5) -------------------------------------------------------------------------------------------------------------------- */

static void put_keys(const struct conf_key *k) {
  for (; k->name; k++) {
    struct arena *a = arena_new();
    fputs(".TP\n", stdout);
    put_bold(k->name);
    printf(" (%s", k->choices ? keys_choices(k, a) : value_want_name(k->want));
    if (k->min < k->max)
      printf(", %s to %s", value_print(k->want, k->min, a), value_print(k->want, k->max, a));
    if (k->dflt && *k->dflt) {
      fputs(", default ", stdout);
      put(k->dflt);
    }
    fputs(k->required ? ", required)\n" : ")\n", stdout);
    put_line(k->doc);
    if (k->members) {
      puts(".RS");
      put_keys(k->members);
      puts(".RE");
    }
    arena_free(a);
  }
}

static void man_conf(void) {
  head("ETL.CONF 5", "etl.conf", "configuration of etl, and of its pipelines");
  puts(".SH DESCRIPTION\nWritten in the language of libconfig: \\fIname = value;\\fR, groups in { }, lists in ( ) or [ ].\n"
       "\\fB${NAME}\\fR stands for an environment variable, \\fB${NAME:\\-text}\\fR for text if it is not set, \\fB${file:PATH}\\fR for\n"
       "what is in a file, which is taken for a secret.\n.PP\nA pipeline is a file \\fINAME\\fR.conf in pipeline_dir.  Whatever "
       "is not named here is an option of a connector: see\n\\fBetl plugin info\\fR.");
  for (const struct conf_table *t = conf_tables; t->title; t++) {
    fputs(".SH SETTINGS OF ", stdout);
    put_line(t->title);
    put_keys(t->keys);
  }
  puts(".SH SEE ALSO\n.BR etl (1)");
}

int cmd_man(const struct cli_args *a) {
  const char *page = cli_word(a, 0);
  if (page && strcmp(page, "etl.conf") == 0)
    man_conf();
  else
    man_etl();
  return CLI_OK;
}
