/* A list of blocks. */
#include "pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct block {
  struct block *next;
  max_align_t bytes[];
};

void *pool_alloc(struct pool *p, size_t n) {
  struct block *b = calloc(1, sizeof *b + n);
  if (!b)
    return NULL;
  b->next = p->head;
  p->head = b;
  return b->bytes;
}

char *pool_strndup(struct pool *p, const char *s, size_t n) {
  char *to = pool_alloc(p, n + 1);
  if (to)
    memcpy(to, s, n);
  return to;
}

char *pool_strdup(struct pool *p, const char *s) { return s ? pool_strndup(p, s, strlen(s)) : NULL; }

char *pool_printf(struct pool *p, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  char *to = n < 0 ? NULL : pool_alloc(p, (size_t)n + 1);
  if (!to)
    return NULL;
  va_start(ap, fmt);
  vsnprintf(to, (size_t)n + 1, fmt, ap);
  va_end(ap);
  return to;
}

void pool_fini(struct pool *p) {
  for (struct block *b = p->head, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  p->head = NULL;
}
