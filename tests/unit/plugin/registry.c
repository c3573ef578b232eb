/* What is found in plugin directories, and what is said about the rest. */
#include "plugin/registry.h"

#include "samples.h"

TestSuite(registry, .init = tmpdir_enter, .fini = tmpdir_leave);

static struct registry *scan(const char *const *dirs) {
  struct registry *r;
  struct err e;
  cr_assert_eq(registry_scan(dirs, &e, &r), 0, "%s", e.message);
  return r;
}

Test(registry, files_of_all_sorts) {
  mkdir("a", 0755);
  mkdir("b", 0755);
  sample_copy("good", "a/sample.so");
  sample_copy("no_note", "a/plain.so");
  sample_copy("major_2", "a/later.so");
  sample_copy("needs_later", "a/minor.so");
  sample_copy("good", "a/writable.so");
  chmod("a/writable.so", 0646);
  mkdir("a/folder.so", 0755);
  symlink("nowhere", "a/dangling.so");
  tmpdir_write("a/readme.txt", "x");
  tmpdir_write("a/.hidden.so", "x");
  sample_copy("good", "b/again.so");
  sample_copy("transformer", "b/transformer.so");
  const char *const dirs[] = {"a", "b", "missing", NULL};
  struct registry *r = scan(dirs);
  static const struct {
    const char *path, *id, *bad;
    bool shadowed;
  } want[] = {
      {"a/dangling.so", "dangling", "it cannot be opened: No such file or directory", false},
      {"a/folder.so", "folder", "it is not a file", false},
      {"a/later.so", "sample",
       "it is built for ABI 2, and this host speaks ABI 1; install a newer etl, or a connector built for ABI 1", false},
      {"a/minor.so", "sample",
       "it needs a host with ABI 1.99 or later, and this one has 1.0; install a newer etl, or an older release of the connector",
       false},
      {"a/plain.so", "plain",
       "it has no ETL note: it is no connector, or was built without ETL_NOTE(); remove it from the folder, or add ETL_NOTE()",
       false},
      {"a/sample.so", "sample", NULL, false},
      {"a/writable.so", "sample",
       "file 'a/writable.so' may be written by every user of this machine, so it is not trusted; take the permission away: chmod "
       "o-w 'a/writable.so'",
       false},
      {"b/again.so", "sample", NULL, true},
      {"b/transformer.so", "sample", NULL, false}};
  cr_assert_eq(r->files_n, sizeof want / sizeof *want);
  for (size_t i = 0; i < r->files_n; i++) {
    const struct plugin_file *f = &r->files[i];
    cr_expect_str_eq(f->path, want[i].path);
    cr_expect_str_eq(f->id, want[i].id);
    cr_expect_str_eq(f->bad ? f->bad : "", want[i].bad ? want[i].bad : "");
    cr_expect_eq(f->shadowed_by != NULL, want[i].shadowed, "%s", f->path);
  }
  cr_expect_str_eq(r->files[7].shadowed_by, "a/sample.so");
  cr_expect_str_eq(r->dirs, "a, b, missing (does not exist)");
  struct err e;
  cr_expect_eq(registry_find(r, ETL_KIND_EXTRACTOR, "sample", &e), &r->files[5]);
  cr_expect_eq(registry_find(r, ETL_KIND_TRANSFORMER, "sample", &e), &r->files[8]);
  cr_expect_eq(registry_find(r, 0, "sample", &e), &r->files[5]);
  registry_free(r);
}

static void expect_missing(const struct registry *r, uint32_t kind, const char *name, const char *message, const char *remedy) {
  struct err e;
  cr_expect_null(registry_find(r, kind, name, &e));
  cr_expect_str_eq(e.message, message);
  cr_expect_str_eq(e.remedy, remedy);
  cr_expect_eq(e.error_class, ETL_E_CONFIG);
}

Test(registry, what_is_missing) {
  mkdir("a", 0755);
  sample_copy("good", "a/sample.so");
  tmpdir_write("a/broken.so", "not ELF");
  const char *const dirs[] = {"a", NULL};
  struct registry *r = scan(dirs);
  expect_missing(r, ETL_KIND_EXTRACTOR, "sampel", "there is no extractor 'sampel'; did you mean 'sample'?", "");
  expect_missing(r, ETL_KIND_LOADER, "postgres", "there is no loader 'postgres'",
                 "looked in a; `etl plugin list` shows what is there");
  expect_missing(r, ETL_KIND_LOADER, "sample", "'sample' (a/sample.so) is no loader",
                 "`etl plugin list` shows what each connector is for");
  expect_missing(r, ETL_KIND_LOADER, "broken",
                 "the loader 'broken' cannot be used: its file a/broken.so was refused: it is not a shared object (no ELF header); "
                 "remove it, or "
                 "build the connector anew",
                 "");
  registry_free(r);
}

