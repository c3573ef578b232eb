/* Whose files are obeyed. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/trust.h"
#include "tmpdir.h"

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

Test(trust, groups) {
  struct err e;
  struct stat st = {.st_mode = S_IFREG | 0664, .st_uid = geteuid(), .st_gid = getegid()};
  cr_expect_eq(trust_check("/x/y", &st, TRUST_CODE, &e), 0, "a group of our own");
  st.st_gid = getegid() + 7;
  cr_expect_eq(trust_check("/x/y", &st, TRUST_CODE, &e), -1);
  cr_expect_not_null(strstr(e.message, "may be written by the members of group"));
  cr_expect_str_eq(e.remedy, "take the permission away: chmod g-w '/x/y'");
  cr_expect_eq(trust_check("/x/y", &st, TRUST_TEXT, &e), 0);
  st.st_mode = S_IFREG | 0644;
  cr_expect_eq(trust_check("/x/y", &st, TRUST_CODE, &e), 0);
}

Test(trust, access_lists, .init = tmpdir_enter, .fini = tmpdir_leave) {
  struct { /* linux/posix_acl_xattr.h */
    uint32_t version;
    struct {
      uint16_t tag, perm;
      uint32_t id;
    } entries[5];
  } list = {2, {{0x01, 6, UINT32_MAX}, {0x02, 6, 1234}, {0x04, 4, UINT32_MAX}, {0x10, 6, UINT32_MAX}, {0x20, 4, UINT32_MAX}}};
  struct err e;
  struct stat st;
  tmpdir_write("x.so", "%s", "");
  if (setxattr("x.so", "system.posix_acl_access", &list, sizeof list, 0) < 0)
    cr_skip_test("no access lists here: %s", strerror(errno));
  cr_assert_eq(stat("x.so", &st), 0);
  cr_expect_eq(trust_check("x.so", &st, TRUST_CODE, &e), -1, "user 1234 may write it");
  cr_expect_not_null(strstr(e.remedy, "setfacl -b"));
}
