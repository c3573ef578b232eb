/* From events to a look: one is taken when the files have been quiet for a moment, since they are written in many steps. */
#include "serve/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/units.h"
#include "serve/reload.h"

#define QUIET_SECONDS 0.3
enum { BUSY_SECONDS = 5 /* somebody writes all the time: looked at anyway */, AGAIN_SECONDS = 60 };

struct watch {
  struct serve *serve;
  struct watches *watches; /* NULL: there are none, `again` tries for them */
  ev_io readable;
  ev_timer quiet, again;
  int64_t busy_since_ns; /* 0: nothing has happened since the last look */
  bool told;             /* that there are none */
};

static void stop(struct watch *w) {
  if (!w->watches)
    return;
  ev_io_stop(w->serve->loop, &w->readable);
  watches_close(w->watches);
  w->watches = NULL;
}

/* What changes from here on is told; what was there before has to be looked at. */
static void start(struct watch *w) {
  struct serve *s = w->serve;
  struct err e;
  stop(w);
  if (watches_open(s->gen->conf->plugin_dirs, &e, &w->watches) < 0) {
    if (!w->told)
      serve_tell(s, LEVEL_WARNING, "plugin", "unwatched", "%s%s%s; a connector that is replaced is noticed when the next run starts, others within a minute", e.message,
                 e.remedy[0] ? "; " : "", e.remedy);
    w->told = true;
    ev_timer_again(s->loop, &w->again);
    return;
  }
  w->told = false;
  ev_timer_stop(s->loop, &w->again);
  ev_io_set(&w->readable, watches_fd(w->watches), EV_READ);
  ev_io_start(s->loop, &w->readable);
}

static void look(struct watch *w) {
  ev_timer_stop(w->serve->loop, &w->quiet);
  w->busy_since_ns = 0;
  start(w);
  serve_look(w->serve);
}

static void on_timer(struct ev_loop *loop, ev_timer *t, int revents) {
  (void)loop, (void)revents;
  look(t->data);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int revents) {
  struct watch *w = io->data;
  struct serve *s = w->serve;
  (void)revents;
  if (!watches_read(w->watches))
    return;
  int64_t now = s->clock.mono_ns(&s->clock);
  if (!w->busy_since_ns)
    w->busy_since_ns = now;
  if (now - w->busy_since_ns < BUSY_SECONDS * NS_PER_SEC)
    ev_timer_again(loop, &w->quiet);
}

/* ---- the part ------------------------------------------------------------------------------------------------------------------------------- */

int watch_open(struct serve *s, void **ret_self, struct err *e) {
  struct watch *w = xcalloc(1, sizeof *w);
  (void)e;
  w->serve = s;
  ev_io_init(&w->readable, on_readable, -1, EV_READ);
  ev_timer_init(&w->quiet, on_timer, 0, QUIET_SECONDS);
  ev_timer_init(&w->again, on_timer, 0, AGAIN_SECONDS);
  w->readable.data = w->quiet.data = w->again.data = w;
  *ret_self = w;
  look(w); /* those that no pipeline uses were not asked yet */
  return 0;
}

void watch_close(struct serve *s, void *self) {
  struct watch *w = self;
  stop(w);
  ev_timer_stop(s->loop, &w->quiet);
  ev_timer_stop(s->loop, &w->again);
  free(w);
}

static bool same_dirs(const char *const *a, const char *const *b) {
  for (; *a && *b; a++, b++)
    if (strcmp(*a, *b) != 0)
      return false;
  return *a == *b;
}

void watch_reloaded(struct serve *s, void *self, const struct generation *old) {
  if (!same_dirs(old->conf->plugin_dirs, s->gen->conf->plugin_dirs))
    look(self); /* also at what came there before it was watched */
}
