/* What is made out of the table of commands: the manual page and the completion of bash know every command and option. */
#include "../tmpdir.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/cli.h"
#include "conf/keys.h"

static char out[1 << 18];

static void run(const char *line) {
  FILE *f = popen(line, "r");
  cr_assert_not_null(f);
  out[fread(out, 1, sizeof out - 1, f)] = '\0';
  cr_expect_eq(pclose(f), 0, "%s", line);
}

static void enter(void) {
  tmpdir_enter();
  mkdir("pipelines.d", 0755);
  unsetenv("ETL_CONF");
  tmpdir_write("etl.conf", "connections = { main = { plugin = \"x\"; }; other = { plugin = \"x\"; }; };\n");
  tmpdir_write("pipelines.d/logins.conf",
               "extract = { plugin = \"x\"; shards = ( { id = \"eu1\"; }, { id = \"us1\"; } ); };\nload = { plugin = \"x\"; };\n");
  tmpdir_write("pipelines.d/broken.conf", "extract = {");
  tmpdir_write("pipelines.d/lost.conf", "extract = { plugin = \"x\"; };\nload = { plugin = \"x\"; };\n");
}
TestSuite(generated, .init = enter, .fini = tmpdir_leave);

/* As roff writes it. */
static char *escaped(const char *text) {
  char *to = xcalloc(2 * strlen(text) + 1, 1);
  for (size_t n = 0; *text; text++) {
    if (*text == '-')
      to[n++] = '\\';
    to[n++] = *text;
  }
  return to;
}

Test(generated, the_manual_has_every_command_and_option) {
  run("'" ETL "' _man");
  for (const struct cli_command *c = cli_commands; c->name; c++) {
    cleanup_free char *title = xasprintf(".SS %s\n", c->name), *summary = escaped(c->summary);
    const char *at = strstr(out, title);
    cr_expect_eq(at == NULL, c->hidden, "%s", c->name);
    if (c->hidden)
      continue;
    const char *next = strstr(at + 1, ".SS ");
    cr_expect_not_null(strstr(at, summary), "%s", c->name);
    for (const struct cli_option *o = c->options; o->name; o++) {
      cleanup_free char *dashed = escaped(o->name), *option = xasprintf("\\fB\\-\\-%s\\fR", dashed);
      const char *found = strstr(at, option);
      cr_expect(found && (!next || found < next), "%s --%s", c->name, o->name);
    }
  }
  run("'" ETL "' _man etl.conf");
  for (const struct conf_table *t = conf_tables; t->title; t++)
    for (const struct conf_key *k = t->keys; k->name; k++) {
      cleanup_free char *name = xasprintf("\n\\fB%s\\fR (", k->name);
      cr_expect_not_null(strstr(out, name), "%s", k->name);
    }
}

/* What bash offers for a line whose last word is being typed. */
static void offered(const char *line) {
  cleanup_free char *command = xasprintf("bash -c 'source <(\"%s\" _completion bash); COMP_WORDS=(\"%s\" %s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
                                         "_etl; printf \"%%s\\n\" \"${COMPREPLY[@]}\"'",
                                         ETL, ETL, line);
  run(command);
}

static void expect_offer(const char *line, const char *word, bool there) {
  cleanup_free char *alone = xasprintf("\n%s\n", word), *text = xasprintf("\n%s", out);
  cr_expect_eq(strstr(text, alone) != NULL, there, "%s: %s%s in:\n%s", line, there ? "" : "no ", word, out);
}

Test(generated, bash_is_offered_every_command_and_option) {
  for (const struct cli_command *c = cli_commands; c->name; c++) {
    cleanup_free char *first = xasprintf("%.*s", (int)strcspn(c->name, " "), c->name), *line = xasprintf("%s --", c->name);
    offered("\"\"");
    expect_offer("", first, !c->hidden);
    if (c->hidden)
      continue;
    offered(line);
    for (const struct cli_option *o = c->options; o->name; o++) {
      cleanup_free char *option = xasprintf("--%s", o->name);
      expect_offer(line, option, true);
    }
    expect_offer(line, "--conf", true);
  }
}

Test(generated, bash_is_offered_names) {
  static const struct {
    const char *line, *word;
    bool there;
  } cases[] = {{"run \"\"", "logins", true},
               {"run lo", "lost", true},
               {"run log", "lost", false},
               {"-c etl.conf run \"\"", "logins", true},
               {"run logins --shard \"\"", "us1", true},
               {"run --shard \"\"", "us1", false},
               {"quarantine \"\"", "replay", true},
               {"quarantine \"\"", "run", false},
               {"quarantine drop \"\"", "lost", true},
               {"conns discover \"\"", "other", true},
               {"conns discover --pattern x o", "other", true},
               {"run logins --progress \"\"", "json", true},
               {"conns list -o \"\"", "json", true},
               {"check etl", "etl.conf", true},
               {"-c etl", "etl.conf", true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    offered(cases[i].line);
    expect_offer(cases[i].line, cases[i].word, cases[i].there);
  }
}

Test(generated, bash_does_not_carry_out_names) {
  tmpdir_write("pipelines.d/odd.conf", "extract = { plugin = \"x\"; shards = ( { id = \"$(touch made)\"; }, { id = \"`touch made`\"; }, { id = \"a b\"; } ); };\n"
                                       "load = { plugin = \"x\"; };\n");
  offered("run odd --shard \"\"");
  expect_offer("", "\\$\\(touch\\ made\\)", true);
  expect_offer("", "\\`touch\\ made\\`", true);
  expect_offer("", "a\\ b", true);
  cr_expect_neq(access("made", F_OK), 0, "a name was carried out");
}
