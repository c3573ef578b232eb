/* engine/supervise.h: a worker process seen from above: started, listened to, told to stop, and its death explained.  Event loop thread. */
#ifndef HOST_ENGINE_SUPERVISE_H
#define HOST_ENGINE_SUPERVISE_H

#include <ev.h>
#include <sys/types.h>

#include "engine/spec.h"
#include "engine/stop.h"

/* An event of the worker, as engine/events.md names them.  The last one is always "summary" (of a plan: "plan" or "summary"): the worker's own,
 * or one made here of what was known when the worker died, with status "crashed" and an error that names signal, connector and lane. */
typedef void supervise_fn(void *arg, json_t *event);

struct supervised;
/* Starts `etl _worker` for s.  Events come from loop; s may be freed at once.  -1: e says why nothing was started. */
int supervise_start(const struct spec *s, struct ev_loop *loop, supervise_fn *event, void *arg, struct err *e, struct supervised **ret);
/* Called once the worker was reaped, after its last event; it may free w, as its last deed. */
void supervise_on_end(struct supervised *w, void (*ended)(void *arg));
pid_t supervise_pid(const struct supervised *w);
/* STOP_FINISH: each lane ends with its epoch; STOP_NOW: at once, unfinished epochs are undone.  A worker that has not left 10 s after
 * STOP_NOW, or after its last event, is killed. */
void supervise_cancel(struct supervised *w, enum stop_mode mode);
/* The worker was reaped and its last event delivered: nothing more will come. */
bool supervise_ended(const struct supervised *w);
/* enum run_exit, after supervise_ended(). */
int supervise_exit_status(const struct supervised *w);
void supervise_free(struct supervised *w); /* kills the worker if it still runs; accepts NULL */

struct ask_command;
/* The main of `etl _worker`: serves one run over fd and never returns to its caller's caller: the status is the process's.  more: commands
 * of rooms above the engine (engine/ask.h). */
int worker_main(int fd, const struct ask_command *more);

#endif
