/* Files that are read at once. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

/* All of fd; the buffer grows when the file is longer than its size says, as those of /proc are. */
static char *read_all(int fd, size_t expected, size_t limit, size_t *ret_n) {
  size_t room = expected + 1, n = 0;
  char *p = xcalloc(room + 1, 1);
  ssize_t got;
  while ((got = read(fd, p + n, room - n)) != 0) {
    if (got < 0 && errno == EINTR)
      continue;
    n += got > 0 ? (size_t)got : 0;
    if (got < 0 || n > limit) {
      int why = got < 0 ? errno : EFBIG;
      free(p);
      errno = why;
      return NULL;
    }
    if (n == room)
      p = xrealloc(p, (room *= 2) + 1);
  }
  p[n] = '\0';
  *ret_n = n;
  return p;
}

char *file_read(const char *path, size_t limit, struct stat *ret_st, size_t *ret_n, const char **ret_why) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  char *p = NULL;
  if (fd < 0 || fstat(fd, ret_st) < 0)
    *ret_why = strerror(errno);
  else if (!S_ISREG(ret_st->st_mode))
    *ret_why = S_ISDIR(ret_st->st_mode) ? strerror(EISDIR) : "it is no file, but a pipe, device or socket";
  else if ((size_t)ret_st->st_size > limit)
    *ret_why = strerror(EFBIG);
  else if (!(p = read_all(fd, (size_t)ret_st->st_size, limit, ret_n)))
    *ret_why = strerror(errno);
  if (fd >= 0)
    close(fd);
  return p;
}
