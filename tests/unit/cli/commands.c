/* The executable itself: what it prints, where, and its exit status. */
#include "../plugin/samples.h"

#include <jansson.h>
#include <sys/wait.h>

#include "cli/cli.h"
#include "conf/keys.h"

static char out[65536], errors[65536];

static void enter(void) {
  tmpdir_enter();
  mkdir("plugins", 0755);
  mkdir("pipelines.d", 0755);
  tmpdir_write("etl.conf", "plugin_dirs = [ \"plugins\" ];\n");
  unsetenv("ETL_CONF");
  unsetenv("ETL_PLUGIN_PATH");
}
TestSuite(commands, .init = enter, .fini = tmpdir_leave);

static void slurp(const char *name, char *to, size_t size) {
  FILE *f = fopen(name, "r");
  cr_assert_not_null(f);
  to[fread(to, 1, size - 1, f)] = '\0';
  fclose(f);
}

static int etl(const char *args) {
  char line[8192];
  snprintf(line, sizeof line, ">out 2>errors '" ETL "' %s", args);
  int status = system(line);
  cr_assert(WIFEXITED(status));
  slurp("out", out, sizeof out);
  slurp("errors", errors, sizeof errors);
  return WEXITSTATUS(status);
}

Test(commands, usage) {
  cr_expect_eq(etl("--version"), 0);
  cr_expect_eq(strncmp(out, "etl ", 4), 0);
  cr_expect_eq(etl("chekc"), 2);
  cr_expect_str_eq(errors, "etl: there is no command 'chekc'; did you mean 'check'?\n");
  cr_expect_str_eq(out, "");
  cr_expect_eq(etl(""), 2);
  cr_expect_eq(etl("--help >/dev/full"), 1);
  cr_expect_not_null(strstr(errors, "No space left"));
}

/* Help is made from the table, so it tells of all that can be typed, and fits a terminal. */
Test(commands, help_of_each) {
  for (const struct cli_command *c = cli_commands; c->name; c++) {
    char args[128];
    snprintf(args, sizeof args, "%s --help", c->name);
    cr_expect_eq(etl(args), 0, "%s", args);
    cr_expect_not_null(strstr(out, c->summary), "%s: %s", args, out);
    for (const struct cli_option *o = c->options; o->name; o++)
      cr_expect_not_null(strstr(out, o->name), "%s does not tell of --%s", args, o->name);
    for (const char *line = out; *line; line += strcspn(line, "\n") + 1)
      cr_expect_leq(strcspn(line, "\n"), 80, "%.*s", (int)strcspn(line, "\n"), line);
  }
  cr_expect_eq(etl("--help"), 0);
  for (const struct cli_command *c = cli_commands; c->name; c++)
    cr_expect_eq(strstr(out, c->summary) == NULL, c->hidden, "%s", c->name);
}

/* One file a kind, all called sample. */
Test(commands, check_that_is_fine) {
  sample_copy("good", "plugins/sample.so");
  sample_copy("transformer", "plugins/transformer.so");
  sample_copy("loader", "plugins/loader.so");
  tmpdir_write("pipelines.d/a.conf",
               "extract = { plugin = \"sample\"; host = \"h\"; };\ntransforms = ( { plugin = \"sample\"; host = \"h\"; } );\n"
               "load = { plugin = \"sample\"; host = \"h\"; };\n");
  cr_expect_eq(etl("check"), 0, "%s", errors);
  cr_expect_str_eq(out, "configuration ok: 1 pipeline\n");
  cr_expect_str_eq(errors, "");
  tmpdir_write("pipelines.d/b.conf",
               "extract = { plugin = \"sample\"; host = \"h\"; };\nload = { plugin = \"sample\"; host = \"h\"; };\n");
  cr_expect_eq(etl("-c etl.conf check"), 0, "%s", errors);
  cr_expect_str_eq(out, "configuration ok: 2 pipelines\n");
  sample_copy("crash", "plugins/sample.so");
  cr_expect_eq(etl("check"), 2);
  cr_expect_not_null(strstr(errors, "pipelines.d/a.conf:1: error: the connector "));
  cr_expect_not_null(strstr(errors, "SIGSEGV"));
  cr_expect_null(strstr(errors, "b.conf"), "one file's crash is told once");
}

