/* One setting as each type. */
#include <criterion/criterion.h>
#include <string.h>

#include "conf/source.h"
#include "conf/value.h"

/* The complaint about `text` (in libconfig's language) as `want`, or NULL. */
static char *complaint(const char *text, enum conf_want want, bool hide, struct conf_value *ret) {
  struct arena *a = arena_new();
  struct conf_node *n;
  struct diags d = {0};
  cr_assert_eq(source_read_value(text, a, &n), 0, "%s", text);
  int rc = value_take(n, want, hide, &d, ret);
  cr_expect_eq(rc<0, d.n> 0);
  char *said = d.n ? strdup(d.list[0].text) : NULL;
  diags_fini(&d);
  arena_free(a);
  return said;
}

Test(value, taken) {
  struct conf_value v;
  static const struct {
    const char *text;
    enum conf_want want;
    int64_t i;
  } good[] = {{"5", WANT_INT, 5},
              {"-5", WANT_INT, -5},
              {"0x10", WANT_INT, 16},
              {"5000000000L", WANT_INT, 5000000000},
              {"\"1433\"", WANT_INT, 1433},
              {"true", WANT_BOOL, 1},
              {"\"false\"", WANT_BOOL, 0},
              {"\"10s\"", WANT_DURATION, 10000000000},
              {"0", WANT_DURATION, 0},
              {"\"16MiB\"", WANT_SIZE, 16 << 20},
              {"4096", WANT_SIZE, 4096},
              {"{ a = 1; }", WANT_GROUP, 0},
              {"( { a = 1; }, { } )", WANT_GROUPS, 0},
              {"()", WANT_GROUPS, 0},
              {"[ \"a\", \"b\" ]", WANT_LIST, 0},
              {"( \"a\" )", WANT_LIST, 0},
              {"\"a\"", WANT_LIST, 0},
              {"{ a = \"b\"; }", WANT_MAP, 0}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    char *said = complaint(good[i].text, good[i].want, false, &v);
    cr_expect_null(said, "%s: %s", good[i].text, said);
    cr_expect_eq(v.i, good[i].i, "%s", good[i].text);
    free(said);
  }
  free(complaint("0.25", WANT_FLOAT, false, &v));
  cr_expect_float_eq(v.f, 0.25, 1e-12);
  free(complaint("3", WANT_FLOAT, false, &v));
  cr_expect_float_eq(v.f, 3.0, 1e-12, "a whole number is a number");
}

Test(value, refused) {
  struct conf_value v;
  static const struct {
    const char *text;
    enum conf_want want;
  } bad[] = {{"1.5", WANT_INT},
             {"\"\"", WANT_INT},
             {"\" 5\"", WANT_INT},
             {"\"5x\"", WANT_INT},
             {"\"99999999999999999999\"", WANT_INT},
             {"5", WANT_STRING},
             {"true", WANT_STRING},
             {"1", WANT_BOOL},
             {"\"yes\"", WANT_BOOL},
             {"\"nan\"", WANT_FLOAT},
             {"10", WANT_DURATION},
             {"\"ten\"", WANT_SIZE},
             {"1.5", WANT_SIZE},
             {"[ 1, 2 ]", WANT_LIST},
             {"{ a = 1; }", WANT_MAP},
             {"( 1 )", WANT_GROUPS},
             {"\"x\"", WANT_GROUP},
             {"( )", WANT_STRING},
             {"{ }", WANT_LIST}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    char *said = complaint(bad[i].text, bad[i].want, false, &v);
    cr_expect_not_null(said, "%s", bad[i].text);
    free(said);
  }
  char *said = complaint("\"hunter2\"", WANT_INT, true, &v);
  cr_expect_null(strstr(said, "hunter2"));
  free(said);
}

Test(value, shortest_text_of_a_float) {
  struct arena *a = arena_new();
  struct conf_node *n;
  cr_assert_eq(source_read_value("0.1", a, &n), 0);
  cr_expect_str_eq(n->text, "0.1");
  cr_assert_eq(source_read_value("1.0e10", a, &n), 0);
  cr_expect_str_eq(n->text, "1e+10");
  cr_expect_eq(source_read_value("[ 1, ", a, &n), -1);
  cr_expect_eq(source_read_value("1; y = 2", a, &n), -1);
  arena_free(a);
}
