/* keymap.h: byte strings numbered 0, 1, 2 ... in the order in which they come: the keys of a set or of a joined table.  Building is
 * for one thread; keymap_find() is for any number of them once nobody adds. */
#ifndef TRANSFORMS_KEYMAP_H
#define TRANSFORMS_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>

#include "etl/plugin.h"

struct keymap;
struct keymap *keymap_new(void); /* NULL: no memory */
void keymap_free(struct keymap *m);
void keymap_clear(struct keymap *m);
/* The key's number, or -1. */
int64_t keymap_find(const struct keymap *m, struct etl_bytes key);
/* The key's number, a new one if it is not there yet; -1: no memory. */
int64_t keymap_add(struct keymap *m, struct etl_bytes key, bool *ret_new);
size_t keymap_count(const struct keymap *m);
size_t keymap_size_bytes(const struct keymap *m);

#endif
