/* unit/tmpdir.h: a folder for one test, entered by its .init and removed by its .fini.  It lies in the folder that the test runs
 * in. */
#ifndef TESTS_UNIT_TMPDIR_H
#define TESTS_UNIT_TMPDIR_H

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

static char tmpdir_path[4096];

static inline void tmpdir_enter(void) {
  char here[3500];
  cr_assert_not_null(getcwd(here, sizeof here));
  snprintf(tmpdir_path, sizeof tmpdir_path, "%s/unit-XXXXXX", here);
  cr_assert_not_null(mkdtemp(tmpdir_path));
  cr_assert_eq(chdir(tmpdir_path), 0);
}

static inline int tmpdir_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st, (void)type, (void)ftw;
  return remove(path);
}

static inline void tmpdir_leave(void) {
  cr_assert_eq(chdir("/"), 0);
  nftw(tmpdir_path, tmpdir_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Writes a file; folders in its name are made. */
__attribute__((format(printf, 2, 3))) static inline void tmpdir_write(const char *name, const char *fmt, ...) {
  char dir[256];
  for (const char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
    snprintf(dir, sizeof dir, "%.*s", (int)(slash - name), name);
    mkdir(dir, 0755);
  }
  FILE *f = fopen(name, "w");
  cr_assert_not_null(f, "%s", name);
  va_list ap;
  va_start(ap, fmt);
  vfprintf(f, fmt, ap);
  va_end(ap);
  fclose(f);
  chmod(name, 0644);
}

#endif
