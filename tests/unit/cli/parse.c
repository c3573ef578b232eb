/* Arguments against the table of commands. */
#include <criterion/criterion.h>
#include <string.h>

#include "cli/cli.h"

static struct cli_args args;
static struct err err;

/* Splits a line at spaces, parses it. */
static int parse(const char *line) {
  static char words[512];
  static char *argv[32];
  int argc = 0;
  cli_args_fini(&args);
  snprintf(words, sizeof words, "etl %s", line);
  char *rest;
  for (char *w = strtok_r(words, " ", &rest); w; w = strtok_r(NULL, " ", &rest))
    argv[argc++] = w;
  argv[argc] = NULL;
  return cli_parse(argc, argv, &args, &err);
}

static void done(void) { cli_args_fini(&args); }
TestSuite(parse, .fini = done);

Test(parse, commands_and_options) {
  cr_assert_eq(parse("check some.conf"), 0);
  cr_expect_str_eq(args.command->name, "check");
  cr_expect_str_eq(cli_word(&args, 0), "some.conf");
  cr_expect_null(cli_word(&args, 1));
  cr_assert_eq(parse("-c x.conf plugin list -o json"), 0);
  cr_expect_str_eq(args.command->name, "plugin list");
  cr_expect_str_eq(cli_opt(&args, "conf"), "x.conf");
  cr_expect_str_eq(cli_opt(&args, "output"), "json");
  cr_assert_eq(parse("plugin info postgres --conf=y.conf --kind loader -ojson"), 0);
  cr_expect_str_eq(cli_opt(&args, "conf"), "y.conf");
  cr_expect_str_eq(cli_opt(&args, "kind"), "loader");
  cr_expect_str_eq(cli_opt(&args, "output"), "json");
  cr_expect_str_eq(cli_word(&args, 0), "postgres");
  cr_assert_eq(parse("check -- --odd-name"), 0);
  cr_expect_str_eq(cli_word(&args, 0), "--odd-name");
  cr_assert_eq(parse("check --pipeline="), 0);
  cr_expect_str_eq(cli_opt(&args, "pipeline"), "");
  cr_expect_null(cli_opt(&args, "conf"));
  cr_expect_not(cli_flag(&args, "help"));
}

Test(parse, help_needs_nothing_else) {
  cr_assert_eq(parse("--help"), 0);
  cr_expect(args.help);
  cr_expect_null(args.command);
  cr_assert_eq(parse("plugin info --help"), 0);
  cr_expect(args.help);
  cr_expect_str_eq(args.command->name, "plugin info");
  cr_assert_eq(parse("-V"), 0);
  cr_expect(args.version);
}

Test(parse, mistakes) {
  static const char *const cases[][2] = {
      {"", "what shall be done?"},
      {"chekc", "there is no command 'chekc'; did you mean 'check'?"},
      {"xyzzy", "there is no command 'xyzzy'"},
      {"conns", "'etl conns' is half a command; there are: 'etl conns list', 'etl conns test', 'etl conns discover'"},
      {"plugin lst", "there is no command 'plugin lst'; did you mean 'plugin list'?"},
      {"plugin info", "'etl plugin info' wants NAME"},
      {"plugin list x", "'etl plugin list' does not know what to do with 'x'"},
      {"check --pipelin x", "there is no option --pipelin; did you mean --pipeline?"},
      {"check --pipeline", "--pipeline lacks its value: --pipeline NAME"},
      {"check --pipeline a --pipeline b", "--pipeline is given twice; once is enough"},
      {"plugin list -o xml", "--output cannot be 'xml'; write one of text|json"},
      {"plugin list -o tex", "--output cannot be 'tex'; write one of text|json"},
      {"plugin list -o text|json", "--output cannot be 'text|json'; write one of text|json"},
      {"check -x", "there is no option -x"},
      {"--help=yes", "--help takes no value"},
      {"--pipeline x check", "there is no option --pipeline"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cr_expect_eq(parse(cases[i][0]), -1, "%s", cases[i][0]);
    cr_expect_str_eq(err.message, cases[i][1]);
    cr_expect_eq(err.error_class, ETL_E_CONFIG);
  }
}

/* Options given more than once, numbers: with a table of the test's own, since commands come and go. */
Test(parse, values_by_number) {
  static const struct cli_option many = {0, "shard", "ID", .many = true};
  struct cli_value values[] = {{&many, "a"}, {&many, "b"}};
  const struct cli_args a = {.values = values, .values_n = 2};
  cr_expect_eq(cli_opt_n(&a, "shard"), 2);
  cr_expect_str_eq(cli_opt_at(&a, "shard", 0), "a");
  cr_expect_str_eq(cli_opt_at(&a, "shard", 1), "b");
  cr_expect_null(cli_opt_at(&a, "shard", 2));
  cr_expect_str_eq(cli_opt(&a, "shard"), "b");
  cr_expect_eq(cli_opt_n(&a, "limit"), 0);
}

Test(parse, help_tells_every_command_and_option) {
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  cli_help(NULL, f);
  fclose(f);
  for (const struct cli_command *c = cli_commands; c->name; c++)
    cr_expect_eq(strstr(text, c->name) != NULL, !c->hidden, "%s", c->name);
  free(text);
  for (const struct cli_command *c = cli_commands; c->name; c++) {
    cr_expect_not_null(c->summary);
    f = open_memstream(&text, &n);
    cli_help(c, f);
    fclose(f);
    for (const struct cli_option *o = c->options; o->name; o++) {
      cr_expect_not_null(o->doc, "%s --%s", c->name, o->name);
      cr_expect_not_null(strstr(text, o->name), "%s --%s", c->name, o->name);
    }
    for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
      cr_expect_leq(strcspn(line, "\n"), 80, "%s: %.100s", c->name, line);
    free(text);
  }
}
