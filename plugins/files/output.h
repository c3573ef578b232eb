/* output.h: a growing text, and a file that takes it packed or plain.  A file is visible to nobody until whoever owns it renames it.  One
 * thread at a time per object. */
#ifndef FILES_OUTPUT_H
#define FILES_OUTPUT_H

#include "source.h"

struct text { /* running out of memory sets `failed`, and nothing is added from then on */
  char *p;
  size_t n, cap;
  bool failed;
};
bool text_grow(struct text *t, size_t more);
static inline char *text_room(struct text *t, size_t more) { return t->n + more <= t->cap || text_grow(t, more) ? t->p + t->n : NULL; }
static inline void text_add(struct text *t, const void *p, size_t n) {
  char *to = text_room(t, n);
  if (!to)
    return;
  memcpy(to, p, n);
  t->n += n;
}
static inline void text_char(struct text *t, char c) { text_add(t, &c, 1); }
void text_fini(struct text *t);

struct output {
  int fd; /* -1: not open */
  const char *path; /* borrowed */
  enum compression compression;
  uint64_t bytes; /* in the file */
  bool begun;     /* a member or frame is open */
  z_stream gzip;
  bool gzip_on;
  ZSTD_CStream *zstd;
  uint8_t *packed;
};
/* Opens the file and cuts it to so many bytes; what is written comes behind them. */
int output_open(struct output *o, const char *path, enum compression c, uint64_t keep, struct failure *f);
int output_write(struct output *o, const void *p, size_t n, struct failure *f);
int output_end_member(struct output *o, struct failure *f); /* all that was written can be unpacked from here on without what follows */
int output_sync(struct output *o, struct failure *f);
int output_cut(struct output *o, uint64_t keep, struct failure *f); /* takes back what came behind */
void output_close(struct output *o); /* accepts one that is closed */

#endif
