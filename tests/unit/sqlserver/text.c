/* Quoting, and text that grows. */
#include <criterion/criterion.h>

#include "text.h"

Test(text, identifiers_double_their_closing_bracket) {
  struct text t = {0};
  text_identifier(&t, "plain");
  text_identifier(&t, "a]b]");
  text_identifier(&t, "it's [x");
  cr_expect_str_eq(t.p, "[plain][a]]b]]][it's [x]");
  text_fini(&t);
}

Test(text, literals_double_their_quotes) {
  struct text t = {0};
  text_literal(&t, "it's; DROP TABLE t --");
  text_literal(&t, "");
  cr_expect_str_eq(t.p, "N'it''s; DROP TABLE t --'N''");
  text_fini(&t);
}

Test(text, grows_over_its_first_room) {
  struct text t = {0};
  for (int i = 0; i < 1000; i++)
    text_addf(&t, "%04d,", i);
  cr_expect_eq(t.n, 5000);
  cr_expect_str_eq(t.p + 4995, "0999,");
  cr_expect_not(t.failed);
  text_fini(&t);
}

Test(text, a_pool_copies) {
  struct pool p = {0};
  char s[] = "abc";
  char *copy = pool_strdup(&p, s);
  s[0] = 'x';
  cr_expect_str_eq(copy, "abc");
  cr_expect_null(pool_strdup(&p, NULL));
  pool_fini(&p);
  cr_expect_null(p.head);
}
