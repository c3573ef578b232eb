/* pool.h: allocations that live and die together.  One thread at a time. */
#ifndef FILES_POOL_H
#define FILES_POOL_H

#include <stddef.h>

struct pool {
  void *head;
};
void *pool_alloc(struct pool *p, size_t n); /* zeroed; NULL: out of memory */
char *pool_strndup(struct pool *p, const char *s, size_t n);
char *pool_strdup(struct pool *p, const char *s); /* NULL gives NULL */
__attribute__((format(printf, 2, 3))) char *pool_printf(struct pool *p, const char *fmt, ...);
void pool_fini(struct pool *p);

#endif
