/* Taking our own parameter out of libpq's URL. */
#include "store/address.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static bool is_name(const char *s, size_t n) {
  return n > 0 && n <= 63 && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") >= n;
}

int address_parse(const char *url, struct address *ret, struct err *e) {
  static const char key[] = "schema=";
  char *rest = xstrdup(url), *to = strchr(rest, '?'), *schema = NULL;
  char first = '?';
  for (const char *from = to ? url + (to - rest) : NULL; from && *from;) { /* from: the '?' or '&' before a parameter */
    const char *param = from + 1, *end = param + strcspn(param, "&");
    if (strncmp(param, key, sizeof key - 1) == 0) {
      param += sizeof key - 1;
      if (!is_name(param, (size_t)(end - param))) {
        err_set(e, ETL_E_CONFIG, "'state': schema=%.*s is no name of a schema here", (int)(end - param), param);
        err_remedy(e, "use letters, digits and _, at most 63 of them");
        free(schema);
        free(rest);
        return -1;
      }
      free(schema);
      schema = xasprintf("%.*s", (int)(end - param), param);
    } else {
      *to++ = first;
      memcpy(to, param, (size_t)(end - param));
      to += end - param;
      first = '&';
    }
    from = end;
  }
  if (to)
    *to = 0;
  *ret = (struct address){.url = rest, .schema = schema ? schema : xstrdup("etl_state")};
  return 0;
}

void address_fini(struct address *a) {
  free(a->url);
  free(a->schema);
}
