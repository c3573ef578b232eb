/* Packing and writing. */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  PACKED_BYTES = 256 * 1024
};

bool text_grow(struct text *t, size_t more) {
  size_t cap = t->cap ? t->cap : 4096;
  while (cap < t->n + more)
    cap *= 2;
  char *p = t->failed ? NULL : realloc(t->p, cap);
  if (!p) {
    t->failed = true;
    return false;
  }
  t->p = p;
  t->cap = cap;
  return true;
}

void text_fini(struct text *t) {
  free(t->p);
  *t = (struct text){0};
}

/* ---- the file --------------------------------------------------------------------------------------------------------------- */

int output_open(struct output *o, const char *path, enum compression c, uint64_t keep, struct failure *f) {
  *o = (struct output){.fd = -1, .path = path, .compression = c};
  if (c != COMPRESSION_NONE && !(o->packed = malloc(PACKED_BYTES)))
    return failure_memory(f, "packing a file");
  if (c == COMPRESSION_GZIP) {
    if (deflateInit2(&o->gzip, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      return failure_memory(f, "packing a file");
    o->gzip_on = true;
  } else if (c == COMPRESSION_ZSTD && !(o->zstd = ZSTD_createCStream())) {
    return failure_memory(f, "packing a file");
  }
  o->fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (o->fd < 0)
    return failure_errno(f, errno, "created", path);
  return output_cut(o, keep, f);
}

int output_cut(struct output *o, uint64_t keep, struct failure *f) {
  if (o->gzip_on)
    deflateReset(&o->gzip);
  if (o->zstd)
    ZSTD_CCtx_reset(o->zstd, ZSTD_reset_session_only);
  o->begun = false;
  o->bytes = keep;
  if (ftruncate(o->fd, (off_t)keep) < 0 || lseek(o->fd, (off_t)keep, SEEK_SET) < 0)
    return failure_errno(f, errno, "cut", o->path);
  return 0;
}

static int write_all(struct output *o, const uint8_t *p, size_t n, struct failure *f) {
  while (n > 0) {
    ssize_t put = write(o->fd, p, n);
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      return failure_errno(f, errno, "written", o->path);
    p += put;
    n -= (size_t)put;
    o->bytes += (uint64_t)put;
  }
  return 0;
}

static int gzip(struct output *o, const uint8_t *p, size_t n, int flush, struct failure *f) {
  int rc;
  o->gzip.next_in = (Bytef *)(uintptr_t)p;
  o->gzip.avail_in = (uInt)n;
  do {
    o->gzip.next_out = o->packed;
    o->gzip.avail_out = PACKED_BYTES;
    rc = deflate(&o->gzip, flush);
    if (write_all(o, o->packed, PACKED_BYTES - o->gzip.avail_out, f) < 0)
      return -1;
  } while (o->gzip.avail_in > 0 || (flush == Z_FINISH && rc != Z_STREAM_END));
  if (flush == Z_FINISH)
    deflateReset(&o->gzip);
  return 0;
}

static int zstd(struct output *o, const uint8_t *p, size_t n, ZSTD_EndDirective end, struct failure *f) {
  ZSTD_inBuffer in = {p, n, 0};
  size_t left;
  do {
    ZSTD_outBuffer out = {o->packed, PACKED_BYTES, 0};
    left = ZSTD_compressStream2(o->zstd, &out, &in, end);
    if (ZSTD_isError(left))
      return failure_set(f, ETL_E_INTERNAL, NULL, NULL, "%s cannot be packed: %s", o->path, ZSTD_getErrorName(left));
    if (write_all(o, o->packed, out.pos, f) < 0)
      return -1;
  } while (in.pos < n || (end == ZSTD_e_end && left > 0));
  return 0;
}

int output_write(struct output *o, const void *p, size_t n, struct failure *f) {
  if (n == 0)
    return 0;
  o->begun = true;
  if (o->compression == COMPRESSION_NONE)
    return write_all(o, p, n, f);
  while (n > 0) {
    size_t take = n < 1 << 30 ? n : 1 << 30;
    if ((o->compression == COMPRESSION_GZIP ? gzip(o, p, take, Z_NO_FLUSH, f) : zstd(o, p, take, ZSTD_e_continue, f)) < 0)
      return -1;
    p = (const uint8_t *)p + take;
    n -= take;
  }
  return 0;
}

int output_end_member(struct output *o, struct failure *f) {
  if (!o->begun)
    return 0;
  o->begun = false;
  if (o->compression == COMPRESSION_NONE)
    return 0;
  return o->compression == COMPRESSION_GZIP ? gzip(o, NULL, 0, Z_FINISH, f) : zstd(o, NULL, 0, ZSTD_e_end, f);
}

int output_sync(struct output *o, struct failure *f) { return fsync(o->fd) < 0 ? failure_errno(f, errno, "written to the disk", o->path) : 0; }

void output_close(struct output *o) {
  if (o->gzip_on)
    deflateEnd(&o->gzip);
  ZSTD_freeCStream(o->zstd);
  if (o->fd >= 0)
    close(o->fd);
  free(o->packed);
  *o = (struct output){.fd = -1};
}
