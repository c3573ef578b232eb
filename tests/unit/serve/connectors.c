/* Is a connector's file still the one that was looked at? */
#include <criterion/criterion.h>

#include "serve/connectors.h"
#include "tmpdir.h"

TestSuite(connectors, .init = tmpdir_enter, .fini = tmpdir_leave);

static struct registry *scanned(void) {
  const char *const dirs[] = {tmpdir_path, NULL};
  struct registry *r = NULL;
  struct err e;
  cr_assert_eq(registry_scan(dirs, &e, &r), 0, "%s", e.message);
  return r;
}

Test(connectors, refused_and_then_written_anew) {
  const struct conf_pipeline p = {.name = "p", .extract = {.plugin = "csv"}, .load = {.plugin = "csv"}};
  struct err e;
  tmpdir_write("csv.so", "%s", "half of");
  struct registry *r = scanned();
  cr_expect_eq(connectors_current(r, &p, &e), 0, "refused, and that is how it is");
  tmpdir_write("csv.so", "%s", "half of it, and then more");
  cr_expect_eq(connectors_current(r, &p, &e), -1, "nobody has looked at it yet");
  cr_expect_eq(e.error_class, ETL_E_RETRYABLE);
  unlink("csv.so");
  cr_expect_eq(connectors_current(r, &p, &e), -1);
  registry_free(r);
  r = scanned();
  cr_expect_eq(connectors_current(r, &p, &e), 0, "there is none");
  registry_free(r);
}
