/* Time zones by name, and the address of the state store. */
#include <criterion/criterion.h>
#include <string.h>

#include "conf/state.h"
#include "conf/zone.h"

Test(zone, names) {
  struct err e;
  cr_expect_eq(zone_check("UTC", &e), 0);
  cr_expect_eq(zone_check("Europe/Berlin", &e), 0, "is the package tzdata installed? %s", e.message);
  cr_expect_eq(zone_check("Europe", &e), -1, "a folder is no zone");
  cr_expect_eq(zone_check("", &e), -1);
  cr_expect_eq(zone_check("../../../etc/passwd", &e), -1);
  cr_expect_eq(zone_check("/etc/localtime", &e), -1);
  cr_expect_eq(zone_check("zone.tab", &e), -1);
  cr_expect_eq(zone_check("America/New_Yrok", &e), -1);
  cr_expect_str_eq(e.message, "there is no time zone \"America/New_Yrok\"");
  cr_expect_str_eq(e.remedy, "did you mean \"America/New_York\"?");
}

Test(state, addresses) {
  struct err e;
  cr_expect_eq(state_check("sqlite:///var/lib/x.db", &e), 0);
  cr_expect_eq(state_check("postgresql://u:secret@h/d", &e), 0);
  cr_expect_eq(state_check("postgres://h/d", &e), 0);
  cr_expect_eq(state_check("sqlite:///", &e), -1);
  cr_expect_eq(state_check("sqlite://x.db", &e), -1);
  cr_expect_eq(state_check("mysql://u:secret@h", &e), -1);
  cr_expect_null(strstr(e.message, "secret"));
}
