/* Names and literals. */
#include <criterion/criterion.h>

#include "text.h"

Test(text, names_are_quoted) {
  struct text t = {0};
  text_add_name(&t, "plain");
  text_add(&t, " ");
  text_add_name(&t, "My \"odd\" name");
  cr_expect_str_eq(text_str(&t), "\"plain\" \"My \"\"odd\"\" name\"");
  text_fini(&t);
}

Test(text, literals_are_quoted) {
  struct text t = {0};
  text_add_literal(&t, "it's");
  text_add(&t, ",");
  text_add_literal(&t, "a\\'b");
  text_add(&t, ",");
  text_add_literal(&t, "");
  cr_expect_str_eq(text_str(&t), "'it''s', E'a\\\\''b',''");
  text_fini(&t);
}

Test(text, grows) {
  struct text t = {0};
  cr_expect_str_eq(text_str(&t), "");
  for (int i = 0; i < 1000; i++)
    text_addf(&t, "%d,", i);
  cr_expect_eq(t.n, 3890);
  cr_expect(!t.failed);
  text_clear(&t);
  cr_expect_str_eq(text_str(&t), "");
  text_fini(&t);
}

Test(text, elements_of_an_array) {
  struct text t = {0};
  text_add(&t, "{");
  text_add_element(&t, "plain");
  text_add_element(&t, "a \"b\", \\c");
  text_add_element(&t, "{");
  text_add_element(&t, "");
  text_add(&t, "}");
  cr_expect_str_eq(text_str(&t), "{\"plain\",\"a \\\"b\\\", \\\\c\",\"{\",\"\"}");
  text_fini(&t);
}

Test(text, blocks_hold_any_name) {
  struct text t = {0}, block = {0};
  text_add(&block, "BEGIN DROP TABLE ");
  text_add_name(&block, "it's $etl$");
  text_add(&block, "; END");
  text_add_block(&t, &block);
  cr_expect_str_eq(text_str(&t), "DO 'BEGIN DROP TABLE \"it''s $etl$\"; END'");
  text_fini(&block);
  text_fini(&t);
}
