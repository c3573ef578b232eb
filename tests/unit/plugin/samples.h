/* unit/plugin/samples.h: where the sample connectors are, and copies of them in the test's own folder. */
#ifndef TESTS_UNIT_PLUGIN_SAMPLES_H
#define TESTS_UNIT_PLUGIN_SAMPLES_H

#include "base/err.h"
#include "tmpdir.h"

static inline const char *sample(const char *variant) {
  static char path[4096];
  snprintf(path, sizeof path, SAMPLES "/sample_%s.so", variant);
  return path;
}

/* The file's bytes; freed by the caller. */
static inline char *sample_bytes(const char *variant, size_t *ret_n) {
  FILE *f = fopen(sample(variant), "rb");
  cr_assert_not_null(f, "%s", sample(variant));
  fseek(f, 0, SEEK_END);
  *ret_n = (size_t)ftell(f);
  rewind(f);
  char *p = malloc(*ret_n);
  cr_assert_eq(fread(p, 1, *ret_n, f), *ret_n);
  fclose(f);
  return p;
}

static inline void sample_copy(const char *variant, const char *to) {
  size_t n;
  char *p = sample_bytes(variant, &n);
  tmpdir_write(to, "%s", "");
  FILE *f = fopen(to, "wb");
  cr_assert_eq(fwrite(p, 1, n, f), n);
  fclose(f);
  free(p);
}

#endif
