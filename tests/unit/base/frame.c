/* Frames: whole, cut at every byte, too long, and over a socket whose reader is slow. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/frame.h"

static void make_pair(int fds[2]) { cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0); }

static void feed(struct frame_reader *r, const int fds[2], const char *bytes, size_t n) {
  cr_assert_eq(write(fds[0], bytes, n), n);
  cr_assert_eq(frame_reader_fill(r, fds[1]), n);
}

Test(frame, one_after_the_other) {
  int fds[2];
  make_pair(fds);
  for (int i = 0; i < 3; i++) {
    json_t *j = json_pack("{si, ss}", "n", i, "text", "Grüße");
    cr_assert_eq(frame_write(fds[0], j), 0);
    json_decref(j);
  }
  close(fds[0]);
  struct frame_reader r;
  frame_reader_init(&r);
  while (frame_reader_fill(&r, fds[1]) > 0)
    ;
  json_t *j;
  for (int i = 0; i < 3; i++) {
    cr_assert_eq(frame_reader_next(&r, &j), 1);
    cr_assert_eq(json_integer_value(json_object_get(j, "n")), i);
    json_decref(j);
  }
  cr_assert_eq(frame_reader_next(&r, &j), 0);
  frame_reader_fini(&r);
  close(fds[1]);
}

Test(frame, byte_by_byte) {
  static const char bytes[] = "\x07\0\0\0{\"a\":1}\x02\0\0\0[]";
  struct frame_reader r;
  int frames = 0, fds[2];
  make_pair(fds);
  frame_reader_init(&r);
  for (size_t i = 0; i < sizeof bytes - 1; i++) {
    json_t *j;
    feed(&r, fds, bytes + i, 1);
    int rc = frame_reader_next(&r, &j);
    cr_assert_eq(rc, i == 10 || i == 16, "byte %zu", i);
    if (rc) {
      frames++;
      json_decref(j);
    }
  }
  cr_assert_eq(frames, 2);
  frame_reader_fini(&r);
  close(fds[0]);
  close(fds[1]);
}

Test(frame, what_is_no_frame) {
  static const struct {
    const char *bytes;
    size_t n;
  } bad[] = {{"\0\0\0\0", 4}, {"\x01\0\0\x01", 4} /* 16 MiB and one byte */, {"\x03\0\0\0{\"a", 7}, {"GET / HTTP/1.1", 14}};
  int fds[2];
  make_pair(fds);
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    struct frame_reader r;
    json_t *j = NULL;
    frame_reader_init(&r);
    feed(&r, fds, bad[i].bytes, bad[i].n);
    cr_expect_eq(frame_reader_next(&r, &j), -1, "%zu", i);
    frame_reader_fini(&r);
  }
  close(fds[0]);
  close(fds[1]);
}

Test(frame, too_long_to_write) {
  char *big = malloc(FRAME_MAX_BYTES + 2);
  memset(big, 'x', FRAME_MAX_BYTES + 1);
  big[FRAME_MAX_BYTES + 1] = '\0';
  json_t *j = json_string(big);
  cr_assert_eq(frame_write(1, j), -1);
  cr_assert_eq(errno, EMSGSIZE);
  json_decref(j);
  free(big);
}

static void *read_all(void *arg) {
  struct frame_reader r;
  json_t *j = NULL;
  frame_reader_init(&r);
  while (frame_reader_next(&r, &j) == 0)
    if (frame_reader_fill(&r, *(int *)arg) <= 0)
      break;
  frame_reader_fini(&r);
  return j;
}

/* Larger than the socket's buffer, written to a non-blocking end. */
Test(frame, waits_for_room) {
  int fds[2];
  make_pair(fds);
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  size_t n = 4 * 1024 * 1024;
  char *big = malloc(n + 1);
  memset(big, 'y', n);
  big[n] = '\0';
  json_t *j = json_string(big);
  pthread_t t;
  pthread_create(&t, NULL, read_all, &fds[1]);
  cr_assert_eq(frame_write(fds[0], j), 0);
  void *got;
  pthread_join(t, &got);
  cr_assert(json_equal(j, got));
  json_decref(got);
  json_decref(j);
  free(big);
  close(fds[0]);
  close(fds[1]);
}

Test(frame, reader_gone_is_an_error_and_no_signal) {
  int fds[2];
  make_pair(fds);
  close(fds[1]);
  signal(SIGPIPE, SIG_DFL);
  json_t *j = json_true();
  cr_assert_eq(frame_write(fds[0], j), -1);
  cr_assert_eq(errno, EPIPE);
  close(fds[0]);
}
