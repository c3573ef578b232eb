/* base/mem.h: allocation for the host's own small things.  The x functions never return NULL: out of memory ends the process with
 * a message, since nothing sensible is left to do (killing is always safe).  Batches do not come from here, see engine/budget.h. */
#ifndef HOST_BASE_MEM_H
#define HOST_BASE_MEM_H

#include <stddef.h>

enum { MEM_EXIT_STATUS = 71 };

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
__attribute__((format(printf, 1, 2))) char *xasprintf(const char *fmt, ...);

/* Frees a local `cleanup_free char *p` when it goes out of scope. */
#define cleanup_free __attribute__((cleanup(mem_free_ptr)))
void mem_free_ptr(void *pp);

/* An arena: allocations of one lifetime, freed together.  One thread at a time. */
struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a); /* accepts NULL */
void arena_reset(struct arena *a); /* forgets all allocations, keeps a little memory for the next ones */
void *arena_alloc(struct arena *a, size_t size);                      /* zeroed, aligned to 16 */
void *arena_alloc_aligned(struct arena *a, size_t size, size_t align); /* zeroed; align: a power of two up to 64 */
char *arena_strdup(struct arena *a, const char *s);                   /* NULL gives NULL */
void *arena_memdup(struct arena *a, const void *p, size_t n);         /* a NUL is put behind it */
/* A list of n that was made by this alone (NULL: of none), with room for one more, zeroed.  What it had may be moved. */
void *arena_more(struct arena *a, void *list, size_t n, size_t size);
__attribute__((format(printf, 2, 3))) char *arena_printf(struct arena *a, const char *fmt, ...);

#endif
