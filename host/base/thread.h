/* base/thread.h: threads beside an event loop. */
#ifndef HOST_BASE_THREAD_H
#define HOST_BASE_THREAD_H

#include <pthread.h>

/* As pthread_create(), but no signal is handled on it: those are the loop's.  0, or an errno. */
__attribute__((warn_unused_result)) int thread_beside(pthread_t *ret, void *(*run)(void *arg), void *arg);
/* A condition whose timed waits end at a time of CLOCK_MONOTONIC. */
void thread_cond_init(pthread_cond_t *c);

#endif
