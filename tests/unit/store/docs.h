/* unit/store/docs.h: the queries that docs/state-store.md shows; the compiler is told where that is. */
#ifndef TESTS_UNIT_STORE_DOCS_H
#define TESTS_UNIT_STORE_DOCS_H

#include "fixture.h"

static inline int docs_each(void (*query)(const char *sql)) {
  static const char begins[] = "```sql\n", ends[] = "```";
  FILE *f = fopen(STATE_STORE_MD, "r");
  cr_assert_not_null(f, "%s", STATE_STORE_MD);
  char *text = arena_alloc(arena, 65536);
  cr_assert_lt(fread(text, 1, 65535, f), 65535);
  fclose(f);
  int n = 0;
  for (char *at = text, *end; (at = strstr(at, begins)); at = end + sizeof ends, n++) {
    at += sizeof begins - 1;
    end = strstr(at, ends);
    *end = 0;
    query(at);
  }
  return n;
}

#endif
