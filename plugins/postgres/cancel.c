/* libpq asks over a connection of its own and waits for its end without a limit: a thread does that, which is left alone when the server does
 * not answer. */
#include "cancel.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { LIMIT_MS = 2000 };
struct asking { /* shared by the thread and who waits for it; the last one frees it */
  PGcancel *cancel;
  int done_fd;
  _Atomic int users;
};

static void leave(struct asking *a) {
  if (atomic_fetch_sub(&a->users, 1) > 1)
    return;
  PQfreeCancel(a->cancel);
  if (a->done_fd >= 0)
    close(a->done_fd);
  free(a);
}

static void *ask(void *arg) {
  struct asking *a = arg;
  char ignored[256];
  uint64_t one = 1;
  PQcancel(a->cancel, ignored, sizeof ignored);
  ssize_t told = write(a->done_fd, &one, sizeof one); /* an eventfd takes it */
  (void)told;
  leave(a);
  return NULL;
}

static void wait_for(struct asking *a, pthread_t thread) {
  struct pollfd p = {.fd = a->done_fd, .events = POLLIN};
  if (poll(&p, 1, LIMIT_MS) == 1)
    pthread_join(thread, NULL);
  else
    pthread_detach(thread);
}

void cancel_ask(PGconn *conn) {
  struct asking *a = calloc(1, sizeof *a);
  pthread_t thread;
  if (!a)
    return;
  a->cancel = PQgetCancel(conn);
  a->done_fd = eventfd(0, EFD_CLOEXEC);
  atomic_init(&a->users, 2);
  if (!a->cancel || a->done_fd < 0 || pthread_create(&thread, NULL, ask, a) != 0)
    atomic_store(&a->users, 1); /* the server notices by itself that we go */
  else
    wait_for(a, thread);
  leave(a);
}
