/* Variables and files in texts. */
#include "conf/expand.h"
#include "tmpdir.h"

TestSuite(expand, .init = tmpdir_enter, .fini = tmpdir_leave);

static struct arena *arena;
static struct diags diags;
static struct conf_node node;

/* The expanded text, or NULL after an error. */
static const char *expand(const char *text) {
  if (!arena)
    arena = arena_new();
  diags_fini(&diags);
  node = (struct conf_node){.kind = CONF_STRING, .name = "x", .text = text, .origin = "f:1", .base_dir = tmpdir_path};
  int rc = expand_node(&node, arena, &diags);
  cr_expect_eq(rc<0, diags.errors> 0);
  cr_expect_eq(rc < 0, node.broken);
  return rc < 0 ? NULL : node.text;
}

static void done(void) {
  arena_free(arena);
  diags_fini(&diags);
}

Test(expand, variables) {
  setenv("A", "1", 1);
  setenv("B_2", "two", 1);
  setenv("EMPTY", "", 1);
  unsetenv("NONE");
  static const char *const cases[][2] = {{"plain", "plain"},
                                         {"${A}", "1"},
                                         {"a${A}b${B_2}c", "a1btwoc"},
                                         {"${NONE:-x}", "x"},
                                         {"${NONE:-}", ""},
                                         {"${EMPTY:-x}", "x"},
                                         {"[${EMPTY}]", "[]"},
                                         {"${A:-x}", "1"},
                                         {"${NONE:-${A}${NONE:-y}}", "1y"},
                                         {"$${A}", "${A}"},
                                         {"$A $ 100$", "$A $ 100$"},
                                         {"$$", "$$"},
                                         {"a}b", "a}b"},
                                         {"${NONE:-a:-b}", "a:-b"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *got = expand(cases[i][0]);
    cr_assert_not_null(got, "%s", cases[i][0]);
    cr_expect_str_eq(got, cases[i][1], "%s", cases[i][0]);
    cr_expect_not(node.secret);
  }
  done();
}

Test(expand, mistakes) {
  unsetenv("NONE");
  static const char *const bad[] = {
      "${NONE}", "${", "${A", "${}", "${1A}", "${A B}", "${file:}", "${file:nowhere}", "${NONE:-${ALSO_NONE}}", "${:-x}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    cr_expect_null(expand(bad[i]), "%s", bad[i]);
    cr_expect_eq(diags.n, 1, "%s", bad[i]);
  }
  expand("${NONE} ${ALSO_NONE}");
  cr_expect_eq(diags.n, 2, "each missing variable is told");
  done();
}

Test(expand, files) {
  tmpdir_write("pw", "hunter2\n");
  tmpdir_write("crlf", "hunter2\r\n");
  tmpdir_write("two", "a\n\n");
  tmpdir_write("empty", "%s", "");
  setenv("DIR", tmpdir_path, 1);
  cr_expect_str_eq(expand("${file:pw}"), "hunter2");
  cr_expect(node.secret);
  cr_expect_str_eq(expand("u:${file:crlf}@"), "u:hunter2@");
  cr_expect_str_eq(expand("${file:two}"), "a\n", "only one newline is taken away");
  cr_expect_str_eq(expand("${file:empty}"), "");
  cr_expect_str_eq(expand("${file:${DIR}/pw}"), "hunter2");
  FILE *f = fopen("zero", "w");
  fwrite("a\0b", 1, 3, f);
  fclose(f);
  cr_expect_null(expand("${file:zero}"));
  tmpdir_write("latin", "\xff");
  cr_expect_null(expand("${file:latin}"));
  cr_expect_str_eq(diags.list[0].text, "'x': the value of a variable in it is not UTF-8");
  done();
}

Test(expand, files_that_are_not_read) {
  tmpdir_write("open", "%s", "hunter2");
  chmod("open", 0666);
  cr_expect_null(expand("${file:open}"), "who else may write it decides what it says");
  cr_expect_not_null(strstr(diags.list[0].text, "may be written by every user"));
  cr_assert_eq(mkfifo("pipe", 0600), 0);
  cr_expect_null(expand("${file:pipe}"), "nobody would ever write into it");
  cr_expect_not_null(strstr(diags.list[0].text, "it is no file, but a pipe"));
  done();
}
