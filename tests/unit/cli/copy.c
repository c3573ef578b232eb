/* `etl copy` from a pipe into a pipe; what stands in the list of processes. */
#include "../tmpdir.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/mem.h"
#include "cli/copy_url.h"

static void enter(void) {
  tmpdir_enter();
  setenv("ETL_PLUGIN_PATH", PLUGINS, 1);
  unsetenv("ETL_CONF");
}
TestSuite(copy, .init = enter, .fini = tmpdir_leave);

Test(copy, from_a_pipe_into_a_pipe) {
  char text[256];
  tmpdir_write("in.csv", "id,name\n1,a\n2,\"b,c\"\n");
  int status = system("cat in.csv | '" ETL "' copy --from - --to - --progress none 2>errors | cat >out");
  cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  FILE *f = fopen("out", "r");
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  cr_expect_str_eq(text, "id,name\n1,\"a\"\n2,\"b,c\"\n");
}

static const char *settings_of(struct arena *a, const char *text, struct place *ret, struct err *e) {
  char *settings;
  size_t n;
  FILE *f = open_memstream(&settings, &n);
  int rc = place_read(text, a, f, ret, e);
  fclose(f);
  const char *copy = rc == 0 ? arena_strdup(a, settings) : NULL;
  free(settings);
  return copy;
}

Test(copy, urls_and_names) {
  static const struct {
    const char *text, *settings, *shown;
  } cases[] = {
      {"mssql://sa:p%40ss%22@[::1]:1434/shop?encryption=require&connect_timeout=5s",
       "plugin = \"sqlserver\"; host = \"::1\"; port = 1434; user = \"sa\"; password = \"p@ss\\\"\"; database = \"shop\"; encryption = \"require\"; "
       "connect_timeout = \"5s\"; ",
       "mssql://[::1]:1434/shop"},
      {"sqlserver://db1", "plugin = \"sqlserver\"; host = \"db1\"; ", "sqlserver://db1"},
      {"postgres://u:p@h/d?sslmode=require", "plugin = \"postgres\"; url = \"postgres://u:p@h/d?sslmode=require\"; ", "postgres://h/d"},
      {"csv:some file", "plugin = \"csv\"; path = \"some file\"; ", "csv:some file"},
      {"a.ndjson", "plugin = \"jsonl\"; path = \"a.ndjson\"; ", "a.ndjson"},
      {"jsonl:-", "plugin = \"jsonl\"; path = \"-\"; ", "jsonl:-"},
      {"-", "plugin = \"csv\"; path = \"-\"; ", "-"},
      {"a.txt", NULL, NULL},
      {"ftp://u:p@h/a.csv", NULL, NULL},
      {"sqlserver://h?Bad=1", NULL, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct arena *a = arena_new();
    struct place p;
    struct err e = {0};
    const char *settings = settings_of(a, cases[i].text, &p, &e);
    cr_expect(settings && cases[i].settings ? strcmp(settings, cases[i].settings) == 0 : settings == cases[i].settings, "%s: %s", cases[i].text,
              settings ? settings : e.message);
    if (settings && cases[i].shown)
      cr_expect_str_eq(p.shown, cases[i].shown);
    cr_expect_null(strstr(e.message, "u:p"));
    arena_free(a);
  }
}

Test(copy, passwords_are_overwritten) {
  char url[] = "postgresql://u:se@cret@h:1/d?x=a:b@c", none[] = "postgresql://u@h/d";
  place_hide(url);
  cr_expect_str_eq(url, "postgresql://u:*******@h:1/d?x=a:b@c");
  place_hide(none);
  cr_expect_str_eq(none, "postgresql://u@h/d");
}
