/* The tables themselves: every row can be shown to a user, and every default is one that a user could write. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <string.h>

#include "conf/tables.h"

static size_t rows;

static void check_rows(const struct conf_key *keys, const char *title) {
  for (const struct conf_key *k = keys; k->name; k++) {
    rows++;
    cr_expect(k->doc && isupper((unsigned char)k->doc[0]), "%s: '%s' has no doc, or one that is no sentence", title, k->name);
    cr_expect_not_null(value_want_name(k->want));
    cr_expect_not(k->required && k->dflt, "%s: '%s' is required and has a default", title, k->name);
    for (const struct conf_key *l = keys; l != k; l++)
      cr_expect_str_neq(k->name, l->name);
    if (k->members)
      check_rows(k->members, k->name);
  }
}

Test(keys, rows) {
  for (const struct conf_table *t = conf_tables; t->title; t++)
    check_rows(t->keys, t->title);
  cr_expect_gt(rows, 30);
}

Test(keys, defaults_are_valid) {
  struct arena *a = arena_new();
  struct diags d = {0};
  struct main_settings m = {0};
  struct pipeline_settings p = {0};
  cr_expect_eq(keys_read(main_keys, NULL, "etl.conf", KEYS_CLOSED, &m, a, &d), 0);
  keys_read(pipeline_keys, NULL, "a pipeline", KEYS_CLOSED, &p, a, &d);
  cr_expect_eq(d.n, 2, "extract and load are missing, and nothing else is wrong");
  cr_expect_eq(p.p.memory_bytes, 256 << 20);
  diags_fini(&d);
  arena_free(a);
}
