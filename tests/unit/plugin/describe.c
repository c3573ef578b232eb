/* Descriptions asked of a child process that may do anything. */
#include "plugin/describe.h"

#include "base/clock.h"
#include "base/units.h"
#include "plugin/describes.h"
#include "plugin/options.h"
#include "samples.h"

static int ask(const char *variant, int64_t deadline_ns, struct err *e, struct description **d) {
  *d = NULL;
  return describe_by(ETL, sample(variant), deadline_ns, e, d);
}

Test(describe, sound) {
  struct err e;
  struct description *d;
  cr_assert_eq(ask("good", 10 * NS_PER_SEC, &e, &d), 0, "%s", e.message);
  cr_expect_str_eq(d->name, "sample");
  cr_expect_str_eq(d->license, "MIT");
  cr_expect_null(d->url);
  cr_expect_null(d->connectors[ETL_KIND_LOADER]);
  const struct etl_connector *c = d->connectors[ETL_KIND_EXTRACTOR];
  cr_assert_not_null(c);
  cr_expect_eq(c->caps, ETL_CAP_RESUME);
  cr_expect_str_eq(c->doc, "At all.");
  const struct etl_option *const *o = c->options;
  cr_expect_str_eq(o[0]->name, "host");
  cr_expect_eq(o[0]->flags, ETL_OPT_REQUIRED);
  cr_expect_str_eq(o[0]->example, "db1");
  cr_expect_eq(o[1]->flags, ETL_OPT_SECRET);
  cr_expect_eq(o[2]->type, ETL_T_ENUM);
  cr_expect_str_eq(o[2]->choices[1], "two");
  cr_expect_null(o[2]->choices[2]);
  cr_expect_str_eq(o[2]->dflt, "two");
  cr_expect_eq(o[3]->type, ETL_T_GROUPS);
  cr_expect_str_eq(o[3]->members[1]->name, "port");
  cr_expect_eq(o[3]->members[1]->max, 65535);
  cr_expect_null(o[3]->members[2]);
  cr_expect_null(o[4]);
  description_free(d);
}

Test(describe, one_that_prints) {
  struct err e;
  struct description *d;
  cr_assert_eq(ask("prints", 10 * NS_PER_SEC, &e, &d), 0, "%s", e.message);
  description_free(d);
}

static void expect_error(const char *variant, int64_t deadline_ns, const char *fmt) {
  struct err e;
  struct description *d;
  char want[5000];
  snprintf(want, sizeof want, "the connector %s %s", sample(variant), fmt);
  cr_expect_eq(ask(variant, deadline_ns, &e, &d), -1, "%s", variant);
  cr_expect_str_eq(e.message, want);
  cr_expect_neq(e.remedy[0], '\0');
}

Test(describe, crash) {
  expect_error("crash", 10 * NS_PER_SEC, "crashed when it was asked to describe itself: SIGSEGV (Segmentation fault)");
}

Test(describe, exits) {
  expect_error("exits", 10 * NS_PER_SEC, "ended the process that loaded it (exit status 7) instead of describing itself");
}

Test(describe, hang) {
  int64_t before = clock_mono_ns();
  expect_error("hang", 300 * NS_PER_MS, "did not describe itself within 300ms: it hangs when it is loaded");
  cr_expect_lt(clock_mono_ns() - before, 5 * NS_PER_SEC);
}

Test(describe, what_the_child_found) {
  expect_error("no_next", 10 * NS_PER_SEC, "cannot be used: its extractor 'sample' lacks the function next()");
}

Test(describe, no_executable) {
  struct err e;
  struct description *d = NULL;
  cr_expect_eq(describe_by("/nowhere/etl", sample("good"), NS_PER_SEC, &e, &d), -1);
  cr_expect_eq(describe_by("/bin/true", sample("good"), NS_PER_SEC, &e, &d), -1);
  cr_expect_eq(describe_by("/bin/echo", sample("good"), NS_PER_SEC, &e, &d), -1);
}

Test(describe, json_that_is_none) {
  static const char *const bad[] = {"{}", "{\"name\": \"x\", \"version\": \"1\"}",
                                    "{\"name\": \"x\", \"version\": \"1\", \"connectors\": [{}]}",
                                    "{\"name\": \"x\", \"version\": \"1\", \"connectors\": [{\"kind\": \"extractor\", \"name\": "
                                    "\"x\", \"version\": \"1\", \"options\": [{\"name\": "
                                    "\"a\", \"type\": \"strange\"}]}]}",
                                    "{\"name\": \"x\", \"version\": \"1\", \"connectors\": [{\"kind\": \"extractor\", \"name\": "
                                    "\"x\", \"version\": \"1\", \"options\": [{\"name\": "
                                    "\"a\", \"type\": \"choice\"}]}]}"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    json_t *j = json_loads(bad[i], 0, NULL);
    struct description *d = NULL;
    struct err e;
    cr_assert_not_null(j);
    cr_expect_eq(description_from_json(j, &e, &d), -1, "%s", bad[i]);
    json_decref(j);
  }
}

static size_t mistakes(void (*check)(struct describes *c, const struct conf_pipeline *p, const struct registry *r, struct diags *d), struct describes *c,
                       const struct registry *r) {
  const struct conf_pipeline p = {.name = "p", .extract = {.plugin = "sample"}, .load = {.plugin = "sample"}};
  struct diags d = {0};
  check(c, &p, r, &d);
  size_t n = d.errors;
  diags_fini(&d);
  return n;
}

/* This program cannot describe, so whoever is asked has failed. */
Test(describe, what_is_known_needs_no_question, .init = tmpdir_enter, .fini = tmpdir_leave) {
  const char *const dirs[] = {tmpdir_path, NULL};
  struct describes *c = describes_new();
  struct registry *r;
  struct err e;
  sample_copy("good", "good.so");
  sample_copy("loader", "loader.so");
  cr_assert_eq(registry_scan(dirs, &e, &r), 0, "%s", e.message);
  cr_expect_eq(mistakes(describes_check_known, c, r), 0, "nobody was asked");
  cr_expect_eq(mistakes(describes_check_pipeline, c, r), 2);
  cr_expect_eq(mistakes(describes_check_known, c, r), 2, "it is known now");
  describes_forget_failures(c);
  cr_expect_eq(mistakes(describes_check_known, c, r), 0, "it would be asked again");
  registry_free(r);
  describes_free(c);
}
