/* Three layers, each pulling from the one below: bytes of the file, unpacked bytes, text.  A plain UTF-8 file skips the upper two. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  PIECE_BYTES = 256 * 1024,
  SLICE_MS = 100 /* between looks at whether cancel is asked for */
};
const char *const compression_names[] = {"auto", "none", "gzip", "zstd", NULL};

bool path_is_stream(const char *path) {
  static const char *const streams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/", "/proc/thread-self/fd/"};
  for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
    size_t n = strlen(streams[i]);
    if (strncmp(path, streams[i], n) == 0 && (streams[i][n - 1] == '/' || !path[n]))
      return true;
  }
  return false;
}

/* ---- bytes of the file -------------------------------------------------------------------------------------------------- */

static int wait_for_bytes(const struct source *s, struct failure *f) {
  struct pollfd pipe = {.fd = s->fd, .events = POLLIN};
  while (!S_ISREG(s->at_open.st_mode) && poll(&pipe, 1, SLICE_MS) <= 0)
    if (s->host->cancelled(s->host))
      return failure_stopped(f);
  return 0;
}

static int64_t file_read(struct source *s, uint8_t *to, size_t n, struct failure *f) {
  ssize_t got;
  do {
    if (wait_for_bytes(s, f) < 0)
      return -1;
    got = read(s->fd, to, n);
  } while (got < 0 && (errno == EINTR || errno == EAGAIN));
  if (got < 0)
    return failure_errno(f, errno, "read", s->path);
  s->file_bytes += (uint64_t)got;
  s->file_end = got == 0;
  return got;
}

static int packed_fill(struct source *s, struct failure *f) {
  if (s->packed_at < s->packed_n)
    return 0;
  int64_t got = file_read(s, s->packed, PIECE_BYTES, f);
  s->packed_at = 0;
  s->packed_n = got < 0 ? 0 : (size_t)got;
  return got < 0 ? -1 : 0;
}

/* ---- unpacked bytes ----------------------------------------------------------------------------------------------------- */

static int truncated(const struct source *s, struct failure *f) {
  return failure_set(f, ETL_E_DATA, NULL, "copy the file again; the rows before this place are loaded",
                     "%s ends in the middle of its %s data, after %llu bytes", s->path, compression_names[s->compression],
                     (unsigned long long)s->file_bytes);
}
static int damaged(const struct source *s, const char *why, struct failure *f) {
  return failure_set(f, ETL_E_DATA, NULL, "test it with gzip -t or zstd -t and copy it again; the rows before this place are loaded",
                     "%s: its %s data is damaged near byte %llu: %s", s->path, compression_names[s->compression],
                     (unsigned long long)(s->file_bytes - (s->packed_n - s->packed_at)), why ? why : "no reason given");
}

/* Behind the last member NUL bytes fill up a block.  Bytes of something else after them: damage. */
static int pass_padding(struct source *s, struct failure *f) {
  s->padded |= s->member_done && !s->member_open && s->packed[s->packed_at] == 0;
  while (s->padded && s->packed_at < s->packed_n)
    if (s->packed[s->packed_at++] != 0)
      return damaged(s, "something follows the zeros behind its end", f);
  return 0;
}

static int64_t gunzip(struct source *s, uint8_t *to, size_t n, struct failure *f) {
  s->gzip.next_out = to;
  s->gzip.avail_out = (uInt)n;
  while (s->gzip.avail_out == n) {
    if (packed_fill(s, f) < 0)
      return -1;
    if (s->packed_n == 0)
      return s->member_open ? truncated(s, f) : 0;
    if (pass_padding(s, f) < 0)
      return -1;
    if (s->packed_at == s->packed_n)
      continue;
    s->gzip.next_in = s->packed + s->packed_at;
    s->gzip.avail_in = (uInt)(s->packed_n - s->packed_at);
    s->member_open = true;
    int rc = inflate(&s->gzip, Z_NO_FLUSH);
    s->packed_at = s->packed_n - s->gzip.avail_in;
    if (rc == Z_STREAM_END) { /* another member may follow */
      s->member_open = false;
      s->member_done = true;
      inflateReset(&s->gzip);
    } else if (rc != Z_OK && rc != Z_BUF_ERROR) {
      return damaged(s, s->gzip.msg, f);
    }
  }
  return (int64_t)(n - s->gzip.avail_out);
}

