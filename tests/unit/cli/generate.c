/* `etl generate` on a terminal: it asks for what the options leave open. */
#include "../tmpdir.h"

#include <criterion/criterion.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char screen[1 << 16];

/* Answers are typed at once; the terminal keeps them until they are read. */
static int dialogue(char *const *argv, const char *answers) {
  int master, status;
  pid_t pid = forkpty(&master, NULL, NULL, NULL);
  cr_assert_geq(pid, 0);
  if (pid == 0) {
    execv(ETL, argv);
    _exit(127);
  }
  cr_assert_eq(write(master, answers, strlen(answers)), (ssize_t)strlen(answers));
  size_t n = 0;
  for (ssize_t got; n < sizeof screen - 1 && (got = read(master, screen + n, sizeof screen - 1 - n)) > 0;)
    n += (size_t)got;
  screen[n] = '\0';
  cr_assert_eq(waitpid(pid, &status, 0), pid);
  close(master);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void enter(void) {
  tmpdir_enter();
  mkdir("pipelines.d", 0755);
  unsetenv("ETL_CONF");
  setenv("ETL_PLUGIN_PATH", PLUGINS ":" CONNECTORS, 1);
  tmpdir_write("etl.conf", "connections = { numbers = { plugin = \"gen\"; }; files = { plugin = \"csv\"; }; };\n");
}
TestSuite(generate, .init = enter, .fini = tmpdir_leave);

static const char *text_of(const char *path) {
  static char text[8192];
  FILE *f = fopen(path, "r");
  cr_assert_not_null(f, "%s is not there:\n%s", path, screen);
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  return text;
}

Test(generate, asks_for_what_is_missing) {
  char *const argv[] = {"etl", "generate", "--mode", "merge", NULL};
  dialogue(argv, "mine\n9\n1\nsome.\"table\\x\nat,  id\nnumbers\n\nid\n@daily\n");
  cr_expect_not_null(strstr(screen, "'9' is not among them."), "%s", screen);
  cr_expect_not_null(strstr(screen, "Its tables cannot be listed"), "%s", screen);
  const char *text = text_of("pipelines.d/mine.conf");
  cr_expect_not_null(strstr(text, "  connection = \"numbers\";\n  table = \"some.\\\"table\\\\x\";\n"), "%s", text);
  cr_expect_not_null(strstr(text, "  cursor = [ \"at\", \"id\" ];\n"), "%s", text);
  cr_expect_not_null(strstr(text, "  table = \"\\\"table\\\\x\";\n  mode = \"merge\";\n  key = [ \"id\" ];\n"), "%s", text);
  cr_expect_not_null(strstr(text, "schedule = \"@daily\";\n"), "%s", text);
  text_of("pipelines.d/mine.env.example");
  text_of("pipelines.d/mine.README.md");
}

Test(generate, offers_what_the_source_has) {
  char *const argv[] = {"etl", "generate", "--name", "mine", NULL};
  tmpdir_write("users.csv", "id,name\n1,a\n");
  cr_assert_eq(system("'" ETL "' copy --from users.csv --to app.db --table users --key id --progress none"), 0);
  cr_assert_eq(system("'" ETL "' copy --from users.csv --to app.db --table other --progress none"), 0);
  tmpdir_write("etl.conf", "connections = { app = { plugin = \"sqlite\"; path = \"app.db\"; }; };\n");
  cr_expect_eq(dialogue(argv, "app\n2\nid\n1\n\n\n\n\n"), 0, "%s", screen);
  cr_expect_not_null(strstr(screen, "   1  other\r\n   2  users\r\n"), "%s", screen);
  cr_expect_not_null(strstr(screen, "Its columns: id, name\r\n"), "%s", screen);
  const char *text = text_of("pipelines.d/mine.conf");
  cr_expect_not_null(strstr(text, "  table = \"users\";\n  mode = \"merge\";\n  key = [ \"id\" ];\n"), "%s", text);
  cr_expect_null(strstr(text, "schedule"), "%s", text);
}

Test(generate, an_end_of_input_writes_nothing) {
  char *const argv[] = {"etl", "generate", "--name", "mine", NULL};
  cr_expect_eq(dialogue(argv, "numbers\nt\n\x04\x04"), 4, "%s", screen);
  cr_expect_not_null(strstr(screen, "nothing was written"), "%s", screen);
  cr_expect_eq(access("pipelines.d/mine.conf", F_OK), -1);
}
