/* Filling and moving the buffer. */
#include "window.h"

#include <poll.h>
#include <stdlib.h>

enum {
  FIRST_BYTES = 1 << 20
};

int window_open(struct window *w, const struct etl_host *host, const char *path, enum compression c, const char *encoding, size_t most,
                struct failure *f) {
  *w = (struct window){.most = most < WINDOW_PAD ? WINDOW_PAD : most, .line = 1, .wait_ms = -1};
  w->cap = FIRST_BYTES;
  if (!(w->buf = malloc(w->cap + WINDOW_PAD)))
    return failure_memory(f, "reading a file");
  memset(w->buf, 0, WINDOW_PAD);
  if (source_open(&w->src, host, path, c, encoding, f) < 0) {
    window_close(w);
    return -1;
  }
  window_more(w); /* a source that breaks at once is told when a record is asked for */
  if (w->n >= 3 && memcmp(w->buf, "\xef\xbb\xbf", 3) == 0)
    w->at = 3;
  return 0;
}

void window_close(struct window *w) {
  source_close(&w->src);
  free(w->buf);
  *w = (struct window){0};
}

int window_seek(struct window *w, uint64_t offset, uint64_t line, struct failure *f) {
  uint64_t begin = w->src.offset - w->n;
  w->line = line;
  if (offset >= begin && offset <= w->src.offset) {
    w->at = (size_t)(offset - begin);
    return 0;
  }
  w->at = w->n = 0;
  w->end = false;
  return source_seek(&w->src, offset, f);
}

static bool make_room(struct window *w) {
  if (w->at > 0) {
    memmove(w->buf, w->buf + w->at, w->n - w->at);
    w->n -= w->at;
    w->at = 0;
  }
  if (w->cap - w->n >= w->cap / 4 || w->n >= w->most + 2) /* a line of the longest kind has its newline, maybe two bytes */
    return w->cap - w->n >= 16;
  size_t cap = w->cap * 2 < w->most + 2 + FIRST_BYTES ? w->cap * 2 : w->most + 2 + FIRST_BYTES;
  uint8_t *grown = realloc(w->buf, cap + WINDOW_PAD);
  if (!grown)
    return w->cap - w->n >= 16;
  w->buf = grown;
  w->cap = cap;
  return true;
}

enum window_more window_more(struct window *w) {
  if (w->broken)
    return WINDOW_BROKEN;
  if (w->end)
    return WINDOW_END;
  if (w->n - w->at > w->most || !make_room(w))
    return WINDOW_FULL;
  struct pollfd pipe = {.fd = w->src.fd, .events = POLLIN};
  if (w->wait_ms >= 0 && poll(&pipe, 1, w->wait_ms) == 0)
    return WINDOW_IDLE;
  int64_t got = source_read(&w->src, w->buf + w->n, w->cap - w->n, &w->why);
  if (got < 0) {
    w->broken = true;
    return WINDOW_BROKEN;
  }
  w->n += (size_t)got;
  memset(w->buf + w->n, 0, WINDOW_PAD);
  w->end = got == 0;
  return w->end ? WINDOW_END : WINDOW_MORE;
}

enum window_more window_more_of_record(struct window *w) {
  size_t had = w->n - w->at;
  enum window_more more;
  do
    more = window_more(w);
  while (more == WINDOW_MORE && w->n - w->at < had * 2);
  return w->n - w->at > had && more != WINDOW_END ? WINDOW_MORE : more; /* what came is looked at before anything else is said */
}
