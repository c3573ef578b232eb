/* The lock file beside an SQLite store.  The lock is the kernel's (flock), so it is gone with the process, however that ended; what stands in
 * the file only says who it is.  The file is never removed: a lock on a removed file would shut nobody out. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "store/driver.h"

static int refused(int fd, const char *path, const char *store, struct err *e) {
  char who[300] = "";
  ssize_t n = pread(fd, who, sizeof who - 1, 0);
  who[n > 0 ? n : 0] = 0;
  who[strcspn(who, "\n")] = 0;
  close(fd);
  err_set(e, ETL_E_CONFIG, "the state store %s is in use by another host: %s", store, who[0] ? who : "it has not yet said which");
  return err_remedy(e, "stop that host first, or give this one a store of its own; several hosts share a store in PostgreSQL (its lock file is %s)",
                    path);
}

int lock_take(const char *path, const char *store, struct err *e) {
  int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) {
    int code = errno;
    err_set(e, code == ENOSPC ? ETL_E_RETRYABLE : ETL_E_CONFIG, "the lock file %s of the state store cannot be opened: %s", path, strerror(code));
    return err_remedy(e, "let the user that etl runs as write the folder of the store");
  }
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    if (errno == EWOULDBLOCK)
      return refused(fd, path, store, e);
    err_set(e, ETL_E_CONFIG, "the lock file %s of the state store cannot be locked: %s", path, strerror(errno));
    close(fd);
    return err_remedy(e, "put the store on a local disk");
  }
  char machine[100] = "?", who[200];
  gethostname(machine, sizeof machine - 1);
  int n = snprintf(who, sizeof who, "process %ld on %s\n", (long)getpid(), machine);
  if (ftruncate(fd, 0) < 0 || pwrite(fd, who, (size_t)n, 0) < 0)
    return fd; /* the disk is full: the lock holds all the same */
  return fd;
}
