/* Slots of calls in progress.  A slot is written by one thread at a time; readers in the other process see strings that may be torn by
 * a call just beginning, which matters to nobody: they are read for display after a death or a long stall. */
#include "engine/calls.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

enum { SPARE_STACK_BYTES = 32768 };

int calls_create_fd(void) {
  int fd = memfd_create("etl-calls", MFD_CLOEXEC);
  if (fd >= 0 && ftruncate(fd, sizeof(struct calls)) < 0) {
    close(fd);
    return -1;
  }
  return fd;
}

struct calls *calls_map(int fd) {
  void *p = mmap(NULL, sizeof(struct calls), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return p == MAP_FAILED ? NULL : p;
}

void calls_unmap(struct calls *c) {
  if (c)
    munmap(c, sizeof *c);
}

struct call_slot *calls_take(struct calls *c, const char *connector, const char *stage, const char *lane) {
  struct call_slot *s = &c->slots[CALL_SLOTS - 1];
  for (int i = 0; i < CALL_SLOTS; i++) {
    int32_t free_mark = 0;
    if (atomic_compare_exchange_strong(&c->slots[i].taken, &free_mark, (int32_t)getpid())) {
      s = &c->slots[i];
      break;
    }
  }
  snprintf(s->connector, sizeof s->connector, "%s", connector);
  snprintf(s->stage, sizeof s->stage, "%s", stage);
  snprintf(s->lane, sizeof s->lane, "%s", lane ? lane : "");
  return s;
}

void calls_give_back(struct call_slot *s) {
  atomic_store(&s->since_ns, 0);
  atomic_store(&s->taken, 0);
}

static _Thread_local struct call_slot *thread_slot; /* for the signal handler only */

void call_enter(struct call_slot *s, const char *function) {
  if (atomic_load_explicit(&s->function_worker, memory_order_relaxed) != function) {
    atomic_store_explicit(&s->function_worker, function, memory_order_relaxed);
    snprintf(s->function, sizeof s->function, "%s", function);
  }
  s->outer = thread_slot;
  thread_slot = s;
  atomic_store_explicit(&s->since_ns, clock_mono_ns(), memory_order_release);
}

void call_leave(struct call_slot *s) {
  atomic_store_explicit(&s->since_ns, 0, memory_order_release);
  thread_slot = s->outer;
}

static void mark_since(int64_t ns) {
  for (struct call_slot *s = thread_slot; s; s = s->outer)
    atomic_store_explicit(&s->since_ns, ns, memory_order_release);
}

void call_suspend(void) { mark_since(0); }

void call_resume(void) { mark_since(clock_mono_ns()); }

/* ---- the end of the process -------------------------------------------------------------------------------------------------------- */

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* which have their own of all this */
static void mark_end(int how) {
  if (thread_slot && atomic_load(&thread_slot->taken) == (int32_t)getpid()) /* no child that a connector forked */
    atomic_store(&thread_slot->ended_by, how);
}

static void on_crash(int sig) {
  mark_end(sig);
  signal(sig, SIG_DFL);
  raise(sig);
}

static void on_exit_call(void) { mark_end(CALL_EXITED); }

/* The one that connectors find, too: nothing else tells who called it. */
__attribute__((visibility("default"))) void _exit(int status) {
  on_exit_call();
  for (;;)
    syscall(SYS_exit_group, status);
}

void calls_catch_crashes(void) {
  static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
  struct sigaction sa = {.sa_handler = on_crash, .sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK)};
  sigemptyset(&sa.sa_mask);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    sigaction(signals[i], &sa, NULL);
  atexit(on_exit_call);
}

struct thread {
  void *(*run)(void *arg);
  void *arg;
};

static void *thread_main(void *arg) {
  struct thread t = *(struct thread *)arg;
  char stack[SPARE_STACK_BYTES]; /* at the far end of what the thread uses up */
  free(arg);
  sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
  void *result = t.run(t.arg);
  sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL);
  return result;
}

int calls_thread(pthread_t *ret, void *(*run)(void *arg), void *arg) {
  struct thread *t = xcalloc(1, sizeof *t);
  *t = (struct thread){run, arg};
  int rc = pthread_create(ret, NULL, thread_main, t);
  if (rc != 0)
    free(t);
  return rc;
}
#else
void calls_catch_crashes(void) {}

int calls_thread(pthread_t *ret, void *(*run)(void *arg), void *arg) { return pthread_create(ret, NULL, run, arg); }
#endif
