/* `etl run` and `etl plan` as a user starts them, with connectors that need no server. */
#include "../tmpdir.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/wait.h>

static char out[1 << 16], errors[1 << 16];

static void enter(void) {
  tmpdir_enter();
  tmpdir_write("etl.conf", "plugin_dirs = [ \"" CONNECTORS "\" ];\ncache_dir = \"%s/cache\";\n", tmpdir_path);
  unsetenv("ETL_CONF");
  unsetenv("ETL_PLUGIN_PATH");
}
TestSuite(run, .init = enter, .fini = tmpdir_leave);

#define LOAD "load = { plugin = \"ledger\"; file = \"../ledger.json\"; };\nerror_handling = { max_retries = 0; };\n"

static void slurp(const char *name, char *to) {
  FILE *f = fopen(name, "r");
  cr_assert_not_null(f);
  to[fread(to, 1, sizeof out - 1, f)] = '\0';
  fclose(f);
}

static int etl(const char *args) {
  char line[8192];
  snprintf(line, sizeof line, ">out 2>errors '" ETL "' %s", args);
  int status = system(line);
  cr_assert(WIFEXITED(status));
  slurp("out", out);
  slurp("errors", errors);
  return WEXITSTATUS(status);
}

Test(run, moves_rows_and_then_nothing) {
  tmpdir_write("pipelines.d/p.conf", "extract = { plugin = \"gen\"; rows = 1500; shards = [ \"a\", \"b\" ]; };\n" LOAD);
  cr_expect_eq(etl("run p"), 0, "%s", errors);
  cr_expect_not_null(strstr(out, "numbers/b  1,500    1,500         0         0       1"), "%s", out);
  cr_expect_not_null(strstr(out, "success: 3,000 rows written in "));
  cr_expect_not_null(strstr(errors, "p: run "), "a log goes to stderr");
  cr_expect_eq(etl("run p --shard b"), 0);
  cr_expect_null(strstr(out, "numbers/a"));
  cr_expect_not_null(strstr(out, "success: nothing new"));
  cr_expect_eq(etl("run p --progress none"), 0);
  cr_expect_str_eq(out, "");
  cr_expect_str_eq(errors, "");
}

