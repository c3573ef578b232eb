/* The worker process: one run, watched.  The run thread carries it out; the main thread listens to the supervisor, reports progress and looks
 * for connectors that hang.  A worker whose supervisor is gone ends at once: what it had not committed is undone by the sink. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/member.h"
#include "base/units.h"
#include "engine/confine.h"
#include "engine/run.h"
#include "engine/supervise.h"

enum { TICK_MS = 250, GRACE_SECONDS = 5, LATE_TICKS = 8 };

struct worker {
  struct run run;
  struct spec *spec;
  struct calls *calls;
  struct frame_reader in;
  int fd, done_fd;   /* supervisor; readable when the run thread has ended */
  _Atomic int status; /* of the run thread */
  int64_t looked_ns;  /* when calls were last looked at */
  int64_t awake_ns;   /* since when the process runs without a pause */
  pthread_t thread;
};

static void *run_main(void *arg) {
  struct worker *w = arg;
  w->status = run_execute(&w->run);
  uint64_t one = 1;
  while (write(w->done_fd, &one, sizeof one) < 0 && errno == EINTR)
    ;
  return NULL;
}

_Noreturn static void quit(int status) {
  confine_end_children();
  _exit(status);
}

/* ---- what the supervisor says ----------------------------------------------------------------------------------------------------- */

static void obey(struct worker *w, const json_t *frame) {
  const char *cmd = member_text(frame, "cmd"), *mode = member_text(frame, "mode");
  if (cmd && mode && strcmp(cmd, "cancel") == 0)
    run_cancel(&w->run, strcmp(mode, "finish") == 0 ? STOP_FINISH : STOP_NOW);
}

static void obey_all(struct worker *w) {
  json_t *frame;
  while (frame_reader_next(&w->in, &frame) == 1) {
    obey(w, frame);
    json_decref(frame);
  }
}

static void listen_up(struct worker *w) {
  if (frame_reader_fill(&w->in, w->fd) <= 0)
    quit(RUN_EXIT_CANCELLED); /* the supervisor is gone */
  obey_all(w);
}

/* ---- connectors that hang ------------------------------------------------------------------------------------------------------------ */

/* The sink may take as long as it likes for these: they swap and index whole tables. */
static bool unbounded(const struct call_slot *s) { return strcmp(s->function, "run_begin") == 0 || strcmp(s->function, "run_end") == 0; }

static void describe_stall(const struct call_slot *s, int64_t limit_ns, struct err *e) {
  char text[UNITS_TEXT];
  err_set(e, ETL_E_RETRYABLE, "connector %s hangs: its %s() did not return within %s%s%s", s->connector, s->function,
          units_print_duration(text, limit_ns), *s->lane ? " in " : "", s->lane);
  err_remedy(e, "look whether the server answers; where one call may take that long, raise stall_timeout of the pipeline");
}

static struct lane *lane_named(struct run *r, const char *name) {
  size_t n;
  struct lane *lanes = run_lanes(r, &n);
  for (size_t i = 0; i < n; i++)
    if (strcmp(lanes[i].name, name) == 0)
      return &lanes[i];
  return NULL;
}

static struct part *part_of(struct run *r, const char *stage) {
  for (size_t i = 0; r->transforms && i < r->spec->transforms_n; i++)
    if (r->transforms[i].stage && strcmp(r->transforms[i].stage, stage) == 0)
      return &r->transforms[i];
  return r->load.stage && strcmp(r->load.stage, stage) == 0 ? &r->load : &r->extract;
}

static void stalled(struct worker *w, const struct call_slot *s, int64_t now) {
  struct run *r = &w->run;
  struct part *p = part_of(r, s->stage);
  struct lane *l = lane_named(r, s->lane);
  struct err e;
  describe_stall(s, w->spec->stall_timeout_ns, &e);
  if (!l) { /* a call of the whole run: nothing can go on without it */
    e.error_class = ETL_E_PERMANENT;
    run_fail(r, &e, p);
    run_report_summary(r, "failed");
    quit(RUN_EXIT_FAILED);
  }
  l->stall_seen_ns = now;
  if (!l->stalled_ns) {
    l->stalled_ns = now;
    lane_fail(l, &e, p->stage, p->conn->name);
  } else if (now - l->stalled_ns >= GRACE_SECONDS * NS_PER_SEC && atomic_load(&l->status) == LANE_RUNNING) {
    lane_abandon(l, &e, p->stage, p->conn->name);
    if (p->conn->caps & ETL_CAP_ONE_AT_A_TIME)
      turn_lose(&p->turn);
  }
}

