/* Growing text, pools, and quoting.  The only place of this connector that quotes a name or a string for T-SQL. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool text_room(struct text *t, size_t more) {
  if (t->failed)
    return false;
  if (t->n + more + 1 <= t->cap)
    return true;
  size_t cap = t->cap ? t->cap * 2 : 256;
  while (cap < t->n + more + 1)
    cap *= 2;
  char *p = realloc(t->p, cap);
  if (!p) {
    t->failed = true;
    return false;
  }
  t->p = p;
  t->cap = cap;
  return true;
}

void text_add_n(struct text *t, const char *p, size_t n) {
  if (!text_room(t, n))
    return;
  if (n)
    memcpy(t->p + t->n, p, n);
  t->n += n;
  t->p[t->n] = '\0';
}

void text_add(struct text *t, const char *s) { text_add_n(t, s, strlen(s)); }

void text_addf(struct text *t, const char *fmt, ...) {
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  if (n < 0)
    t->failed = true;
  else if (text_room(t, (size_t)n)) {
    vsnprintf(t->p + t->n, (size_t)n + 1, fmt, again);
    t->n += (size_t)n;
  }
  va_end(again);
}

/* Between open and close, with every close doubled. */
static void text_quoted(struct text *t, const char *open, char close, const char *s) {
  text_add(t, open);
  for (const char *q; (q = strchr(s, close)); s = q + 1) {
    text_add_n(t, s, (size_t)(q - s) + 1);
    text_add_n(t, &close, 1);
  }
  text_add(t, s);
  text_add_n(t, &close, 1);
}

void text_identifier(struct text *t, const char *name) { text_quoted(t, "[", ']', name); }

void text_stream(struct text *t, const char *schema, const char *table) {
  const char *const parts[] = {schema, table};
  for (size_t i = 0; i < 2; i++) {
    text_add(t, i ? "." : "");
    if (strpbrk(parts[i], ".\""))
      text_quoted(t, "\"", '"', parts[i]);
    else
      text_add(t, parts[i]);
  }
}

void text_literal(struct text *t, const char *s) { text_quoted(t, "N'", '\'', s); }

void text_fini(struct text *t) {
  free(t->p);
  *t = (struct text){0};
}

struct pool_block {
  struct pool_block *next;
  max_align_t data[];
};

void *pool_alloc(struct pool *p, size_t n) {
  struct pool_block *b = calloc(1, sizeof *b + n);
  if (!b)
    return NULL;
  b->next = p->head;
  p->head = b;
  return b->data;
}

char *pool_strndup(struct pool *p, const char *s, size_t n) {
  char *copy = pool_alloc(p, n + 1);
  if (copy)
    memcpy(copy, s, n);
  return copy;
}

char *pool_strdup(struct pool *p, const char *s) { return s ? pool_strndup(p, s, strlen(s)) : NULL; }

void pool_fini(struct pool *p) {
  for (struct pool_block *b = p->head, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  p->head = NULL;
}
