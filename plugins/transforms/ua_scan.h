/* ua_scan.h: all literals of a set found in a text in one pass (Aho and Corasick).  Built by one thread, then read by any. */
#ifndef TRANSFORMS_UA_SCAN_H
#define TRANSFORMS_UA_SCAN_H

#include <stddef.h>
#include <stdint.h>

struct ua_scan;
struct ua_scan *ua_scan_new(void); /* NULL: no memory */
void ua_scan_free(struct ua_scan *s);
/* Whoever finds the literal (lower case) gets `mark` set.  0, or -1: no memory. */
int ua_scan_add(struct ua_scan *s, const char *p, size_t n, uint32_t mark);
int ua_scan_finish(struct ua_scan *s); /* after the last add.  0, or -1: no memory */
/* Sets bit `mark` in bits for each literal that the text has, upper and lower case being the same.  seen: scratch of
 * ua_scan_seen_bytes() bytes. */
void ua_scan_text(const struct ua_scan *s, const char *p, size_t n, uint64_t *bits, void *seen);
size_t ua_scan_seen_bytes(const struct ua_scan *s);

#endif
