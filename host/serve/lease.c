/* Leases: ours are renewed long before they end; a run whose lease is lost or cannot be renewed in time is stopped at once, since another host
 * may have begun it.  Runs that other hosts have left behind are taken over. */
#include <malloc.h>
#include <stdlib.h>

#include "base/units.h"
#include "serve/breakers.h"

enum { RENEWALS = 3 /* in the time of a lease */ };

static int64_t lease_ns(const struct serve *s) { return s->gen->conf->serve.lease_ns; }

/* Those that nobody renewed in time. */
static void stop_overdue(struct serve *s) {
  int64_t now = s->clock.mono_ns(&s->clock);
  for (struct running *r = s->running; r; r = r->next)
    if (now >= r->lease_until_mono_ns)
      running_cancel(r, STOP_NOW, WHY_STORE, "it is stopped: its lease is over, and the state store could not be asked for another one");
}

static void take_renewal(struct serve *s, struct running *r, const struct store_lease *l, int64_t until_mono_ns) {
  (void)s;
  if (l->lost) {
    running_cancel(r, STOP_NOW, WHY_LEASE, "it is stopped: its lease was over, and another host may have taken it");
    return;
  }
  r->lease_until_mono_ns = until_mono_ns;
  if (l->cancel)
    running_cancel(r, l->cancel[0] == 'n' ? STOP_NOW : STOP_FINISH, WHY_USER, "somebody asked for its end");
}

int serve_renew(struct serve *s, struct err *e) {
  int64_t until_mono = s->clock.mono_ns(&s->clock) + lease_ns(s);
  struct store_lease *leases = xcalloc(s->running_n + 1, sizeof *leases);
  size_t n = 0;
  for (struct running *r = s->running; r; r = r->next)
    leases[n++] = (struct store_lease){.id = r->run.id, .fence = r->run.fence};
  int rc = n ? store_renew(s->store, leases, n, serve_now(s) + lease_ns(s), e) : 0;
  n = 0;
  for (struct running *r = s->running; rc == 0 && r; r = r->next, n++)
    take_renewal(s, r, &leases[n], until_mono);
  free(leases);
  return rc;
}

static void end_crashed(struct serve *s, const struct store_run *run) {
  struct err e;
  err_set(&e, ETL_E_INTERNAL, "host %s ended, or was not heard of in the time of a lease, while the run was at work",
          run->host ? run->host : "that had it");
  err_remedy(&e, "look into the log of that host; nothing is lost, the next run goes on from the last commit");
  outcome_without_worker(s, run, "crashed", &e);
}

int serve_reap(struct serve *s, struct err *e) {
  struct arena *a = arena_new();
  struct store_run *runs;
  size_t n = 0;
  int64_t now = serve_now(s);
  int rc = store_reap(s->store, now, now + lease_ns(s), a, &runs, &n, e);
  for (size_t i = 0; rc == 0 && i < n; i++)
    end_crashed(s, &runs[i]);
  arena_free(a);
  return rc;
}

/* Leases go by the server's clock, but due times by ours. */
static void look_at_clock(struct serve *s) {
  int64_t behind_ns = store_clock_behind_ns(s->store), by = behind_ns < 0 ? -behind_ns : behind_ns;
  char text[UNITS_TEXT];
  if (by > 0 && !s->clock_told)
    serve_tell(s, LEVEL_WARNING, "host", "clock", "the clock of this host is %s %s that of the state store's server; due times are as early or late; set it right (NTP)",
               units_print_duration(text, by / NS_PER_SEC * NS_PER_SEC), behind_ns < 0 ? "ahead of" : "behind");
  s->clock_told = by > 0;
}

static void on_lease(struct ev_loop *loop, ev_timer *t, int revents) {
  struct serve *s = t->data;
  struct err e;
  (void)revents;
  t->repeat = (double)lease_ns(s) / (double)NS_PER_SEC / RENEWALS;
  ev_timer_again(loop, t);
  if (!s->store_away && (serve_renew(s, &e) < 0 || store_ping(s->store, serve_now(s), &e) < 0 || (s->state == SERVE_RUNNING && serve_reap(s, &e) < 0) ||
                         breakers_learn(s, &e) < 0 || serve_jobs_learn_paused(s, &e) < 0))
    serve_store_failed(s, &e);
  if (!s->store_away) {
    look_at_clock(s);
    serve_follow(s); /* of hosts that are gone, and of runs that ended by the hand of somebody */
  }
  stop_overdue(s);
  malloc_trim(0); /* a thousand runs that were due at once have left the heap in pieces */
}

void serve_lease_init(struct serve *s) {
  double every = (double)lease_ns(s) / (double)NS_PER_SEC / RENEWALS;
  ev_timer_init(&s->lease, on_lease, every, every);
  s->lease.data = s;
  ev_timer_start(s->loop, &s->lease);
}