/* While this process is stopped (Ctrl-Z, a frozen container), so are the calls: that they take long is not theirs. */
static void look_for_pause(struct worker *w, int64_t now) {
  if (now - w->looked_ns > LATE_TICKS * TICK_MS * NS_PER_MS)
    w->awake_ns = now;
  w->looked_ns = now;
}

static void look_for_stalls(struct worker *w) {
  int64_t now = clock_mono_ns(), limit = w->spec->stall_timeout_ns;
  look_for_pause(w, now);
  for (int i = 0; limit > 0 && i < CALL_SLOTS; i++) {
    struct call_slot *s = &w->calls->slots[i];
    int64_t since = atomic_load_explicit(&s->since_ns, memory_order_acquire);
    if (since && now - (since > w->awake_ns ? since : w->awake_ns) > limit && !unbounded(s))
      stalled(w, s, now);
  }
  size_t n;
  struct lane *lanes = run_lanes(&w->run, &n);
  for (size_t i = 0; i < n; i++)
    if (lanes[i].stall_seen_ns != now)
      lanes[i].stalled_ns = 0; /* it came back */
}

/* ---- life -------------------------------------------------------------------------------------------------------------------------------- */

static int watch(struct worker *w) {
  struct pollfd p[] = {{.fd = w->fd, .events = POLLIN}, {.fd = w->done_fd, .events = POLLIN}};
  int64_t due = clock_mono_ns() + TICK_MS * NS_PER_MS;
  obey_all(w); /* what came together with the spec: no poll() tells of it any more */
  for (;;) {
    int64_t left = (due - clock_mono_ns()) / NS_PER_MS;
    if (poll(p, 2, left > 0 ? (int)left : 0) < 0 && errno != EINTR)
      return RUN_EXIT_FAILED;
    if (p[1].revents)
      return w->status;
    if (p[0].revents)
      listen_up(w);
    if (clock_mono_ns() < due)
      continue;
    due = clock_mono_ns() + TICK_MS * NS_PER_MS;
    look_for_stalls(w);
    if (w->spec->command == SPEC_RUN || w->run.drain)
      run_report_progress(&w->run);
  }
}

static int receive_spec(struct worker *w) {
  json_t *frame = NULL;
  struct err e;
  int got;
  while ((got = frame_reader_next(&w->in, &frame)) == 0)
    if (frame_reader_fill(&w->in, w->fd) <= 0)
      return -1;
  if (got < 0)
    return -1;
  int rc = spec_from_json(frame, &e, &w->spec);
  json_decref(frame);
  return rc;
}

/* Signals are the supervisor's business: a Ctrl-C reaches the whole process group, and here it must not cut an epoch. */
static void ignore_signals(void) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    signal(signals[i], SIG_IGN);
}

/* Leak checkers want a tidy end; everybody else a quick one, without the exit handlers of foreign libraries. */
static int leave(struct worker *w, int status) {
  confine_end_children();
#ifdef __SANITIZE_ADDRESS__
  if (!run_abandoned(&w->run)) {
    pthread_join(w->thread, NULL);
    run_fini(&w->run);
    spec_free(w->spec);
    frame_reader_fini(&w->in);
    close(w->done_fd);
    free(w);
    return status;
  }
#else
  (void)w;
#endif
  _exit(status);
}

int worker_main(int fd, const struct ask_command *more) {
  struct stat st;
  if (fstat(fd, &st) < 0 || !S_ISSOCK(st.st_mode)) {
    fprintf(stderr, "etl: _worker is started by `etl run` and `etl plan`, with a socket as descriptor %d\n", fd);
    return RUN_EXIT_USAGE;
  }
  struct worker *w = xcalloc(1, sizeof *w);
  w->fd = fd;
  ignore_signals();
  frame_reader_init(&w->in);
  w->done_fd = eventfd(0, EFD_CLOEXEC);
  w->calls = calls_map(fd + 1);
  if (w->done_fd < 0 || !w->calls) {
    fprintf(stderr, "etl: the worker cannot start: %s\n", strerror(errno));
    return RUN_EXIT_FAILED;
  }
  if (receive_spec(w) < 0)
    return RUN_EXIT_CANCELLED; /* the supervisor is gone, or another version */
  confine(w->spec);
  calls_catch_crashes();
  run_init(&w->run, w->spec, fd, w->calls);
  w->run.more_commands = more;
  if (calls_thread(&w->thread, run_main, w) != 0) {
    struct err e;
    err_set(&e, ETL_E_RETRYABLE, "the worker cannot start a thread: the system has no room for more");
    run_fail(&w->run, &e, NULL);
    run_report_summary(&w->run, "failed");
    _exit(RUN_EXIT_FAILED);
  }
  return leave(w, watch(w));
}