Test(registry, folders_that_cannot_be_used) {
  struct registry *r;
  struct err e;
  mkdir("open", 0755);
  chmod("open", 0777);
  const char *const open_dir[] = {"open", NULL};
  cr_assert_eq(registry_scan(open_dir, &e, &r), -1);
  cr_expect_str_eq(e.message, "directory 'open' may be written by every user of this machine, so it is not trusted");
  tmpdir_write("file", "x");
  const char *const file[] = {"file", NULL};
  cr_assert_eq(registry_scan(file, &e, &r), -1);
  cr_expect_str_eq(e.message, "the plugin directory 'file' cannot be read: Not a directory");
  const char *const missing[] = {"nowhere", NULL};
  cr_assert_eq(registry_scan(missing, &e, &r), 0);
  cr_expect_eq(r->files_n, 0);
  registry_free(r);
}

Test(registry, files_of_other_users) {
  if (geteuid() != 0)
    cr_skip_test("only root can give files away");
  mkdir("a", 0755);
  sample_copy("good", "a/sample.so");
  cr_assert_eq(chown("a/sample.so", 12345, 12345), 0);
  const char *const dirs[] = {"a", NULL};
  struct registry *r = scan(dirs);
  cr_expect_str_eq(r->files[0].bad,
                   "file 'a/sample.so' belongs to user 12345, and only code of root or of user 0 is run; if you trust it: "
                   "chown 0 'a/sample.so'");
  registry_free(r);
}

Test(registry, folder_that_is_left_out) {
  mkdir("a", 0755);
  mkdir("open", 0755);
  sample_copy("good", "a/sample.so");
  sample_copy("good", "open/other.so");
  chmod("open", 0777);
  const char *const dirs[] = {"open", "a", NULL};
  struct registry *r = registry_scan_others(dirs);
  cr_assert_eq(r->files_n, 1);
  cr_expect_str_eq(r->files[0].path, "a/sample.so");
  cr_expect_str_eq(r->dirs, "open (refused), a");
  cr_expect_str_eq(r->refused, "directory 'open' may be written by every user of this machine, so it is not trusted; take the permission away: chmod o-w 'open'");
  registry_free(r);
}

/* The next one of the same name takes its place. */
Test(registry, file_that_is_refused_later) {
  mkdir("a", 0755);
  mkdir("b", 0755);
  sample_copy("good", "a/sample.so");
  sample_copy("good", "b/sample.so");
  const char *const dirs[] = {"a", "b", NULL};
  struct registry *r = scan(dirs);
  struct err e;
  cr_expect_not_null(r->files[1].shadowed_by);
  registry_refuse(r, 0, "it crashes");
  cr_expect_null(r->files[1].shadowed_by);
  const struct plugin_file *f = registry_find(r, ETL_KIND_EXTRACTOR, "sample", &e);
  cr_assert_not_null(f);
  cr_expect_str_eq(f->path, "b/sample.so");
  registry_refuse(r, 1, "it hangs");
  expect_missing(r, ETL_KIND_EXTRACTOR, "sample", "the extractor 'sample' cannot be used: its file a/sample.so was refused: it crashes", "");
  registry_free(r);
}

Test(registry, marks_of_files) {
  struct plugin_mark before, now;
  mkdir("a", 0755);
  sample_copy("good", "a/sample.so");
  const char *const dirs[] = {"a", NULL};
  struct registry *r = scan(dirs);
  cr_assert_eq(plugin_mark("a/sample.so", &before), 0);
  cr_expect(plugin_mark_same(&r->files[0].mark, &before));
  sample_copy("good", "a/other.so");
  rename("a/other.so", "a/sample.so");
  cr_assert_eq(plugin_mark("a/sample.so", &now), 0);
  cr_expect_not(plugin_mark_same(&before, &now));
  unlink("a/sample.so");
  cr_expect_eq(plugin_mark("a/sample.so", &now), -1);
  registry_free(r);
}
