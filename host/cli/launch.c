/* From a pipeline's name to its worker, and to the worker's end. */
#include "cli/launch.h"

#include <signal.h>

#include "cli/check.h"

/* ---- before
 * ------------------------------------------------------------------------------------------------------------------------ */

static void take_shards(struct spec *s, const struct cli_args *a) {
  s->shards_n = cli_opt_n(a, "shard");
  s->shards = arena_alloc(s->arena, (s->shards_n + 1) * sizeof *s->shards);
  for (size_t i = 0; i < s->shards_n; i++)
    s->shards[i] = cli_opt_at(a, "shard", i);
}

int launch_init_conf(struct launch *l, const struct cli_args *a, struct conf *conf, const char *pipeline, struct diags *d) {
  struct err e;
  *l = (struct launch){.conf = conf};
  if (conf && (l->registry = check_registry(conf, d)))
    check_connectors(conf, l->registry, d);
  int status = check_report(d);
  if (status != CLI_OK)
    return status;
  if (spec_new(conf, conf_pipeline_find(conf, pipeline), l->registry, &e, &l->spec) < 0)
    return cli_report(&e);
  take_shards(l->spec, a);
  return CLI_OK;
}

int launch_init(struct launch *l, const struct cli_args *a) {
  struct diags d = {0};
  struct conf *conf = NULL;
  conf_load_for_check(cli_opt(a, "conf"), cli_word(a, 0), &d, &conf);
  int status = launch_init_conf(l, a, conf, cli_word(a, 0), &d);
  diags_fini(&d);
  return status;
}

void launch_fini(struct launch *l) {
  spec_free(l->spec);
  registry_free(l->registry);
  conf_free(l->conf);
}

/* ---- while it runs
 * -------------------------------------------------------------------------------------------------------------------- */

struct watch {
  const struct listener *to;
  struct supervised *worker;
  enum stop_mode asked;
};

static void on_signal(struct ev_loop *loop, ev_signal *s, int revents) {
  struct watch *w = s->data;
  (void)loop;
  (void)revents;
  w->asked = w->asked == STOP_NONE ? STOP_FINISH : STOP_NOW;
  supervise_cancel(w->worker, w->asked);
  w->to->stopping(w->to->arg, w->asked);
}

static int follow(struct ev_loop *loop, struct watch *w) {
  static const int signals[] = {SIGINT, SIGTERM};
  enum {
    SIGNALS = sizeof signals / sizeof *signals
  };
  ev_signal watchers[SIGNALS];
  for (size_t i = 0; i < SIGNALS; i++) {
    ev_signal_init(&watchers[i], on_signal, signals[i]);
    watchers[i].data = w;
    ev_signal_start(loop, &watchers[i]);
  }
  while (!supervise_ended(w->worker))
    ev_run(loop, EVRUN_ONCE);
  for (size_t i = 0; i < SIGNALS; i++)
    ev_signal_stop(loop, &watchers[i]);
  return supervise_exit_status(w->worker);
}

int launch_worker(const struct launch *l, const struct listener *to) {
  struct watch w = {.to = to};
  struct err e;
  struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
  if (!loop) {
    err_set(&e, ETL_E_PERMANENT, "no event loop can be made");
    err_remedy(&e, "look at the limit of open files (ulimit -n)");
    return cli_report(&e);
  }
  signal(SIGPIPE, SIG_IGN); /* a reader of our output that goes away must not end the run */
  int status = supervise_start(l->spec, loop, to->event, to->arg, &e, &w.worker) < 0 ? cli_report(&e) : follow(loop, &w);
  supervise_free(w.worker);
  ev_loop_destroy(loop);
  return status;
}
