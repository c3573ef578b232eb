/* source.h: the bytes of one file as UTF-8 text: opened, decompressed, decoded.  Offsets count bytes of that text, so that they mean the
 * same whatever the file is packed in.  One thread at a time per object. */
#ifndef FILES_SOURCE_H
#define FILES_SOURCE_H

#include <iconv.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

#include "failure.h"

enum compression {
  COMPRESSION_AUTO,
  COMPRESSION_NONE,
  COMPRESSION_GZIP,
  COMPRESSION_ZSTD
};
extern const char *const compression_names[]; /* for the options; ends with NULL */

/* Whether a name stands for an open stream of the process, as /dev/stdin does: not the user's own, since a worker has others. */
bool path_is_stream(const char *path);

struct source {
  const struct etl_host *host;
  char *path; /* "-": standard input */
  int fd;
  enum compression compression; /* after opening never AUTO */
  char encoding[32];            /* what iconv decodes from; "": the text is UTF-8 already */
  struct stat at_open;
  uint64_t file_bytes; /* read of the file so far */
  uint64_t offset;     /* of the text: what the next read gives */
  bool file_end, packed_end;
  uint8_t *packed; /* bytes of the file that are not unpacked yet */
  size_t packed_at, packed_n;
  uint8_t *coded; /* unpacked bytes that are not decoded yet */
  size_t coded_at, coded_n;
  z_stream gzip;
  bool gzip_on, member_open; /* a gzip member or a zstd frame was begun and not ended */
  bool member_done, padded;  /* a gzip member has ended, and zeros follow the last */
  ZSTD_DStream *zstd;
  iconv_t decoder;
  bool decoder_on;
};
/* encoding: "auto" looks for a byte order mark, else a name that iconv knows.  On failure nothing is left open.
 * Pipes and standard input are waited for until cancel is asked for. */
int source_open(struct source *s, const struct etl_host *host, const char *path, enum compression c, const char *encoding, struct failure *f);
void source_close(struct source *s); /* accepts a zeroed one */
/* Up to n bytes of text (n >= 16); 0: the end.  -1: f says. */
int64_t source_read(struct source *s, uint8_t *to, size_t n, struct failure *f);
/* Goes on at offset, seeking where that is possible. */
int source_seek(struct source *s, uint64_t offset, struct failure *f);
/* Fails if the file is shorter than what was read, or was written over meanwhile; growing is no change. */
int source_unchanged(const struct source *s, struct failure *f);

#endif
