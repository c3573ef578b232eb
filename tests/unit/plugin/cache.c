/* Copies of connectors by content. */
#include <dirent.h>
#include <fcntl.h>
#include <time.h>

#include "plugin/registry.h"
#include "samples.h"

TestSuite(cache, .init = tmpdir_enter, .fini = tmpdir_leave);

static size_t entries(const char *dir) {
  size_t n = 0;
  DIR *d = opendir(dir);
  for (struct dirent *e; d && (e = readdir(d));)
    n += e->d_name[0] != '.' || strlen(e->d_name) > 2;
  if (d)
    closedir(d);
  return n;
}

static int cache_as_it_is(const char *path, const char *dir, struct arena *a, struct err *e, const char **ret_copy) {
  struct plugin_mark now = {0};
  plugin_mark(path, &now);
  return plugin_cache(path, &now, dir, a, e, ret_copy);
}

static const char *cache(const char *path, struct arena *a) {
  struct err e;
  const char *copy;
  cr_assert_eq(cache_as_it_is(path, "cache/deep", a, &e, &copy), 0, "%s", e.message);
  return copy;
}

Test(cache, same_content_same_file) {
  struct arena *a = arena_new();
  sample_copy("good", "sample.so");
  const char *one = cache("sample.so", a);
  cr_expect_eq(strncmp(one, "cache/deep/plugins/sample-", 26), 0);
  struct stat st, again;
  cr_assert_eq(stat(one, &st), 0);
  cr_expect_eq(st.st_mode & 0777, 0500);
  stat("cache/deep/plugins", &again);
  cr_expect_eq(again.st_mode & 0777, 0700);
  cr_expect_str_eq(cache("sample.so", a), one);
  cr_assert_eq(stat(one, &again), 0);
  cr_expect_eq(st.st_ino, again.st_ino, "not copied again");

  sample_copy("transformer", "sample.so"); /* a new version: the old copy stays for those who use it */
  const char *two = cache("sample.so", a);
  cr_expect_str_neq(one, two);
  cr_expect_eq(access(one, R_OK), 0);
  cr_expect_eq(entries("cache/deep/plugins"), 2, "no temporary file is left");
  arena_free(a);
}

Test(cache, a_damaged_copy_is_replaced) {
  struct arena *a = arena_new();
  sample_copy("good", "sample.so");
  const char *one = cache("sample.so", a);
  chmod(one, 0700);
  cr_assert_eq(truncate(one, 100), 0);
  cr_expect_str_eq(cache("sample.so", a), one);
  struct stat st, want;
  stat(one, &st);
  stat("sample.so", &want);
  cr_expect_eq(st.st_size, want.st_size);
  cr_assert_eq(unlink(one), 0);
  cr_assert_eq(symlink("../../../sample.so", one), 0);
  cache("sample.so", a);
  cr_assert_eq(lstat(one, &st), 0);
  cr_expect(S_ISREG(st.st_mode), "a link in the cache is not followed");
  arena_free(a);
}

static void make_older(const char *path, time_t seconds) {
  struct timespec at[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
  cr_assert_eq(utimensat(AT_FDCWD, path, at, 0), 0);
}

Test(cache, what_nobody_has_used_for_long_goes) {
  enum { DAY = 86400 };
  struct arena *a = arena_new();
  sample_copy("good", "old.so");
  sample_copy("good", "used.so");
  const char *old = cache("old.so", a), *used = cache("used.so", a);
  const char *half = "cache/deep/plugins/.old.Xy12Zz", *half_now = "cache/deep/plugins/.new.Xy12Zz";
  fclose(fopen(half, "w"));
  fclose(fopen(half_now, "w"));
  make_older(old, 31 * DAY);
  make_older(used, 31 * DAY);
  make_older(half, 7200);
  cr_expect_str_eq(cache("used.so", a), used);
  sample_copy("transformer", "new.so");
  const char *new = cache("new.so", a);
  cr_expect_eq(access(old, F_OK), -1);
  cr_expect_eq(access(half, F_OK), -1, "who wrote it is gone");
  cr_expect_eq(access(half_now, F_OK), 0, "somebody may be writing it");
  cr_expect_eq(access(used, F_OK), 0, "it was used just now");
  cr_expect_eq(access(new, F_OK), 0);
  arena_free(a);
}

Test(cache, what_cannot_be_cached) {
  struct arena *a = arena_new();
  struct err e;
  const char *copy;
  cr_expect_eq(cache_as_it_is("nowhere.so", "cache", a, &e, &copy), -1);
  sample_copy("good", "sample.so");
  tmpdir_write("file", "x");
  cr_expect_eq(cache_as_it_is("sample.so", "file", a, &e, &copy), -1);
  cr_expect_str_eq(e.message, "cannot make the cache of connectors 'file/plugins': Not a directory");
  cr_expect_not_null(strstr(e.remedy, "cache_dir"));
  mkdir("cache", 0700);
  mkdir("cache/plugins", 0700);
  chmod("cache/plugins", 0777);
  cr_expect_eq(cache_as_it_is("sample.so", "cache", a, &e, &copy), -1, "others could put a file there");
  chmod("sample.so", 0646);
  cr_expect_eq(cache_as_it_is("sample.so", "cache2", a, &e, &copy), -1);
  cr_expect_not_null(strstr(e.message, "not trusted"));
  arena_free(a);
}

Test(cache, what_is_written_or_replaced_after_it_was_looked_at_is_not_taken) {
  struct arena *a = arena_new();
  struct plugin_mark seen;
  struct err e;
  const char *copy;
  sample_copy("good", "sample.so");
  cr_assert_eq(plugin_mark("sample.so", &seen), 0);
  cr_assert_eq(truncate("sample.so", 4096), 0);
  cr_expect_eq(plugin_cache("sample.so", &seen, "cache", a, &e, &copy), -1);
  cr_expect_eq(e.error_class, ETL_E_RETRYABLE);
  cr_expect_str_eq(e.message, "the connector sample.so is another file than the one that was looked at: it is being replaced");
  cr_expect_eq(entries("cache/plugins"), 0, "no half of one is kept");
  arena_free(a);
}