static int64_t unzstd(struct source *s, uint8_t *to, size_t n, struct failure *f) {
  ZSTD_outBuffer out = {to, n, 0};
  while (out.pos == 0) {
    if (packed_fill(s, f) < 0)
      return -1;
    if (s->packed_n == 0)
      return s->member_open ? truncated(s, f) : 0;
    ZSTD_inBuffer in = {s->packed, s->packed_n, s->packed_at};
    size_t rc = ZSTD_decompressStream(s->zstd, &out, &in);
    s->packed_at = in.pos;
    if (ZSTD_isError(rc))
      return damaged(s, ZSTD_getErrorName(rc), f);
    s->member_open = rc != 0;
  }
  return (int64_t)out.pos;
}

static int64_t unpacked_read(struct source *s, uint8_t *to, size_t n, struct failure *f) {
  if (s->compression == COMPRESSION_GZIP)
    return gunzip(s, to, n, f);
  if (s->compression == COMPRESSION_ZSTD)
    return unzstd(s, to, n, f);
  if (s->packed_at == s->packed_n)
    return file_read(s, to, n, f);
  size_t have = s->packed_n - s->packed_at, take = have < n ? have : n;
  memcpy(to, s->packed + s->packed_at, take);
  s->packed_at += take;
  return (int64_t)take;
}

/* ---- text --------------------------------------------------------------------------------------------------------------- */

static int undecodable(const struct source *s, struct failure *f) {
  const uint8_t *p = s->coded + s->coded_at;
  return failure_set(f, ETL_E_DATA, "encoding", "set `encoding` to what the file is written in",
                     "%s: byte 0x%02x, behind %llu bytes of text, is no %s", s->path, *p, (unsigned long long)s->offset, s->encoding);
}

static int64_t decoded_read(struct source *s, uint8_t *to, size_t n, struct failure *f) {
  for (;;) {
    char *in = (char *)s->coded + s->coded_at, *out = (char *)to;
    size_t in_n = s->coded_n - s->coded_at, out_n = n;
    size_t rc = iconv(s->decoder, &in, &in_n, &out, &out_n);
    int number = rc == (size_t)-1 ? errno : 0;
    s->coded_at = s->coded_n - in_n;
    if (out_n < n)
      return (int64_t)(n - out_n);
    if (number == EILSEQ)
      return undecodable(s, f);
    memmove(s->coded, s->coded + s->coded_at, in_n);
    s->coded_at = 0;
    s->coded_n = in_n;
    int64_t got = unpacked_read(s, s->coded + in_n, PIECE_BYTES - in_n, f);
    if (got < 0)
      return -1;
    if (got == 0)
      return in_n == 0 ? 0 : undecodable(s, f);
    s->coded_n += (size_t)got;
  }
}

int64_t source_read(struct source *s, uint8_t *to, size_t n, struct failure *f) {
  int64_t got;
  if (s->decoder_on) {
    got = decoded_read(s, to, n, f);
  } else if (s->coded_at < s->coded_n) { /* what source_open() looked at */
    size_t have = s->coded_n - s->coded_at;
    got = (int64_t)(have < n ? have : n);
    memcpy(to, s->coded + s->coded_at, (size_t)got);
    s->coded_at += (size_t)got;
  } else {
    got = unpacked_read(s, to, n, f);
  }
  if (got > 0)
    s->offset += (uint64_t)got;
  return got;
}

int source_seek(struct source *s, uint64_t offset, struct failure *f) {
  if (s->compression == COMPRESSION_NONE && !s->decoder_on && lseek(s->fd, (off_t)offset, SEEK_SET) >= 0) {
    s->packed_at = s->packed_n = s->coded_at = s->coded_n = 0;
    s->file_bytes = s->offset = offset;
    return 0;
  }
  uint8_t *sink = malloc(PIECE_BYTES);
  if (!sink)
    return failure_memory(f, "skipping");
  while (s->offset < offset) {
    uint64_t left = offset - s->offset;
    int64_t got = source_read(s, sink, left < PIECE_BYTES ? (size_t)left : PIECE_BYTES, f);
    if (got <= 0) {
      free(sink);
      return failure_set(f, ETL_E_DATA, "on_change", "set on_change = \"reload\" to read the file anew",
                         "%s is shorter than where the last run stood (%llu bytes of text)", s->path, (unsigned long long)offset);
    }
  }
  free(sink);
  return 0;
}

/* ---- opening ------------------------------------------------------------------------------------------------------------ */

static bool ends_with(const char *s, const char *end) {
  size_t n = strlen(s), m = strlen(end);
  return n >= m && strcmp(s + n - m, end) == 0;
}
static enum compression detect(const struct source *s) {
  if (s->packed_n >= 2 && memcmp(s->packed, "\x1f\x8b", 2) == 0)
    return COMPRESSION_GZIP;
  if (s->packed_n >= 4 && memcmp(s->packed, "\x28\xb5\x2f\xfd", 4) == 0)
    return COMPRESSION_ZSTD;
  if (s->packed_n > 0 && ends_with(s->path, ".gz"))
    return COMPRESSION_GZIP; /* then inflate() says what is wrong with it */
  return s->packed_n > 0 && ends_with(s->path, ".zst") ? COMPRESSION_ZSTD : COMPRESSION_NONE;
}