Test(run, json_is_lines_of_json) {
  tmpdir_write("pipelines.d/p.conf", "extract = { plugin = \"gen\"; };\n" LOAD);
  cr_expect_eq(etl("run p --progress json --dry-run"), 0);
  cr_expect_str_eq(errors, "");
  const char *last = NULL;
  char *rest = NULL;
  for (char *line = strtok_r(out, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    json_t *j = json_loads(line, 0, NULL);
    cr_assert_not_null(j, "%s", line);
    json_decref(j);
    last = line;
  }
  cr_expect_not_null(strstr(last, "\"event\":\"summary\""));
  cr_expect_not_null(strstr(last, "\"rows_read\":10"));
  cr_expect_neq(access("ledger.json", F_OK), 0, "a dry run writes nothing");
}

Test(run, exit_statuses) {
  tmpdir_write("pipelines.d/bad.conf", "extract = { plugin = \"gen\"; fail_at = 5; };\n" LOAD);
  cr_expect_eq(etl("run bad"), 1);
  cr_expect_not_null(strstr(out, "failed: "), "%s", out);
  cr_expect_not_null(strstr(out, "error in numbers/0 (extract, gen): gen: row 5 fails"), "%s", out);
  cr_expect_eq(etl("run bad --progress none"), 1);
  cr_expect_str_eq(out, "");
  cr_expect_not_null(strstr(errors, "row 5 fails"));
  cr_expect_eq(etl("run bda"), 2);
  cr_expect_not_null(strstr(errors, "bad"), "the nearest name: %s", errors);
  cr_expect_eq(etl("run bad --limit 0"), 2);
  cr_expect_eq(etl("run bad --shard nowhere"), 2);
  cr_expect_not_null(strstr(out, "there is no shard 'nowhere'"), "%s", out);
}

Test(run, all_mistakes_before_anything_starts) {
  tmpdir_write("pipelines.d/p.conf",
               "extract = { plugin = \"gen\"; rwos = 1; };\nload = { plugin = \"ledgr\"; };\nepoch = { rows = \"many\"; };\n");
  for (int i = 0; i < 2; i++) {
    cr_expect_eq(etl(i ? "plan p" : "run p"), 2);
    cr_expect_str_eq(out, "");
    cr_expect_not_null(strstr(errors, "p.conf:1: error: "), "%s", errors);
    cr_expect_not_null(strstr(errors, "p.conf:2: error: "), "%s", errors);
    cr_expect_not_null(strstr(errors, "p.conf:3: error: "), "%s", errors);
    cr_expect_not_null(strstr(errors, "etl: 3 errors in the configuration\n"), "%s", errors);
  }
}

/* Waits for a text in a process's output; what was read so far is in out. */
static void await(int fd, const char *text) {
  size_t n = strlen(out);
  while (!strstr(out, text)) {
    ssize_t got = read(fd, out + n, sizeof out - 1 - n);
    cr_assert_gt(got, 0, "it ended without saying '%s': %s", text, out);
    n += (size_t)got;
    out[n] = '\0';
  }
}

struct started {
  pid_t pid;
  int fd; /* what it says, on both of its streams */
};

/* A run that has no end of its own, once it moves rows. */
static struct started start_endless(void) {
  struct started s;
  int to[2];
  tmpdir_write("pipelines.d/p.conf",
               "extract = { plugin = \"gen\"; rows = 1000000000000L; };\n" LOAD "epoch = { rows = 1000; };\n");
  cr_assert_eq(pipe2(to, O_CLOEXEC), 0);
  out[0] = '\0';
  s.pid = fork();
  cr_assert_geq(s.pid, 0);
  if (s.pid == 0) {
    dup2(to[1], STDOUT_FILENO);
    dup2(to[1], STDERR_FILENO);
    execl(ETL, "etl", "run", "p", "--progress", "json", (char *)NULL);
    _exit(127);
  }
  close(to[1]);
  s.fd = to[0];
  await(s.fd, "\"event\":\"progress\"");
  return s;
}

static int end_of(struct started *s) {
  int status = 0;
  await(s->fd, "\"event\":\"summary\"");
  cr_assert_eq(waitpid(s->pid, &status, 0), s->pid);
  for (size_t n = strlen(out);;) { /* the rest of the line */
    ssize_t got = read(s->fd, out + n, sizeof out - 1 - n);
    if (got <= 0)
      break;
    n += (size_t)got;
    out[n] = '\0';
  }
  close(s->fd);
  cr_assert(WIFEXITED(status));
  return WEXITSTATUS(status);
}

Test(run, ctrl_c_commits_what_is_in_hand, .timeout = 60) {
  struct started s = start_endless();
  kill(s.pid, SIGINT);
  await(s.fd, "etl: stopping: ");
  cr_expect_eq(end_of(&s), 4);
  cr_expect_not_null(strstr(out, "\"status\":\"cancelled\""), "%s", out);
  cr_expect_eq(access("ledger.json", F_OK), 0);
}

Test(run, a_worker_that_is_killed, .timeout = 60) {
  struct started s = start_endless();
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)s.pid, (int)s.pid);
  slurp(path, errors);
  pid_t worker = (pid_t)strtol(errors, NULL, 10);
  cr_assert_gt(worker, 1);
  kill(worker, SIGKILL);
  cr_expect_eq(end_of(&s), 5);
  cr_expect_not_null(strstr(out, "\"status\":\"crashed\""), "%s", out);
  cr_expect_not_null(strstr(out, "SIGKILL"), "%s", out);
}

#define COLUMNS                                                                                                                    \
  "\nColumns\n"                                                                                                                    \
  "COLUMN  SOURCE  TARGET  LOST ON THE WAY\n"                                                                                      \
  "id      number  l\n"                                                                                                            \
  "name    words   u       lossy: the tone\n"                                                                                      \
  "\nWrite\n"                                                                                                                      \
  "  note: connector ledger does not say what it would write\n"                                                                    \
  "\nGuarantee: exactly-once: rows and cursor are committed in one transaction of the target, and every run goes on from what "    \
  "the target "                                                                                                                    \
  "says\n"

