/* text.h: growing text, a pool of small allocations, and T-SQL's two kinds of quotes.  One thread at a time per object. */
#ifndef SQLSERVER_TEXT_H
#define SQLSERVER_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Growing text.  Running out of memory sets `failed`, and nothing is added from then on: check once, at the end. */
struct text {
  char *p; /* NUL ended; NULL while nothing was added */
  size_t n, cap;
  bool failed;
};
void text_add_n(struct text *t, const char *p, size_t n);
void text_add(struct text *t, const char *s);
__attribute__((format(printf, 2, 3))) void text_addf(struct text *t, const char *fmt, ...);
void text_identifier(struct text *t, const char *name); /* [name], closing brackets doubled */
void text_literal(struct text *t, const char *s);       /* N'text', quotes doubled */
/* The name of a table's stream; parts with dots or quotes stand in "quotes", so that no two tables share one. */
void text_stream(struct text *t, const char *schema, const char *table);
void text_fini(struct text *t);                         /* accepts a zeroed one */
static inline const char *text_str(const struct text *t) { return t->p ? t->p : ""; }

/* Allocations that live and die together. */
struct pool {
  void *head;
};
void *pool_alloc(struct pool *p, size_t n); /* zeroed; NULL: out of memory */
char *pool_strndup(struct pool *p, const char *s, size_t n);
char *pool_strdup(struct pool *p, const char *s); /* NULL gives NULL */
void pool_fini(struct pool *p);

#endif
