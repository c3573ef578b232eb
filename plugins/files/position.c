/* Cursors as JSON, and fingerprints.  Times and inodes are not looked at: a copied or restored file is the same file when its bytes are. */
#include "position.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
  MARK_BYTES = 4096
};

size_t position_encode(const struct position *p, char *to, size_t n) {
  int len = snprintf(to, n,
                     "{\"v\":1,\"offset\":%" PRIu64 ",\"line\":%" PRIu64 ",\"end\":%s,\"size\":%" PRIu64 ",\"head\":\"%016" PRIx64
                     "\",\"tail\":\"%016" PRIx64 "\",\"skip\":%" PRIu64
                     ",\"begun\":%s,\"header\":%s,\"delimiter\":%d,\"names\":\"%016" PRIx64 "\"}",
                     p->offset, p->line, p->end ? "true" : "false", p->size, p->head, p->tail, p->skip, p->begun ? "true" : "false",
                     p->header ? "true" : "false", p->delimiter, p->names);
  return len > 0 && (size_t)len < n ? (size_t)len : 0;
}

int position_decode(struct position *p, struct etl_bytes cursor, struct failure *f) {
  json_t *j = json_loadb(cursor.p, (size_t)cursor.n, 0, NULL);
  json_int_t version, offset = 0, line = 0, size, skip = 0;
  int end, begun = -1, header = 0, delimiter = 0;
  const char *head, *tail, *names = "";
  int rc = json_unpack(j, "{s:I, s:I, s:I, s:b, s:I, s:s, s:s, s?I, s?b, s?b, s?i, s?s}", "v", &version, "offset", &offset, "line", &line,
                       "end", &end, "size", &size, "head", &head, "tail", &tail, "skip", &skip, "begun", &begun, "header", &header,
                       "delimiter", &delimiter, "names", &names);
  if (rc < 0 || version != 1)
    rc = failure_set(f, ETL_E_CONFIG, NULL, "run with --full-refresh, or give the pipeline another name",
                     "the saved cursor is not one of a file (%llu bytes)", (unsigned long long)cursor.n);
  else
    *p = (struct position){.offset = (uint64_t)offset,
                           .line = (uint64_t)line,
                           .end = end,
                           .begun = begun < 0 ? offset > 3 || line > 1 : begun,
                           .header = header,
                           .delimiter = (char)delimiter,
                           .names = strtoull(names, NULL, 16),
                           .skip = (uint64_t)skip,
                           .size = (uint64_t)size,
                           .head = strtoull(head, NULL, 16),
                           .tail = strtoull(tail, NULL, 16)};
  json_decref(j);
  return rc;
}

static int hash_at(int fd, uint64_t from, uint64_t n, uint64_t *ret) {
  uint8_t bytes[MARK_BYTES];
  ssize_t got = pread(fd, bytes, (size_t)n, (off_t)from);
  uint64_t h = UINT64_C(14695981039346656037); /* FNV-1a */
  if (got < 0)
    return -1;
  for (ssize_t i = 0; i < got; i++)
    h = (h ^ bytes[i]) * UINT64_C(1099511628211);
  *ret = h;
  return 0;
}

int position_mark(struct position *p, int fd, uint64_t size, const char *path, struct failure *f) {
  uint64_t n = size < MARK_BYTES ? size : MARK_BYTES;
  if (hash_at(fd, 0, n, &p->head) < 0 || hash_at(fd, size - n, n, &p->tail) < 0)
    return failure_errno(f, errno, "read", path);
  p->size = size;
  return 0;
}

int position_judge(const struct position *p, int fd, const char *path, bool follow, bool reload, enum verdict *ret, struct failure *f) {
  struct stat now;
  struct position same;
  if (fstat(fd, &now) < 0)
    return failure_errno(f, errno, "read", path);
  if (position_mark(&same, fd, p->size, path, f) < 0)
    return -1;
  uint64_t size = (uint64_t)now.st_size;
  bool changed = size < p->size || same.head != p->head || same.tail != p->tail;
  if (!changed && (!p->end || follow || size == p->size)) {
    *ret = p->end && size == p->size ? VERDICT_FINISHED : VERDICT_GO_ON;
    return 0;
  }
  *ret = VERDICT_AGAIN;
  if (reload)
    return 0;
  if (!changed)
    return failure_set(f, ETL_E_DATA, "follow",
                       "set follow = \"append\" to read what is added to files, or on_change = \"reload\" to read them anew (etl copy: --key, "
                       "--mode replace or --full-refresh)",
                       "%s grew from %" PRIu64 " to %" PRIu64 " bytes after it was read", path, p->size, size);
  return failure_set(f, ETL_E_DATA, "on_change",
                     "set on_change = \"reload\" to read changed files anew (then merge or replace at the sink; etl copy: --key, --mode replace "
                     "or --full-refresh)",
                     "%s changed since it was read: it had %" PRIu64 " bytes and has %" PRIu64 ", and what was read is not what is there", path,
                     p->size, size);
}
