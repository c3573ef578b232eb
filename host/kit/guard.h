/* kit/guard.h: memory whose end is an inaccessible page, and which can be shut as a whole: whoever reads past it, or uses it later than
 * he may, crashes there and then.  A struct guard belongs to one thread at a time; its memory to anybody. */
#ifndef HOST_KIT_GUARD_H
#define HOST_KIT_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard {
  char *base;
  size_t mapped;
  void *p; /* n bytes, zeroed; the page behind them cannot be touched (but for what alignment leaves between) */
};
void guard_init(struct guard *g, size_t n, size_t align);
void guard_shut(struct guard *g); /* from now on every use of it crashes; the addresses are not used again */
void guard_fini(struct guard *g);

/* What is handed in for the time of one call.  All of it is shut by given_shut(). */
struct given {
  struct guard *list;
  size_t n, room;
  uint32_t grow; /* structs are told to be so many bytes larger than this host has them, and are */
  bool older;    /* structs are those of a host of ABI 1.0 */
};
void *give(struct given *g, const void *from, size_t n);            /* plain bytes */
void *give_room(struct given *g, size_t n, size_t align);           /* zeroed */
const char *give_text(struct given *g, const char *text);           /* NULL gives NULL */
/* Sets struct_size, its first member.  size_1_0: what it had in ABI 1.0. */
void *give_struct(struct given *g, const void *from, uint32_t size, uint32_t size_1_0);
void given_shut(struct given *g);

#endif
