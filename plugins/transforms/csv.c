/* CSV read in place: quoted fields are unescaped over their own text. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "csv.h"

static int read_all(int fd, struct csv *c, size_t max_bytes) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    return -1;
  errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
  if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > max_bytes || !(c->text = malloc((size_t)st.st_size + 1)))
    return -1;
  while (c->n < (size_t)st.st_size) {
    ssize_t got = read(fd, c->text + c->n, (size_t)st.st_size - c->n);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return -1;
    if (got == 0)
      break;
    c->n += (size_t)got;
  }
  c->text[c->n] = '\0';
  return 0;
}

int csv_open(struct csv *c, const char *path, char delimiter, size_t max_bytes) {
  *c = (struct csv){.delimiter = delimiter, .next_line = 1};
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  int rc = fd < 0 ? -1 : read_all(fd, c, max_bytes), error = errno;
  if (fd >= 0)
    close(fd);
  if (rc < 0)
    csv_close(c);
  else if (c->n >= 3 && memcmp(c->text, "\xef\xbb\xbf", 3) == 0)
    c->at = 3;
  errno = error;
  return rc;
}

void csv_close(struct csv *c) {
  free(c->text);
  free(c->fields);
  *c = (struct csv){0};
}

static int add(struct csv *c, struct etl_bytes field) {
  if (c->fields_n == c->fields_cap) {
    size_t cap = c->fields_cap ? c->fields_cap * 2 : 16;
    struct etl_bytes *grown = realloc(c->fields, cap * sizeof *grown);
    if (!grown) {
      c->why = "no memory";
      return -1;
    }
    c->fields = grown;
    c->fields_cap = cap;
  }
  c->fields[c->fields_n++] = field;
  return 0;
}

/* Behind a field: 1 when another follows. */
static int field_end(struct csv *c) {
  if (c->at < c->n && c->text[c->at] == c->delimiter) {
    c->at++;
    return 1;
  }
  if (c->at < c->n && c->text[c->at] == '\r')
    c->at++;
  if (c->at < c->n && c->text[c->at] == '\n')
    c->at++;
  else if (c->at < c->n) {
    c->why = "text stands behind the end of a field";
    return -1;
  }
  c->next_line++;
  return 0;
}

static int quoted_field(struct csv *c) {
  char *to = c->text + ++c->at, *from = to;
  for (; c->at < c->n; c->at++) {
    char x = c->text[c->at];
    c->next_line += x == '\n';
    if (x == '"' && (++c->at == c->n || c->text[c->at] != '"'))
      return add(c, (struct etl_bytes){from, (uint64_t)(to - from)}) < 0 ? -1 : field_end(c);
    *to++ = x;
  }
  c->why = "a quoted field has no end";
  return -1;
}

static int plain_field(struct csv *c) {
  size_t from = c->at;
  while (c->at < c->n && c->text[c->at] != c->delimiter && c->text[c->at] != '\n' && c->text[c->at] != '\r')
    c->at++;
  return add(c, (struct etl_bytes){c->at > from ? c->text + from : NULL, c->at - from}) < 0 ? -1 : field_end(c);
}

int csv_next(struct csv *c) {
  while (c->at < c->n && (c->text[c->at] == '\n' || c->text[c->at] == '\r')) { /* empty lines are no rows */
    c->next_line += c->text[c->at] == '\n';
    c->at++;
  }
  c->fields_n = 0;
  c->line = c->next_line;
  if (c->at == c->n)
    return 0;
  int more = 1;
  while (more == 1)
    more = c->at < c->n && c->text[c->at] == '"' ? quoted_field(c) : plain_field(c);
  return more < 0 ? -1 : 1;
}

int64_t csv_find(const struct csv *c, const char *name) {
  size_t n = strlen(name);
  for (size_t i = 0; i < c->fields_n; i++)
    if (c->fields[i].n == n && (n == 0 || memcmp(c->fields[i].p, name, n) == 0))
      return (int64_t)i;
  return -1;
}
