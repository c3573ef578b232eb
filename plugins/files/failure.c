/* Reasons of failures, and what an errno means to a user.  No state. */
#include "failure.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct meaning {
  int number;
  uint32_t error_class;
  const char *remedy;
} meanings[] = {
    {ENOENT, ETL_E_CONFIG, "check `path`; a relative one begins at the folder that etl was started in"},
    {EACCES, ETL_E_CONFIG, "let the user that runs etl read (or write) it"},
    {EPERM, ETL_E_CONFIG, "let the user that runs etl read (or write) it"},
    {EISDIR, ETL_E_CONFIG, "name files, not a folder: `path` may hold globs"},
    {ENOTDIR, ETL_E_CONFIG, "check `path`"},
    {EROFS, ETL_E_CONFIG, "the file system is mounted read-only"},
    {ENAMETOOLONG, ETL_E_CONFIG, "choose a shorter `path`"},
    {ENOSPC, ETL_E_RETRYABLE, "make room on the disk; nothing of the epoch in hand is visible, and it is written again"},
    {EDQUOT, ETL_E_RETRYABLE, "raise the quota; nothing of the epoch in hand is visible, and it is written again"},
    {EFBIG, ETL_E_PERMANENT, "the file would be larger than the file system or ulimit -f allows; commit smaller epochs"},
    {EMFILE, ETL_E_RETRYABLE, "raise ulimit -n"},
    {ENFILE, ETL_E_RETRYABLE, "too many files are open on this machine"},
    {EIO, ETL_E_RETRYABLE, "look at the kernel's log: the disk or the network storage reports an error"},
    {ESTALE, ETL_E_RETRYABLE, "the network storage lost the file"},
};

int failure_set(struct failure *f, uint32_t error_class, const char *option, const char *remedy, const char *fmt, ...) {
  if (f->error_class)
    return -1;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(f->message, sizeof f->message, fmt, ap);
  va_end(ap);
  snprintf(f->remedy, sizeof f->remedy, "%s", remedy ? remedy : "");
  f->error_class = error_class;
  f->option = option;
  return -1;
}

int failure_stopped(struct failure *f) {
  f->stopped |= f->error_class == 0;
  return failure_set(f, ETL_E_RETRYABLE, NULL, NULL, "cancel was asked for");
}

int failure_memory(struct failure *f, const char *what) {
  return failure_set(f, ETL_E_PERMANENT, NULL, "give the run more memory", "no memory for %s", what);
}

int failure_errno(struct failure *f, int number, const char *verb, const char *path) {
  uint32_t error_class = ETL_E_PERMANENT;
  const char *remedy = NULL;
  for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
    if (meanings[i].number == number) {
      error_class = meanings[i].error_class;
      remedy = meanings[i].remedy;
    }
  if (!f->error_class)
    f->vendor_code = number;
  return failure_set(f, error_class, error_class == ETL_E_CONFIG ? "path" : NULL, remedy, "%s cannot be %s: %s", path, verb, strerror(number));
}

int32_t failure_report(const struct etl_host *h, const struct failure *f) {
  if (f->stopped)
    return ETL_STOPPED;
  struct etl_error e = ETL_ERROR(f->error_class ? f->error_class : ETL_E_INTERNAL);
  e.vendor_code = f->vendor_code;
  e.remedy = f->remedy[0] ? f->remedy : NULL;
  e.option = f->option;
  return etl_failf(h, &e, "%s", f->error_class ? f->message : "a call failed without a reason");
}
