/* Whose files are obeyed. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "base/trust.h"

static int check(mode_t mode, uid_t uid, enum trust what, struct err *e) {
  struct stat st = {.st_mode = mode, .st_uid = uid};
  return trust_check("/x/y", &st, what, e);
}

Test(trust, files_and_folders) {
  struct err e;
  cr_expect_eq(check(S_IFREG | 0644, geteuid(), TRUST_CODE, &e), 0);
  cr_expect_eq(check(S_IFREG | 0755, 0, TRUST_CODE, &e), 0);
  cr_expect_eq(check(S_IFREG | 0644, geteuid() + 7, TRUST_TEXT, &e), 0);
  cr_expect_eq(check(S_IFREG | 0646, geteuid(), TRUST_TEXT, &e), -1);
  cr_expect_str_eq(e.message, "file '/x/y' may be written by every user of this machine, so it is not trusted");
  cr_expect_str_eq(e.remedy, "take the permission away: chmod o-w '/x/y'");
  cr_expect_eq(check(S_IFDIR | S_ISVTX | 0777, 0, TRUST_CODE, &e), -1, "a sticky folder lets everybody add files");
  cr_expect_not_null(strstr(e.message, "directory"));
  cr_expect_eq(check(S_IFREG | 0644, geteuid() + 7, TRUST_CODE, &e), -1);
  cr_expect_not_null(strstr(e.remedy, "chown"));
}
