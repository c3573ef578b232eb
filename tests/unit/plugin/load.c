/* Loading: the sound sample, and each one with something wrong. */
#include "plugin/registry.h"
#include "samples.h"

Test(load, sound) {
  const struct etl_plugin *p;
  struct err e;
  cr_assert_eq(plugin_load(sample("good"), &e, &p), 0, "%s", e.message);
  cr_expect_str_eq(p->name, "sample");
  cr_expect_str_eq(plugin_connector(p, ETL_KIND_EXTRACTOR)->name, "sample");
  cr_expect_null(plugin_connector(p, ETL_KIND_LOADER));
}

struct wrong {
  const char *variant, *message; /* the message's end */
};
static const struct wrong wrong[] = {
    {"no_entry", "cannot be used: it does not export etl_plugin_v1()"},
    {"null_entry", "refuses this host (ABI 1.0)"},
    {"bad_magic", "cannot be used: what etl_plugin_v1() gave is no descriptor (magic 000000000000002a)"},
    {"short", "cannot be used: the functions of its extractor 'sample' are fewer than in ABI 1.0 (struct_size 16)"},
    {"no_split", "cannot be used: the functions of its extractor 'sample' are fewer than in ABI 1.0 (struct_size 64)"},
    {"no_settle", "cannot be used: the functions of its loader 'sample' are fewer than in ABI 1.0 (struct_size 88)"},
    {"no_next", "cannot be used: its extractor 'sample' lacks the function next()"},
    {"no_claim", "cannot be used: its loader 'sample' lacks the function claim()"},
    {"two_of_a_kind", "cannot be used: it holds two connectors of the kind extractor, and one file may hold one"},
    {"bad_default", "cannot be used: extractor 'sample': the default of its option 'time' is wrong: 'time' wants a duration, but "
                    "the text \"10\" is "
                    "not one; write for instance: time = \"10s\";"},
    {"no_choices", "cannot be used: extractor 'sample': its option 'kind' is a choice without choices"},
    {"bad_type", "cannot be used: extractor 'sample': its option 'strange' is of type 77, which this host does not know"},
    {"bad_name", "cannot be used: extractor 'sample': it has an option with the name 'Big Name', which is none: [a-z][a-z0-9_]*, "
                 "not 'plugin' or "
                 "'connection'"},
    {"twice", "cannot be used: extractor 'sample': it has two options of the name 'host'"},
    {"no_members", "cannot be used: extractor 'sample': its option 'more' takes groups, but does not say of what"},
};

Test(load, wrong) {
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    const struct etl_plugin *p = NULL;
    struct err e;
    char want[5000];
    snprintf(want, sizeof want, "the connector %s %s", sample(wrong[i].variant), wrong[i].message);
    cr_expect_eq(plugin_load(sample(wrong[i].variant), &e, &p), -1, "%s", wrong[i].variant);
    cr_expect_str_eq(e.message, want);
    cr_expect_neq(e.remedy[0], '\0', "%s", wrong[i].variant);
    cr_expect_null(p);
  }
}

Test(load, no_file) {
  const struct etl_plugin *p;
  struct err e;
  cr_expect_eq(plugin_load("/nowhere/x.so", &e, &p), -1);
  cr_expect_eq(strncmp(e.message, "the connector /nowhere/x.so cannot be loaded: ", 46), 0);
}
