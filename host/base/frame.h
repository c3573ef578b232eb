/* base/frame.h: JSON over a stream socket, each message behind its length (four bytes, little endian).  A writer needs the caller's
 * lock when several threads share a socket; a reader belongs to one thread. */
#ifndef HOST_BASE_FRAME_H
#define HOST_BASE_FRAME_H

#include <stddef.h>

#include <jansson.h>

enum {
  FRAME_MAX_BYTES = 16 * 1024 * 1024
};

/* Writes the whole message to a blocking socket, or to a non-blocking one by waiting for room; no SIGPIPE.
 * 0, or -1 with errno (EMSGSIZE: longer than FRAME_MAX_BYTES; EPIPE: nobody reads any more). */
int frame_write(int fd, const json_t *message);

struct frame_reader {
  char *buf;
  size_t n, cap; /* bytes waiting, room */
};
void frame_reader_init(struct frame_reader *r);
void frame_reader_fini(struct frame_reader *r);
/* Adds what fd has: the number of bytes; 0: end of file; -1 with errno (EAGAIN: nothing at the moment). */
long frame_reader_fill(struct frame_reader *r, int fd);
/* 1: *ret is the next message (the caller's reference); 0: more bytes are needed; -1: what came is no frame, and never will be. */
int frame_reader_next(struct frame_reader *r, json_t **ret);

#endif
