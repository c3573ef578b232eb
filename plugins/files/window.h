/* window.h: a source seen through a buffer that always holds the record in hand as a whole, and grows only for a record that is longer
 * than it.  64 bytes behind the end may be read, so that scanners can look at blocks.  One thread at a time. */
#ifndef FILES_WINDOW_H
#define FILES_WINDOW_H

#include "source.h"

enum {
  WINDOW_PAD = 64
};
struct window {
  struct source src;
  uint8_t *buf;
  size_t cap; /* bytes that may be filled, WINDOW_PAD more are there */
  size_t at;  /* where the record in hand begins */
  size_t n;   /* bytes filled */
  size_t most; /* longest record */
  uint64_t line; /* of the record in hand, from 1 */
  int wait_ms;   /* how long to wait for a pipe; -1: as long as it takes */
  bool end;      /* nothing comes behind n */
  bool broken;   /* nothing more can be read, and `why` says why: what is in the buffer may still be taken */
  struct failure why;
};
int window_open(struct window *w, const struct etl_host *host, const char *path, enum compression c, const char *encoding, size_t most,
                struct failure *f);
void window_close(struct window *w); /* accepts a zeroed one */
/* Goes on at a byte of the text, which is the beginning of that line. */
int window_seek(struct window *w, uint64_t offset, uint64_t line, struct failure *f);

enum window_more {
  WINDOW_MORE,  /* there is more; pointers into the buffer are void */
  WINDOW_END,   /* there is no more */
  WINDOW_IDLE,  /* nothing came in wait_ms */
  WINDOW_BROKEN, /* w->why */
  WINDOW_FULL    /* the record is longer than the longest one allowed */
};
enum window_more window_more(struct window *w);
/* The same for a record that did not end in what is there: until that is twice as much, so that looking again costs no more than reading. */
enum window_more window_more_of_record(struct window *w);
/* Offset of the record in hand in the text. */
static inline uint64_t window_offset(const struct window *w) { return w->src.offset - (w->n - w->at); }
static inline const uint8_t *window_from(const struct window *w) { return w->buf + w->at; }
static inline const uint8_t *window_to(const struct window *w) { return w->buf + w->n; }
/* Done with bytes of the record in hand that hold so many newlines. */
static inline void window_pass(struct window *w, size_t bytes, uint64_t lines) {
  w->at += bytes;
  w->line += lines;
}

#endif
