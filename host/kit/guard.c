/* Guarded memory over mmap(). */
#include "kit/guard.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"

void guard_init(struct guard *g, size_t n, size_t align) {
  size_t page = (size_t)sysconf(_SC_PAGESIZE), used = (n + align - 1) / align * align, pages = (used + page - 1) / page;
  char *base = mmap(NULL, (pages + 1) * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED || mprotect(base, pages * page, PROT_READ | PROT_WRITE) < 0)
    abort(); /* out of memory: the case ends here, and its crash is told */
  *g = (struct guard){base, (pages + 1) * page, base + pages * page - used};
}

void guard_shut(struct guard *g) {
  /* a mapping anew: neighbours become one, and a process may have only so many */
  if (mmap(g->base, g->mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == MAP_FAILED)
    abort();
}

void guard_fini(struct guard *g) { munmap(g->base, g->mapped); }

static struct guard *next(struct given *g) {
  if (g->n == g->room) {
    g->room = g->room ? 2 * g->room : 16;
    g->list = xrealloc(g->list, g->room * sizeof *g->list);
  }
  return &g->list[g->n++];
}

void *give_room(struct given *g, size_t n, size_t align) {
  struct guard *to = next(g);
  guard_init(to, n ? n : 1, align);
  return to->p;
}

void *give(struct given *g, const void *from, size_t n) {
  void *to = give_room(g, n, 1);
  if (n)
    memcpy(to, from, n);
  return to;
}

const char *give_text(struct given *g, const char *text) { return text ? give(g, text, strlen(text) + 1) : NULL; }

void *give_struct(struct given *g, const void *from, uint32_t size, uint32_t size_1_0) {
  struct guard *to = next(g);
  size = g->older ? size_1_0 : size;
  uint32_t told = size + g->grow;
  guard_init(to, told, 8);
  memset((char *)to->p + size, 0xA5, g->grow); /* members of a later minor: whatever they hold, they are not for this connector */
  memcpy(to->p, from, size);
  memcpy(to->p, &told, sizeof told);
  return to->p;
}

void given_shut(struct given *g) {
  for (size_t i = 0; i < g->n; i++)
    guard_shut(&g->list[i]);
  free(g->list);
  *g = (struct given){.grow = g->grow, .older = g->older};
}
