/* Ownership and write permission of what is obeyed or executed. */
#include "base/trust.h"

#include <unistd.h>

int trust_check(const char *path, const struct stat *st, enum trust what, struct err *e) {
  const char *kind = S_ISDIR(st->st_mode) ? "directory" : "file";
  if (st->st_mode & S_IWOTH) {
    err_set(e, ETL_E_CONFIG, "%s '%s' may be written by every user of this machine, so it is not trusted", kind, path);
    return err_remedy(e, "take the permission away: chmod o-w '%s'", path);
  }
  if (what == TRUST_CODE && st->st_uid != 0 && st->st_uid != geteuid()) {
    err_set(e, ETL_E_CONFIG, "%s '%s' belongs to user %u, and only code of root or of user %u is run", kind, path,
            (unsigned)st->st_uid, (unsigned)geteuid());
    return err_remedy(e, "if you trust it: chown %u '%s'", (unsigned)geteuid(), path);
  }
  return 0;
}
