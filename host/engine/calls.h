/* engine/calls.h: what the threads of a worker are doing inside connectors, in memory shared with the supervisor.  So a call that hangs
 * is seen, and after a crash, even by SIGKILL, the supervisor can name the connector, the function and the lane. */
#ifndef HOST_ENGINE_CALLS_H
#define HOST_ENGINE_CALLS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { CALL_SLOTS = 2048, CALL_EXITED = -1 };

struct call_slot {          /* one instance or reader; written by the thread that calls it */
  _Atomic int64_t since_ns; /* monotonic start of the call in progress; 0: none */
  _Atomic int32_t ended_by; /* the signal that struck in this call, or CALL_EXITED: it ended the process; 0: none */
  _Atomic int32_t taken;    /* by the process of this number; 0: free */
  const char *_Atomic function_worker; /* valid in the worker only */
  struct call_slot *outer;             /* likewise: the call this one was made from (a transformer emitting into the next) */
  char function[32];
  char connector[48];
  char stage[32];
  char lane[200]; /* "" for the run's own instances */
};
struct calls {
  struct call_slot slots[CALL_SLOTS];
};

/* Supervisor: an anonymous memory file of zeros for the worker, close-on-exec; -1 with errno. */
int calls_create_fd(void);
/* Both sides; NULL with errno.  Unmapped by calls_unmap. */
struct calls *calls_map(int fd);
void calls_unmap(struct calls *c);

/* Worker.  A free slot, named; when all are taken the last one is shared, so that naming degrades but nothing fails. */
struct call_slot *calls_take(struct calls *c, const char *connector, const char *stage, const char *lane);
void calls_give_back(struct call_slot *s);
void call_enter(struct call_slot *s, const char *function);
void call_leave(struct call_slot *s);
/* Around a wait of the host's own inside a connector's call (its emit blocks on a full ring): the connector is not to blame. */
void call_suspend(void);
void call_resume(void);
/* Worker: marks the slot of a thread that dies by a signal, then lets the signal have its way; likewise of one that leaves by exit(). */
void calls_catch_crashes(void);
/* Worker: as pthread_create(), for threads that call connectors: there is a stack left for that when theirs is used up. */
__attribute__((warn_unused_result)) int calls_thread(pthread_t *ret, void *(*run)(void *arg), void *arg);

#endif
