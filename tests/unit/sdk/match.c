/* Patterns of names. */
#include <criterion/criterion.h>

#include "etl/sdk.h"

Test(match, patterns) {
  static const struct { const char *pattern, *text; bool exact, folded; } cases[] = {
    {"", "", true, true},          {"", "a", false, false},        {"a", "", false, false},        {"abc", "abc", true, true},
    {"abc", "ABC", false, true},   {"a?c", "abc", true, true},     {"a?c", "ac", false, false},    {"*", "", true, true},
    {"*", "anything", true, true}, {"dbo.*", "dbo.t", true, true}, {"DBO.*", "dbo.t", false, true}, {"dbo.*", "dbox.t", false, false},
    {"*.log*", "app.login_log", true, true}, {"a*b*c", "aXbYbZc", true, true}, {"a*b*c", "aXbYbZ", false, false}, {"a*", "b", false, false},
    {"*a", "banana", true, true},  {"*?", "", false, false},       {"[a]*", "[a] b", true, true},  {"**", "x", true, true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    cr_expect_eq(etl_match(cases[i].pattern, cases[i].text, false), cases[i].exact, "%s on %s", cases[i].pattern, cases[i].text);
    cr_expect_eq(etl_match(cases[i].pattern, cases[i].text, true), cases[i].folded, "%s on %s, without case", cases[i].pattern, cases[i].text);
  }
}
