/* Secret texts, held apart from options so that nothing prints them by accident. */
#include <stdlib.h>
#include <string.h>

#include "plugin/options.h"

#define PREFIX "secret:"

const char *secrets_add(struct secrets *s, const char *text, struct arena *a) {
  s->texts = xrealloc(s->texts, (s->n + 1) * sizeof *s->texts);
  s->texts[s->n] = xstrdup(text);
  return arena_printf(a, PREFIX "%zu", s->n++);
}

const char *secrets_get(const struct secrets *s, const char *ref) {
  if (!ref || strncmp(ref, PREFIX, sizeof PREFIX - 1) != 0)
    return NULL;
  char *end;
  const char *digits = ref + sizeof PREFIX - 1;
  unsigned long i = strtoul(digits, &end, 10);
  return *digits >= '0' && *digits <= '9' && !*end && i < s->n ? s->texts[i] : NULL;
}

void secrets_fini(struct secrets *s) {
  for (size_t i = 0; i < s->n; i++) {
    explicit_bzero(s->texts[i], strlen(s->texts[i]));
    free(s->texts[i]);
  }
  free(s->texts);
  *s = (struct secrets){0};
}
