/* Columns that line up. */
#include <criterion/criterion.h>

#include "base/table.h"

static char *print(const struct table *t) {
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  table_print(t, f);
  fclose(f);
  return text;
}

Test(table, lines_up_with_any_letters) {
  static const char *const heads[] = {"SHARD", ">ROWS", "NOTE", NULL};
  struct table *t = table_new(heads);
  table_cell(t, "eu1");
  table_cell(t, "%d", 1200);
  table_cell(t, "ok");
  table_cell(t, "東京");
  table_cell(t, "7");
  table_cell(t, "%s", "");
  table_rule(t);
  table_cell(t, "Zürich-west");
  char *text = print(t);
  cr_assert_str_eq(text, "SHARD        ROWS  NOTE\n"
                         "eu1          1200  ok\n"
                         "東京            7\n"
                         "-----------  ----  ----\n"
                         "Zürich-west\n");
  free(text);
  table_free(t);
}

Test(table, only_heads) {
  static const char *const heads[] = {"A", ">B", NULL};
  struct table *t = table_new(heads);
  char *text = print(t);
  cr_assert_str_eq(text, "A  B\n");
  free(text);
  table_free(t);
  table_free(NULL);
}
