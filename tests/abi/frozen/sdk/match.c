/* Patterns of names. */
#include <strings.h>

#include "etl/sdk.h"

static bool same(char a, char b, bool ignore_case) { return ignore_case ? strncasecmp(&a, &b, 1) == 0 : a == b; }

bool etl_match(const char *pattern, const char *text, bool ignore_case) {
  const char *star = NULL, *again = NULL;
  while (*text) {
    if (*pattern == '*') {
      star = pattern++;
      again = text;
    } else if (*pattern && (*pattern == '?' || same(*pattern, *text, ignore_case))) {
      pattern++;
      text++;
    } else if (star) {
      pattern = star + 1;
      text = ++again;
    } else {
      return false;
    }
  }
  while (*pattern == '*')
    pattern++;
  return *pattern == '\0';
}