Test(commands, check_all_at_once) {
  sample_copy("good", "plugins/sample.so");
  sample_copy("crash", "plugins/z.so");
  tmpdir_write("pipelines.d/a.conf", "extract = { plugin = \"sample\"; hots = \"h\"; mode = \"one\"; };\n"
                                     "transforms = ( { plugin = \"sampel\"; } );\nload = { plugin = \"sample\"; };\n");
  tmpdir_write("pipelines.d/b.conf", "schedul = 1;\nextract = { plugin = \"sample\"; host = \"h\"; shards = ( { } ); };\n"
                                     "load = { plugin = \"sample\"; table = \"${NOT_SET}\"; };\n");
  cr_expect_eq(etl("check etl.conf"), 2);
  cr_expect_str_eq(out, "");
  static const char *const lines[] = {
      "pipelines.d/a.conf:1: error: connector 'sample' has no option 'hots' here; did you mean 'host'?\n",
      "pipelines.d/a.conf:1: error: option 'host' of connector 'sample' is missing: Where it is. Write for instance: host = "
      "\"db1\";\n",
      "pipelines.d/a.conf:2: error: there is no transformer 'sampel'",
      "pipelines.d/a.conf:3: error: 'sample' (",
      "pipelines.d/b.conf:1: error: unknown setting 'schedul' in a pipeline; did you mean 'schedule'?\n",
      "pipelines.d/b.conf:2: error: option 'id' of connector 'sample' is missing: Its id. Write for instance: id = \"eu1\";\n",
      "pipelines.d/b.conf:3: error: 'table': the environment variable NOT_SET is not set",
      "etl: 8 errors in the configuration\n"};
  const char *at = errors;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    const char *found = strstr(at, lines[i]);
    cr_expect_not_null(found, "not there, or not in order: %s in:\n%s", lines[i], errors);
    at = found ? found : at;
  }
  cr_expect_eq(etl("check --pipeline b"), 2);
  cr_expect_null(strstr(errors, "a.conf"));
  cr_expect_eq(etl("check --pipeline nothing"), 2);
  cr_expect_not_null(strstr(errors, "there is no pipeline 'nothing'"));
}

Test(commands, plugin_list) {
  sample_copy("good", "plugins/sample.so");
  sample_copy("major_2", "plugins/later.so");
  cr_expect_eq(etl("plugin list"), 0, "%s", errors);
  cr_expect_not_null(strstr(out, "NAME    VERSION  KINDS      ABI  STATUS   FILE\n"), "%s", out);
  cr_expect_not_null(strstr(out, "sample  1.2      extractor  1.0  ok       "), "%s", out);
  cr_expect_not_null(strstr(out, "later.so is refused: it is built for ABI 2, and this host speaks ABI 1; install a newer etl"));
  cr_expect_eq(etl("plugin list -o json"), 0);
  json_t *j = json_loads(out, 0, NULL);
  cr_assert_eq(json_array_size(j), 2);
  const json_t *first = json_array_get(j, 0), *second = json_array_get(j, 1);
  cr_expect_str_eq(json_string_value(json_object_get(first, "status")), "refused");
  cr_expect_eq(json_integer_value(json_object_get(first, "abi_major")), 2);
  cr_expect_str_eq(json_string_value(json_object_get(second, "name")), "sample");
  cr_expect_str_eq(json_string_value(json_array_get(json_object_get(second, "kinds"), 0)), "extractor");
  cr_expect_null(json_object_get(second, "reason"));
  json_decref(j);
  tmpdir_write("etl.conf", "plugin_dirs = [ \"nowhere\" ];\n");
  cr_expect_eq(etl("plugin list"), 0);
  cr_expect_not_null(strstr(out, "There is no connector in "));
  tmpdir_write("etl.conf", "plugin_dirs = 5;\n");
  cr_expect_eq(etl("plugin list"), 2);
}

Test(commands, plugin_info) {
  sample_copy("good", "plugins/sample.so");
  cr_expect_eq(etl("plugin info sample"), 0, "%s", errors);
  static const char *const lines[] = {"sample 1.2, extractor: Does nothing\nAt all.\nCan: reads on from a saved cursor\n",
                                      "  host: text, required\n      Where it is.\n      Example: db1\n",
                                      "  password: text, secret\n",
                                      "  mode: choice of one, two, default two\n",
                                      "  shards: groups\n",
                                      "      port: integer, 1 to 65535, default 1433\n          Its port.\n"};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    cr_expect_not_null(strstr(out, lines[i]), "%s in:\n%s", lines[i], out);
  cr_expect_eq(etl("plugin info sample -o json --kind extractor"), 0);
  json_t *j = json_loads(out, 0, NULL);
  cr_expect_eq(json_array_size(json_object_get(json_array_get(j, 0), "options")), 4);
  json_decref(j);
  cr_expect_eq(etl("plugin info sample --kind loader"), 2);
  cr_expect_eq(etl("plugin info sampel"), 2);
  cr_expect_str_eq(errors, "etl: there is no connector 'sampel'; did you mean 'sample'?\n");
  sample_copy("crash", "plugins/sample.so");
  cr_expect_eq(etl("plugin info sample"), 1);
  cr_expect_not_null(strstr(errors, "SIGSEGV"));
  sample_copy("note_lies", "plugins/sample.so");
  cr_expect_eq(etl("plugin info sample --kind loader"), 1);
  cr_expect_not_null(strstr(errors, "announces a loader, but there is none in it"));
}

Test(commands, settings) {
  cr_expect_eq(etl("settings"), 0);
  cr_expect_not_null(strstr(out, "  max_retries: a whole number, 0 to 1000000, default 3\n"));
  cr_expect_eq(etl("settings -o json"), 0);
  json_t *j = json_loads(out, 0, NULL);
  size_t tables = 0;
  while (conf_tables[tables].title)
    tables++;
  cr_expect_eq(json_array_size(j), tables);
  json_decref(j);
}
