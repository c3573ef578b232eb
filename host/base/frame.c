/* Framed JSON.  The length is checked before anything is allocated for it. */
#include "base/frame.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

enum {
  HEAD = 4,
  READ_BYTES = 65536,
  KEEP_BYTES = 1024 * 1024
};

/* MSG_NOSIGNAL needs a socket; a pipe is written plainly. */
static ssize_t put(int fd, const char *p, size_t n) {
  ssize_t done = send(fd, p, n, MSG_NOSIGNAL);
  return done < 0 && errno == ENOTSOCK ? write(fd, p, n) : done;
}

static int put_all(int fd, const char *p, size_t n) {
  while (n > 0) {
    ssize_t done = put(fd, p, n);
    if (done < 0 && errno == EAGAIN) {
      struct pollfd room = {.fd = fd, .events = POLLOUT};
      if (poll(&room, 1, -1) < 0 && errno != EINTR)
        return -1;
    } else if (done < 0 && errno != EINTR) {
      return -1;
    } else if (done > 0) {
      p += done;
      n -= (size_t)done;
    }
  }
  return 0;
}

int frame_write(int fd, const json_t *message) {
  size_t n = json_dumpb(message, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
  if (n == 0 || n > FRAME_MAX_BYTES) {
    errno = n ? EMSGSIZE : EINVAL;
    return -1;
  }
  cleanup_free char *buf = xrealloc(NULL, HEAD + n);
  for (unsigned i = 0; i < HEAD; i++)
    buf[i] = (char)(n >> (8 * i) & 0xff);
  json_dumpb(message, buf + HEAD, n, JSON_COMPACT | JSON_ENCODE_ANY);
  return put_all(fd, buf, HEAD + n);
}

void frame_reader_init(struct frame_reader *r) { *r = (struct frame_reader){0}; }

void frame_reader_fini(struct frame_reader *r) {
  free(r->buf);
  frame_reader_init(r);
}

static void make_room(struct frame_reader *r, size_t more) {
  if (r->cap - r->n >= more)
    return;
  size_t cap = r->cap ? r->cap : READ_BYTES;
  while (cap - r->n < more)
    cap *= 2;
  r->buf = xrealloc(r->buf, cap);
  r->cap = cap;
}

long frame_reader_fill(struct frame_reader *r, int fd) {
  make_room(r, READ_BYTES);
  ssize_t n;
  do
    n = read(fd, r->buf + r->n, r->cap - r->n);
  while (n < 0 && errno == EINTR);
  if (n > 0)
    r->n += (size_t)n;
  return n;
}

int frame_reader_next(struct frame_reader *r, json_t **ret) {
  if (r->n < HEAD)
    return 0;
  size_t n = 0;
  for (unsigned i = 0; i < HEAD; i++)
    n |= (size_t)(uint8_t)r->buf[i] << (8 * i);
  if (n == 0 || n > FRAME_MAX_BYTES)
    return -1;
  if (r->n - HEAD < n)
    return 0;
  json_t *j = json_loadb(r->buf + HEAD, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
  if (!j)
    return -1;
  r->n -= HEAD + n;
  memmove(r->buf, r->buf + HEAD + n, r->n);
  if (r->cap > KEEP_BYTES && r->n < KEEP_BYTES / 2) { /* one huge frame must not keep its room for ever */
    r->buf = xrealloc(r->buf, KEEP_BYTES);
    r->cap = KEEP_BYTES;
  }
  *ret = j;
  return 1;
}
