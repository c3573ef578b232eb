/* position.h: how far a file was read, as the cursor that the sink keeps, and whether the file is still the one that was read.  No state. */
#ifndef FILES_POSITION_H
#define FILES_POSITION_H

#include "failure.h"

struct position {
  uint64_t offset, line; /* of the next record, in the unpacked and decoded text */
  bool end;              /* everything was read */
  bool begun;            /* the first record, header or not, was passed: what follows holds for the rest */
  bool header;
  char delimiter;        /* 0: not known */
  uint64_t names;        /* of the columns, as a hash */
  uint64_t skip;         /* lines in front of the first record */
  uint64_t size;         /* bytes of the file as it is stored */
  uint64_t head, tail;   /* hashes of up to 4 KiB at its beginning, and before `size` */
};
enum {
  POSITION_TEXT = 384
};
size_t position_encode(const struct position *p, char *to, size_t n);
int position_decode(struct position *p, struct etl_bytes cursor, struct failure *f);
/* Takes the fingerprint of the first `size` bytes of an open file. */
int position_mark(struct position *p, int fd, uint64_t size, const char *path, struct failure *f);

enum verdict {
  VERDICT_GO_ON,
  VERDICT_FINISHED,
  VERDICT_AGAIN /* it is another file by now and is to be read from its beginning */
};
/* follow: what was added to a file that was read to its end is read.  reload: a changed file is read anew, instead of failing. */
int position_judge(const struct position *p, int fd, const char *path, bool follow, bool reload, enum verdict *ret, struct failure *f);

#endif