Test(run, a_plan) {
  tmpdir_write("pipelines.d/p.conf", "extract = { plugin = \"gen\"; shards = [ \"a\", \"b\" ]; };\n" LOAD);
  cr_expect_eq(etl("plan p"), 0, "%s", errors);
  cr_expect_str_eq(out, "Plan of p for 2 lanes.  Nothing was written.\n"
                        "\nRead numbers/a, numbers/b\n"
                        "  from the start: nothing is committed yet\n"
                        "    numbers behind 0\n"
                        "  warning: there is no index\n" COLUMNS);
  cr_expect_neq(access("ledger.json", F_OK), 0, "a plan writes nothing");
  cr_expect_eq(etl("run p --shard b"), 0);
  cr_expect_eq(etl("plan p --shard b -o json"), 0);
  json_t *j = json_loads(out, 0, NULL), *lanes = json_object_get(j, "lanes");
  cr_expect_str_eq(json_string_value(json_object_get(json_object_get(j, "guarantee"), "level")), "exactly-once");
  cr_expect_eq(json_array_size(lanes), 1);
  cr_expect_str_eq(json_string_value(json_object_get(json_array_get(lanes, 0), "cursor")), "10");
  cr_expect_null(json_object_get(j, "event"));
  json_decref(j);
  cr_expect_eq(etl("plan p --shard nowhere"), 2);
  cr_expect_str_eq(out, "");
  cr_expect_not_null(strstr(errors, "there is no shard 'nowhere'"));
}

Test(run, a_plan_with_shards_that_are_down) {
  tmpdir_write("pipelines.d/p.conf", "extract = { plugin = \"gen\"; shards = [ \"a\", \"b\" ]; down = \"a\"; };\n" LOAD);
  cr_expect_eq(etl("plan p"), 3, "%s", errors);
  cr_expect_str_eq(out, "Plan of p for 2 lanes.  Nothing was written.\n"
                        "\nRead numbers/a\n"
                        "  error (extract, gen): gen: shard a is down, as it was told to be\n"
                        "  class retryable\n"
                        "\nRead numbers/b\n"
                        "  from the start: nothing is committed yet\n"
                        "    numbers behind 0\n"
                        "  warning: there is no index\n" COLUMNS);
  cr_expect_eq(etl("plan p --shard a"), 1);
}

/* What each transformer makes of the columns is asked of it. */
Test(run, a_plan_with_transformers) {
  tmpdir_write("etl.conf", "plugin_dirs = [ \"" CONNECTORS "\", \"" PLUGINS "\" ];\ncache_dir = \"%s/cache\";\n", tmpdir_path);
  tmpdir_write("pipelines.d/p.conf",
               "extract = { plugin = \"gen\"; };\n"
               "transforms = ( { plugin = \"columns\"; constant = { tenant = \"acme\"; }; cast = { id = \"int32\"; }; },\n"
               "  { plugin = \"columns\"; drop = [ \"name\" ]; } );\n" LOAD);
  cr_expect_eq(etl("plan p"), 0, "%s", errors);
  cr_expect_not_null(strstr(out, "  transform 1, columns: adds tenant; changes the type of id\n"
                                 "  transform 2, columns: drops name\n"
                                 "COLUMN  SOURCE  TARGET                LOST ON THE WAY\n"
                                 "id      number  i\n"
                                 "tenant          u\n"
                                 "name    words   (dropped or renamed)  lossy: the tone\n"),
                     "%s", out);
  tmpdir_write("pipelines.d/p.conf", "extract = { plugin = \"gen\"; };\n"
                                     "transforms = ( { plugin = \"columns\"; drop = [ \"nmae\" ]; } );\n" LOAD);
  cr_expect_eq(etl("plan p"), 1, "%s", errors);
  cr_expect_not_null(strstr(out, "  error (transform 1, columns): "), "%s", out);
  cr_expect_not_null(strstr(out, "nmae"), "%s", out);
}