static int open_unpacker(struct source *s, struct failure *f) {
  if (s->compression == COMPRESSION_GZIP) {
    if (inflateInit2(&s->gzip, 15 + 16) != Z_OK)
      return failure_memory(f, "unpacking gzip");
    s->gzip_on = true;
  } else if (s->compression == COMPRESSION_ZSTD && !(s->zstd = ZSTD_createDStream())) {
    return failure_memory(f, "unpacking zstd");
  }
  return 0;
}

static int open_decoder(struct source *s, const char *encoding, struct failure *f) {
  int64_t got = unpacked_read(s, s->coded, PIECE_BYTES, f);
  if (got < 0)
    return -1;
  s->coded_n = (size_t)got;
  if (strcmp(encoding, "auto") == 0)
    encoding = got >= 2 && memcmp(s->coded, "\xff\xfe", 2) == 0   ? "UTF-16LE"
               : got >= 2 && memcmp(s->coded, "\xfe\xff", 2) == 0 ? "UTF-16BE"
                                                                  : "UTF-8";
  if (strcasecmp(encoding, "utf-8") == 0 || strcasecmp(encoding, "utf8") == 0)
    return 0;
  snprintf(s->encoding, sizeof s->encoding, "%s", encoding);
  s->decoder = iconv_open("UTF-8", encoding);
  if (s->decoder == (iconv_t)-1)
    return failure_set(f, ETL_E_CONFIG, "encoding", "`iconv -l` lists the names", "encoding \"%s\" is not known here", encoding);
  s->decoder_on = true;
  return 0;
}

/* Without waiting for the other end of a pipe. */
static int open_file(const char *path) {
  return strcmp(path, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

int source_open(struct source *s, const struct etl_host *host, const char *path, enum compression c, const char *encoding, struct failure *f) {
  *s = (struct source){.host = host, .fd = -1};
  s->path = strdup(strcmp(path, "-") == 0 ? "standard input" : path);
  s->packed = malloc(PIECE_BYTES);
  s->coded = malloc(PIECE_BYTES);
  int rc = s->path && s->packed && s->coded ? 0 : failure_memory(f, "reading a file");
  if (rc == 0 && (s->fd = open_file(path)) < 0)
    rc = failure_errno(f, errno, "opened", s->path);
  if (rc == 0 && fstat(s->fd, &s->at_open) < 0)
    rc = failure_errno(f, errno, "read", s->path);
  if (rc == 0 && S_ISDIR(s->at_open.st_mode))
    rc = failure_errno(f, EISDIR, "read", s->path);
  if (rc == 0)
    rc = packed_fill(s, f);
  if (rc == 0) {
    s->compression = c == COMPRESSION_AUTO ? detect(s) : c;
    rc = open_unpacker(s, f);
  }
  if (rc == 0)
    rc = open_decoder(s, encoding, f);
  if (rc < 0)
    source_close(s);
  return rc;
}

void source_close(struct source *s) {
  if (!s->path && !s->packed)
    return;
  if (s->gzip_on)
    inflateEnd(&s->gzip);
  ZSTD_freeDStream(s->zstd);
  if (s->decoder_on)
    iconv_close(s->decoder);
  if (s->fd >= 0)
    close(s->fd);
  free(s->packed);
  free(s->coded);
  free(s->path);
  *s = (struct source){.fd = -1};
}

int source_unchanged(const struct source *s, struct failure *f) {
  struct stat now;
  if (!S_ISREG(s->at_open.st_mode))
    return 0;
  if (fstat(s->fd, &now) < 0)
    return failure_errno(f, errno, "read", s->path);
  const char *remedy = "let the writer finish first: write under another name and rename; then run again with on_change = \"reload\"";
  if ((uint64_t)now.st_size < s->file_bytes || now.st_size < s->at_open.st_size)
    return failure_set(f, ETL_E_DATA, NULL, remedy, "%s shrank from %lld to %lld bytes while it was read", s->path,
                       (long long)s->at_open.st_size, (long long)now.st_size);
  if (now.st_size == s->at_open.st_size &&
      (now.st_mtim.tv_sec != s->at_open.st_mtim.tv_sec || now.st_mtim.tv_nsec != s->at_open.st_mtim.tv_nsec))
    return failure_set(f, ETL_E_DATA, NULL, remedy, "%s was written over while it was read", s->path);
  return 0;
}
