/* Allocation that cannot fail, and arenas.  An arena is a list of blocks; what is larger than a block gets one of its own. */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 16384, BIG_BLOCK_BYTES = 262144 /* is given back to the system when it is freed */ };

static void *checked(void *p) {
  if (p)
    return p;
  static const char text[] = "etl: out of memory\n";
  ssize_t n = write(STDERR_FILENO, text, sizeof text - 1);
  (void)n;
  _exit(MEM_EXIT_STATUS);
}

void *xcalloc(size_t n, size_t size) { return checked(calloc(n ? n : 1, size ? size : 1)); }

void *xrealloc(void *p, size_t size) { return checked(realloc(p, size ? size : 1)); }

char *xstrdup(const char *s) { return checked(strdup(s)); }

char *xasprintf(const char *fmt, ...) {
  char *s = NULL;
  va_list ap;
  va_start(ap, fmt);
  int n = vasprintf(&s, fmt, ap);
  va_end(ap);
  return checked(n < 0 ? NULL : s);
}

void mem_free_ptr(void *pp) { free(*(void **)pp); }

struct block {
  struct block *next;
  size_t size, used;
  _Alignas(16) char data[];
};
struct arena {
  struct block *blocks;
  size_t bytes;
};

struct arena *arena_new(void) { return xcalloc(1, sizeof(struct arena)); }

static void blocks_free(struct block *b) {
  while (b) {
    struct block *next = b->next;
    free(b);
    b = next;
  }
}

void arena_free(struct arena *a) {
  if (!a)
    return;
  blocks_free(a->blocks);
  free(a);
}

void arena_reset(struct arena *a) {
  struct block *keep = NULL;
  for (struct block **p = &a->blocks; *p; p = &(*p)->next)
    if ((*p)->size == BLOCK_BYTES) {
      keep = *p;
      *p = keep->next;
      break;
    }
  blocks_free(a->blocks);
  a->blocks = keep;
  a->bytes = keep ? BLOCK_BYTES : 0;
  if (keep) {
    keep->next = NULL;
    keep->used = 0;
  }
}

/* A small one for the many small arenas; of one that has grown, few that are big. */
static size_t usual_block(const struct arena *a) { return a->bytes < 4 * BIG_BLOCK_BYTES ? BLOCK_BYTES : BIG_BLOCK_BYTES; }

static size_t next_at(const struct block *b, size_t align) {
  uintptr_t data = (uintptr_t)b->data;
  return ((data + b->used + align - 1) & ~(uintptr_t)(align - 1)) - data;
}

/* Blocks themselves are aligned as malloc() does it: what glibc's aligned_alloc() was given back, it does not find again for the same request, and
 * the heap of a process that makes many arenas grows with holes. */
void *arena_alloc_aligned(struct arena *a, size_t size, size_t align) {
  struct block *b = a->blocks;
  size_t at = b ? next_at(b, align) : 0;
  if (!b || at + size > b->size) {
    size_t usual = usual_block(a), room = align > 16 ? size + align : size, want = room > usual ? room : usual;
    b = checked(malloc(sizeof *b + want));
    *b = (struct block){.size = want};
    a->bytes += want;
    if (a->blocks && want > usual) { /* keep filling the block in hand */
      b->next = a->blocks->next;
      a->blocks->next = b;
    } else {
      b->next = a->blocks;
      a->blocks = b;
    }
    at = next_at(b, align);
  }
  b->used = at + size;
  return memset(b->data + at, 0, size);
}

void *arena_alloc(struct arena *a, size_t size) { return arena_alloc_aligned(a, size, 16); }

void *arena_memdup(struct arena *a, const void *p, size_t n) {
  char *to = arena_alloc_aligned(a, n + 1, 1);
  if (n)
    memcpy(to, p, n);
  return to;
}

char *arena_strdup(struct arena *a, const char *s) { return s ? arena_memdup(a, s, strlen(s)) : NULL; }

/* There is room for as many as the next power of two. */
void *arena_more(struct arena *a, void *list, size_t n, size_t size) {
  if (n & (n - 1)) {
    memset((char *)list + n * size, 0, size);
    return list;
  }
  void *grown = arena_alloc(a, (n ? 2 * n : 1) * size);
  if (n)
    memcpy(grown, list, n * size);
  return grown;
}

char *arena_printf(struct arena *a, const char *fmt, ...) {
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  char *to = arena_alloc_aligned(a, n < 0 ? 1 : (size_t)n + 1, 1);
  if (n >= 0)
    vsnprintf(to, (size_t)n + 1, fmt, again);
  va_end(again);
  return to;
}
