/* Ownership and write permission of what is obeyed or executed. */
#include "base/trust.h"

#include <sys/xattr.h>
#include <unistd.h>

/* Where there is an access list, the bits of the group say what it gives at most, to whomever. */
static int check_group(const char *path, const struct stat *st, const char *kind, struct err *e) {
  if (!(st->st_mode & S_IWGRP))
    return 0;
  if (getxattr(path, "system.posix_acl_access", NULL, 0) > 0) {
    err_set(e, ETL_E_CONFIG, "%s '%s' has an access list that may let others write it, so it is not trusted", kind, path);
    return err_remedy(e, "take the list away: setfacl -b '%s'", path);
  }
  if (st->st_gid == 0 || st->st_gid == getegid())
    return 0;
  err_set(e, ETL_E_CONFIG, "%s '%s' may be written by the members of group %u, so it is not trusted", kind, path, (unsigned)st->st_gid);
  return err_remedy(e, "take the permission away: chmod g-w '%s'", path);
}

int trust_check(const char *path, const struct stat *st, enum trust what, struct err *e) {
  const char *kind = S_ISDIR(st->st_mode) ? "directory" : "file";
  if (st->st_mode & S_IWOTH) {
    err_set(e, ETL_E_CONFIG, "%s '%s' may be written by every user of this machine, so it is not trusted", kind, path);
    return err_remedy(e, "take the permission away: chmod o-w '%s'", path);
  }
  if (what == TRUST_TEXT)
    return 0;
  if (st->st_uid != 0 && st->st_uid != geteuid()) {
    err_set(e, ETL_E_CONFIG, "%s '%s' belongs to user %u, and only code of root or of user %u is run", kind, path,
            (unsigned)st->st_uid, (unsigned)geteuid());
    return err_remedy(e, "if you trust it: chown %u '%s'", (unsigned)geteuid(), path);
  }
  return check_group(path, st, kind, e);
}
