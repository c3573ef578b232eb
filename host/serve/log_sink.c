/* The lines that wait and the thread that writes them.  Each is one write(), so that lines of several writers of a file do not mix.  The
 * one of both, loop and thread, that is last to leave frees. */
#include "serve/log_sink.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/thread.h"
#include "base/units.h"

enum { FILE_MODE = 0640 };

struct line {
  struct line *next;
  int64_t stands_for;
  size_t n;
  char text[]; /* a \n goes before, in case the line before it is there in part */
};
struct log_sink {
  pthread_mutex_t lock;
  pthread_cond_t changed; /* lines came, lines went, or the loop left */
  struct line *first, **end;
  size_t waiting_bytes;
  int64_t lost;
  bool writing, left;
  int fd;
};

/* ---- the thread --------------------------------------------------------------------------------------------------------------------- */

static bool put(int fd, const struct line *l, bool *torn) {
  const char *text = *torn ? l->text : l->text + 1;
  size_t n = *torn ? l->n : l->n - 1;
  ssize_t done;
  do
    done = write(fd, text, n);
  while (done < 0 && errno == EINTR);
  if (done > 0)
    *torn = done < (ssize_t)n;
  return done == (ssize_t)n;
}

static void sink_free(struct log_sink *s) {
  close(s->fd);
  pthread_cond_destroy(&s->changed);
  pthread_mutex_destroy(&s->lock);
  free(s);
}

static struct line *take(struct log_sink *s) {
  struct line *l = s->first;
  s->first = l->next;
  if (!s->first)
    s->end = &s->first;
  s->waiting_bytes -= l->n;
  return l;
}

static void *write_all(void *arg) {
  struct log_sink *s = arg;
  bool torn = false;
  pthread_mutex_lock(&s->lock);
  while (!s->left) {
    if (!s->first) {
      pthread_cond_wait(&s->changed, &s->lock);
      continue;
    }
    struct line *l = take(s);
    s->writing = true;
    pthread_mutex_unlock(&s->lock);
    bool done = put(s->fd, l, &torn);
    pthread_mutex_lock(&s->lock);
    s->writing = false;
    if (!done)
      s->lost += l->stands_for;
    free(l);
    pthread_cond_broadcast(&s->changed);
  }
  pthread_mutex_unlock(&s->lock);
  sink_free(s);
  return NULL;
}

/* ---- open and close ----------------------------------------------------------------------------------------------------------------- */

/* Without waiting for somebody to read a named pipe; later it may wait. */
static int open_file(const char *file) {
  int fd = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, FILE_MODE) : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (fd >= 0 && file && fcntl(fd, F_SETFL, O_APPEND) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

static int refuse(const char *file, int why, struct err *e) {
  err_set(e, ETL_E_CONFIG, "the log file '%s' cannot be opened: %s", file ? file : "(stderr)", why == ENXIO ? "it is a pipe that nobody reads" : strerror(why));
  return err_remedy(e, "%s", why == ENXIO ? "start its reader first, or set 'log_file' of 'serve' to another place"
                                          : "create its folder and let this user write there, or set 'log_file' of 'serve' to another place");
}

int log_sink_open(const char *file, struct err *e, struct log_sink **ret) {
  int fd = open_file(file);
  if (fd < 0)
    return refuse(file, errno, e);
  struct log_sink *s = xcalloc(1, sizeof *s);
  pthread_t thread;
  thread_cond_init(&s->changed);
  pthread_mutex_init(&s->lock, NULL);
  s->end = &s->first;
  s->fd = fd;
  int rc = thread_beside(&thread, write_all, s);
  if (rc != 0) {
    sink_free(s);
    err_set(e, ETL_E_RETRYABLE, "there is no thread to write the log: %s", strerror(rc));
    return err_remedy(e, "raise the limit of processes (ulimit -u, TasksMax=)");
  }
  pthread_detach(thread);
  *ret = s;
  return 0;
}

int64_t log_sink_close(struct log_sink *s) {
  pthread_mutex_lock(&s->lock);
  int64_t lost = s->lost;
  while (s->first) {
    struct line *l = take(s);
    lost += l->stands_for;
    free(l);
  }
  s->left = true;
  pthread_cond_broadcast(&s->changed);
  pthread_mutex_unlock(&s->lock);
  return lost;
}

/* ---- lines -------------------------------------------------------------------------------------------------------------------------- */

void log_sink_write(struct log_sink *s, const char *line, int64_t stands_for) {
  size_t n = strlen(line);
  struct line *l = xcalloc(1, sizeof *l + n + 2);
  l->stands_for = stands_for;
  l->n = n + 1;
  l->text[0] = '\n';
  memcpy(l->text + 1, line, n);
  pthread_mutex_lock(&s->lock);
  if (s->waiting_bytes + l->n > LOG_SINK_BYTES) {
    s->lost += stands_for;
    free(l);
  } else {
    *s->end = l;
    s->end = &l->next;
    s->waiting_bytes += l->n;
    pthread_cond_broadcast(&s->changed);
  }
  pthread_mutex_unlock(&s->lock);
}

bool log_sink_flush(struct log_sink *s, int64_t within_ns) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  int64_t ns = until.tv_nsec + within_ns;
  until.tv_sec += ns / NS_PER_SEC;
  until.tv_nsec = ns % NS_PER_SEC;
  int rc = 0;
  pthread_mutex_lock(&s->lock);
  while ((s->first || s->writing) && rc == 0)
    rc = pthread_cond_timedwait(&s->changed, &s->lock, &until);
  bool done = !s->first && !s->writing;
  pthread_mutex_unlock(&s->lock);
  return done;
}

int64_t log_sink_lost(struct log_sink *s) {
  pthread_mutex_lock(&s->lock);
  int64_t lost = s->lost;
  pthread_mutex_unlock(&s->lock);
  return lost;
}

int64_t log_sink_take_lost(struct log_sink *s) {
  pthread_mutex_lock(&s->lock);
  int64_t lost = s->lost;
  s->lost = 0;
  pthread_mutex_unlock(&s->lock);
  return lost;
}
