/* The control socket as a file: who made it, who may use it, what a dead host has left. */
#include "serve/socket.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tmpdir.h"

TestSuite(socket, .init = tmpdir_enter, .fini = tmpdir_leave);

static struct err err;

/* Name services may take half a minute to answer; the loop does not ask them. */
static int name_services;
int getpwuid_r(uid_t uid, struct passwd *p, char *buf, size_t n, struct passwd **ret) {
  (void)uid, (void)p, (void)buf, (void)n;
  name_services++;
  *ret = NULL;
  return 0;
}

Test(socket, both_ends_meet) {
  struct listening l;
  struct stat st;
  struct peer peer;
  char own[USER_TEXT];
  cr_assert_eq(socket_listen("s", NULL, &err, &l), 0, "%s", err.message);
  cr_assert_eq(stat("s", &st), 0);
  cr_expect_eq(st.st_mode & 07777, 0660);
  int fd = socket_connect("s", &err);
  cr_assert_geq(fd, 0, "%s", err.message);
  int other = accept(l.fd, NULL, NULL);
  cr_assert_geq(other, 0);
  socket_peer(other, &peer);
  cr_expect_eq(peer.pid, getpid());
  cr_expect_str_eq(peer.name, socket_user(own, getuid()));
  cr_expect_str_eq(socket_user(own, 0), "root");
  cr_expect_str_eq(socket_user(own, 4000000000), "uid 4000000000");
  cr_expect_eq(name_services, 0);
  close(fd);
  close(other);
  socket_close(&l);
  cr_expect_neq(stat("s", &st), 0, "a host that ends leaves nothing");
}

Test(socket, a_path_may_be_long) {
  struct listening l;
  char path[900];
  size_t at = 0;
  for (int i = 0; i < 8; i++) {
    at += (size_t)snprintf(path + at, sizeof path - at, "folder-with-a-name-that-is-not-short-at-all-as-they-come-with-packages/");
    cr_assert_eq(mkdir(path, 0755), 0);
  }
  snprintf(path + at, sizeof path - at, "s");
  cr_assert_eq(socket_listen(path, NULL, &err, &l), 0, "%s", err.message);
  int fd = socket_connect(path, &err);
  cr_expect_geq(fd, 0, "%s", err.message);
  close(fd);
  socket_close(&l);
  cr_expect_neq(access(path, F_OK), 0);
}

Test(socket, what_a_dead_host_left_is_replaced_and_a_living_one_is_refused) {
  struct listening dead, living, other;
  cr_assert_eq(socket_listen("s", NULL, &err, &dead), 0);
  close(dead.fd); /* as by SIGKILL: the file stays */
  cr_assert_eq(access("s", F_OK), 0);
  cr_assert_eq(socket_connect("s", &err), -1);
  cr_expect_eq(err.error_class, ETL_E_UNSUPPORTED, "%s", err.message);
  cr_expect_not_null(strstr(err.message, "no host is running"));
  cr_assert_eq(socket_listen("s", NULL, &err, &living), 0, "%s", err.message);
  cr_assert_eq(socket_listen("s", NULL, &err, &other), -1);
  cr_expect_eq(err.error_class, ETL_E_CONFIG);
  cr_expect_not_null(strstr(err.message, "another host listens"), "%s", err.message);
  int fd = socket_connect("s", &err);
  cr_expect_geq(fd, 0, "the living one was not disturbed");
  close(fd);
  dead.changed.tv_sec--; /* the clock of files has not moved since */
  dead.fd = open("/dev/null", O_RDONLY);
  socket_close(&dead);
  cr_expect_eq(access("s", F_OK), 0, "the file of another host is not removed");
  socket_close(&living);
}

Test(socket, other_files_are_not_touched) {
  struct listening l;
  tmpdir_write("s", "precious");
  cr_assert_eq(socket_listen("s", NULL, &err, &l), -1);
  cr_expect_not_null(strstr(err.message, "another file of that name"), "%s", err.message);
  cr_expect_eq(access("s", F_OK), 0);
  cr_assert_eq(socket_listen("nowhere/s", NULL, &err, &l), -1);
  cr_expect_not_null(strstr(err.message, "nowhere/s"), "%s", err.message);
  cr_expect_not_null(strstr(err.message, "No such file"), "%s", err.message);
}

/* Whoever may look into the folder may lock it. */
Test(socket, a_lock_of_somebody_else_holds_nobody_up, .timeout = 20) {
  struct listening l;
  int fd = open(".", O_RDONLY);
  cr_assert_eq(flock(fd, LOCK_EX), 0);
  cr_assert_eq(socket_listen("s", NULL, &err, &l), 0, "%s", err.message);
  socket_close(&l);
  close(fd);
}

Test(socket, a_folder_that_others_may_write_to) {
  struct listening l;
  cr_assert_eq(mkdir("open", 0700), 0);
  cr_assert_eq(chmod("open", 0777), 0);
  cr_assert_eq(socket_listen("open/s", NULL, &err, &l), -1);
  cr_expect_not_null(strstr(err.message, "may be written by every user"), "%s", err.message);
  cr_assert_eq(chmod("open", 01777), 0);
  cr_assert_eq(socket_listen("open/s", NULL, &err, &l), 0, "%s", err.message);
  socket_close(&l);
}

Test(socket, a_group_that_is_not_there) {
  struct listening l;
  cr_assert_eq(socket_listen("s", "no-such-group", &err, &l), -1);
  cr_expect_not_null(strstr(err.message, "there is no group 'no-such-group'"), "%s", err.message);
  cr_expect_neq(access("s", F_OK), 0, "nothing stays behind");
}

/* As a user whom the file does not allow: nobody, or, for who is not root, its owner without rights. */
Test(socket, permission_denied) {
  struct listening l;
  int status;
  cr_assert_eq(socket_listen("s", NULL, &err, &l), 0);
  cr_assert_eq(chmod("s", 0), 0);
  cr_assert_eq(chmod(".", 0755), 0);
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    bool dropped = geteuid() != 0 || setresuid(65534, 65534, 65534) == 0;
    bool denied = socket_connect("s", &err) == -1 && err.error_class == ETL_E_AUTH && strstr(err.message, "you may not talk to the host") && err.remedy[0];
    kill(getpid(), dropped && denied ? SIGUSR1 : SIGUSR2);
  }
  cr_assert_eq(waitpid(child, &status, 0), child);
  cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1, "status %x", (unsigned)status);
  socket_close(&l);
}

Test(socket, where_it_is) {
  struct arena *a = arena_new();
  struct conf c = {.state = "sqlite:///var/lib/etl/etl.db?x=1"};
  cr_expect_str_eq(socket_path(&c, a, &err), "/var/lib/etl/etl.db.sock");
  c.serve.control_socket = "/somewhere/control";
  cr_expect_str_eq(socket_path(&c, a, &err), "/somewhere/control");
  c = (struct conf){.state = "postgresql://db/x", .serve = {.host = "h1"}};
  setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
  const char *path = socket_path(&c, a, &err);
  cr_expect(strcmp(path, "/run/etl/h1.sock") == 0 || strcmp(path, "/run/user/1/etl-h1.sock") == 0, "%s", path);
  arena_free(a);
}
