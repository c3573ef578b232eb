/* What happens in directories, and which of it is told. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "serve/watch.h"
#include "tmpdir.h"

TestSuite(watches, .init = tmpdir_enter, .fini = tmpdir_leave);

static char *here(const char *name) {
  cleanup_free char *cwd = getcwd(NULL, 0);
  return xasprintf("%s/%s", cwd, name);
}

static struct watches *watching(const char *name) {
  cleanup_free char *dir = here(name);
  const char *const dirs[] = {dir, NULL};
  struct watches *w = NULL;
  struct err e;
  cr_assert_eq(watches_open(dirs, &e, &w), 0, "%s", e.message);
  cr_expect_not(watches_read(w), "nothing has happened yet");
  return w;
}

static void put(const char *name) {
  FILE *f = fopen(name, "w");
  cr_assert(f);
  fputs("x", f);
  fclose(f);
}

Test(watches, connectors_of_a_directory) {
  mkdir("p", 0755);
  struct watches *w = watching("p");
  put("p/a.so");
  cr_expect(watches_read(w));
  cr_expect_not(watches_read(w), "it is told once");
  put("p/notes.txt");
  put("p/.a.so.new");
  cr_expect_not(watches_read(w), "no connectors");
  rename("p/.a.so.new", "p/a.so");
  cr_expect(watches_read(w));
  chmod("p/a.so", 0600);
  cr_expect(watches_read(w));
  cr_assert_eq(symlink("a.so", "p/b.so"), 0);
  cr_expect(watches_read(w));
  unlink("p/a.so");
  cr_expect(watches_read(w));
  chmod("p", 0700);
  cr_expect(watches_read(w));
  watches_close(w);
}

Test(watches, directory_that_is_not_there_yet) {
  struct watches *w = watching("one/two/three");
  mkdir("other", 0755);
  cr_expect_not(watches_read(w));
  mkdir("one", 0755);
  cr_expect(watches_read(w));
  watches_close(w);
  w = watching("one/two/three");
  mkdir("one/other", 0755);
  cr_expect_not(watches_read(w));
  mkdir("one/two", 0755);
  cr_expect(watches_read(w));
  watches_close(w);
  w = watching("one/two/three");
  mkdir("one/two/three", 0755);
  cr_expect(watches_read(w));
  watches_close(w);
}

Test(watches, directory_that_goes_away) {
  mkdir("one", 0755);
  mkdir("one/two", 0755);
  struct watches *w = watching("one/two");
  rename("one/two", "one/elsewhere");
  cr_expect(watches_read(w));
  rename("one/elsewhere", "one/two");
  watches_close(w);
  w = watching("one/two");
  rename("one", "moved");
  cr_expect(watches_read(w), "with all that is in it");
  watches_close(w);
  w = watching("moved/two");
  rmdir("moved/two");
  cr_expect(watches_read(w));
  watches_close(w);
}

Test(watches, link_that_is_turned) {
  mkdir("v1", 0755);
  mkdir("v2", 0755);
  cr_assert_eq(symlink("v1", "now"), 0);
  struct watches *w = watching("now");
  cr_assert_eq(symlink("v2", "next"), 0);
  cr_expect_not(watches_read(w));
  rename("next", "now");
  cr_expect(watches_read(w));
  watches_close(w);
}

Test(watches, link_above_that_is_turned) {
  mkdir("v1", 0755);
  mkdir("v1/plugins", 0755);
  mkdir("v2", 0755);
  mkdir("v2/plugins", 0755);
  cr_assert_eq(symlink("v1", "now"), 0);
  struct watches *w = watching("now/plugins");
  cr_assert_eq(symlink("v2", "next"), 0);
  cr_expect_not(watches_read(w));
  rename("next", "now");
  cr_expect(watches_read(w));
  watches_close(w);
}

/* The queue of the kernel is shorter than what happens; nobody may rely on any one event. */
Test(watches, overflow) {
  mkdir("p", 0755);
  struct watches *w = watching("p");
  FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "r");
  int max = 0;
  if (!f || fscanf(f, "%d", &max) != 1 || max > 100000)
    cr_skip_test("the queue of inotify is too long to be filled");
  fclose(f);
  for (int i = 0; i <= max; i++) { /* two names in turn: equal events that follow each other are one */
    int fd = open(i % 2 ? "p/a.txt" : "p/b.txt", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
  }
  cr_expect(watches_read(w));
  watches_close(w);
}
