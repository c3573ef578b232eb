/* unit/conf/loading.h: a configuration of two files, loaded in the test's own folder; what is said about it as one text. */
#ifndef TESTS_UNIT_CONF_LOADING_H
#define TESTS_UNIT_CONF_LOADING_H

#include "conf/conf.h"
#include "tmpdir.h"

/* A pipeline that is right, to be put beside wrong ones. */
#define GOOD_PIPELINE "extract = { plugin = \"a\"; }; load = { plugin = \"b\"; };\n"

static inline void loading_init(void) {
  tmpdir_enter();
  unsetenv("ETL_CONF");
  unsetenv("ETL_PLUGIN_PATH");
  mkdir("pipelines.d", 0755);
}

/* What `etl check` would print; *ret (may be NULL) gets the configuration, NULL after an error.  Freed by the caller. */
static inline char *load_and_say(const char *path, const char *only, struct conf **ret) {
  struct diags d = {0};
  struct conf *c = NULL;
  int rc = conf_load(path, only, &d, &c);
  cr_assert_eq(rc<0, d.errors> 0);
  cr_assert_eq(rc == 0, c != NULL);
  char *text = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&text, &n);
  diags_print(&d, f);
  fclose(f);
  diags_fini(&d);
  if (ret)
    *ret = c;
  else
    conf_free(c);
  return text;
}

#define expect_said(path_, only_, want_)                                                                                           \
  do {                                                                                                                             \
    char *said_ = load_and_say(path_, only_, NULL);                                                                                \
    cr_expect_str_eq(said_, want_, "said:\n%s\nwanted:\n%s", said_, want_);                                                        \
    free(said_);                                                                                                                   \
  } while (0)

#endif
