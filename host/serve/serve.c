/* The host's life: opened, run, stopped. */
#include "serve/serve.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/units.h"
#include "serve/reload.h"
#include "serve/socket.h"

enum {
  EXIT_OK = 0,
  EXIT_FAILED = 1,
  EXIT_CONFIG = 2,
  RETRY_FIRST_SECONDS = 1,
  RETRY_LAST_SECONDS = 10,
  AFTER_KILL_SECONDS = 15,
  PRUNE_SECONDS = 600
};

int64_t serve_now(const struct serve *s) { return s->clock.wall_ns(&s->clock); }

size_t serve_max_running(const struct serve *s) {
  int64_t max = s->gen->conf->serve.max_running;
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  return max > 0 ? (size_t)max : cores > 0 ? (size_t)cores : 1;
}

/* ---- the store comes and goes ----------------------------------------------------------------------------------------------------------- */

/* A host does not start with a store that wants an operator first.  One that serves waits for the operator: a file that was moved comes back, a
 * password is set right. */
static bool is_away(const struct serve *s, uint32_t error_class) {
  bool operator_needed = error_class == ETL_E_CONFIG || error_class == ETL_E_AUTH || error_class == ETL_E_PERMANENT;
  return error_class == ETL_E_RETRYABLE || (operator_needed && s->state != SERVE_STARTING);
}

bool serve_store_failed(struct serve *s, const struct err *e) {
  if (!is_away(s, e->error_class)) {
    if (e->error_class != ETL_E_FENCED)
      log_err(s->log, LEVEL_ERROR, NULL, e);
    return false;
  }
  if (s->store_away)
    return true;
  s->store_away = true;
  s->store_away_ns = serve_now(s);
  free(s->store_error);
  s->store_error = xstrdup(e->message);
  serve_tell(s, LEVEL_ERROR, "store", "away",
             "the state store cannot be used: %s; nothing new starts until it can; runs at work go on to the end of their lease%s%s", e->message,
             e->remedy[0] ? "; " : "", e->remedy);
  s->store_retry.repeat = RETRY_FIRST_SECONDS;
  ev_timer_again(s->loop, &s->store_retry);
  return true;
}

static int learn(struct serve *s, struct err *e) {
  if (serve_jobs_learn(s, e) < 0)
    return -1;
  if (s->state == SERVE_STOPPING)
    return 0;
  if (!s->rebooted)
    s->rebooted = serve_enqueue_reboot(s);
  return serve_reap(s, e);
}

int serve_store_try(struct serve *s, struct err *e) {
  if (!s->store && store_open(s->gen->conf->state, STORE_SERVE, s->host, serve_now(s), e, &s->store) < 0)
    return -1;
  if (store_ping(s->store, serve_now(s), e) < 0)
    return -1;
  bool was_away = s->store_away;
  s->store_away = false;
  outcome_retry_store(s); /* first: what is ours and has ended must not be taken for left behind */
  if (s->store_away)
    return err_set(e, ETL_E_RETRYABLE, "%s", s->store_error);
  if (serve_renew(s, e) < 0 || learn(s, e) < 0) {
    s->store_away = was_away;
    return -1;
  }
  if (was_away)
    serve_tell(s, LEVEL_INFO, "store", "back", "the state store can be used again");
  ev_timer_stop(s->loop, &s->store_retry);
  serve_follow(s);
  return 0;
}

static void on_store_retry(struct ev_loop *loop, ev_timer *t, int revents) {
  struct serve *s = t->data;
  struct err e;
  (void)revents;
  if (!s->store_away) {
    ev_timer_stop(loop, t);
    return;
  }
  if (serve_store_try(s, &e) == 0)
    return;
  if (e.error_class != ETL_E_RETRYABLE && strcmp(s->store_error, e.message) != 0)
    log_err(s->log, LEVEL_ERROR, NULL, &e);
  free(s->store_error);
  s->store_error = xstrdup(e.message);
  t->repeat = t->repeat * 2 < RETRY_LAST_SECONDS ? t->repeat * 2 : RETRY_LAST_SECONDS;
  ev_timer_again(loop, t);
}

/* ---- stop ------------------------------------------------------------------------------------------------------------------------------- */

static void cancel_all(struct serve *s, enum stop_mode mode) {
  for (struct running *r = s->running; r; r = r->next)
    running_cancel(r, mode, WHY_HOST_STOPS, NULL);
}

void serve_stop(struct serve *s, enum stop_mode mode, const char *reason) {
  if (mode <= s->stopping)
    return;
  bool first = s->stopping == STOP_NONE;
  s->stopping = mode;
  s->state = SERVE_STOPPING;
  if (first)
    systemd_stopping(&s->systemd);
  serve_tell(s, LEVEL_INFO, "host", "stopping", "%s: %s", reason,
             s->running_n == 0         ? "nothing runs"
             : mode == STOP_FINISH ? "nothing more starts, runs end with their next commit"
                                   : "runs end at once; what they have not committed is read again");
  cancel_all(s, mode);
  ev_timer_stop(s->loop, &s->stop_timer);
  ev_timer_set(&s->stop_timer, mode == STOP_NOW ? AFTER_KILL_SECONDS : (double)s->gen->conf->serve.stop_timeout_ns / (double)NS_PER_SEC, 0);
  ev_timer_start(s->loop, &s->stop_timer);
  serve_poke(s);
}

static void on_stop_timer(struct ev_loop *loop, ev_timer *t, int revents) {
  struct serve *s = t->data;
  (void)revents;
  if (s->stopping == STOP_FINISH)
    serve_stop(s, STOP_NOW, "the time to stop is over");
  else
    ev_break(loop, EVBREAK_ALL); /* what the store was not told, the next host finds out */
}

/* ---- signals and timers ------------------------------------------------------------------------------------------------------------------- */

static void on_term(struct serve *s) { serve_stop(s, s->stopping == STOP_NONE ? STOP_FINISH : STOP_NOW, "the host was told to stop"); }

static void on_hup(struct serve *s) {
  if (s->state == SERVE_RUNNING)
    serve_reload(s);
}

static void on_usr1(struct serve *s) {
  struct err e;
  if (log_reopen_same(s->log, &e) < 0)
    log_err(s->log, LEVEL_ERROR, NULL, &e);
  else
    log_text(s->log, LEVEL_INFO, "the log was opened again");
}

static const struct {
  int number;
  void (*act)(struct serve *s);
} signals[] = {{SIGTERM, on_term}, {SIGINT, on_term}, {SIGHUP, on_hup}, {SIGUSR1, on_usr1}};

static void on_signal(struct ev_loop *loop, ev_signal *w, int revents) {
  (void)loop, (void)revents;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    if (signals[i].number == w->signum)
      signals[i].act(w->data);
}

static void on_prune(struct ev_loop *loop, ev_timer *t, int revents) {
  struct serve *s = t->data;
  const struct conf_serve *c = &s->gen->conf->serve;
  struct err e;
  int64_t n = 0;
  (void)revents;
  if (!s->store_away && store_prune(s->store, serve_now(s), c->history_age_ns, c->history_count, &n, &e) < 0)
    serve_store_failed(s, &e);
  t->repeat = n > 0 ? 1 : PRUNE_SECONDS;
  ev_timer_again(loop, t);
}

static void on_watchdog(struct ev_loop *loop, ev_timer *t, int revents) {
  struct serve *s = t->data;
  (void)loop, (void)revents;
  systemd_watchdog(&s->systemd);
}

/* From the beginning: what comes while the host starts is done once it has started. */
static int open_loop(struct serve *s, struct err *e) {
  s->loop = ev_loop_new(EVFLAG_AUTO);
  if (!s->loop) {
    err_set(e, ETL_E_PERMANENT, "no event loop can be made");
    return err_remedy(e, "look at the limit of open files (ulimit -n)");
  }
  signal(SIGPIPE, SIG_IGN);
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    ev_signal_init(&s->signals[i], on_signal, signals[i].number);
    s->signals[i].data = s;
    ev_signal_start(s->loop, &s->signals[i]);
  }
  return 0;
}

static void start_watchers(struct serve *s) {
  double watchdog = (double)s->systemd.watchdog_ns / (double)NS_PER_SEC / 2;
  ev_timer_init(&s->store_retry, on_store_retry, 0, RETRY_FIRST_SECONDS);
  ev_timer_init(&s->stop_timer, on_stop_timer, 0, 0);
  ev_timer_init(&s->prune, on_prune, RETRY_LAST_SECONDS, PRUNE_SECONDS);
  ev_timer_init(&s->watchdog, on_watchdog, 0, watchdog);
  s->store_retry.data = s->stop_timer.data = s->prune.data = s->watchdog.data = s;
  ev_timer_start(s->loop, &s->prune);
  if (watchdog > 0)
    ev_timer_start(s->loop, &s->watchdog);
  serve_tick_init(s);
  serve_lease_init(s);
}

/* ---- open and close --------------------------------------------------------------------------------------------------------------------------- */

struct log_settings serve_log_settings(const struct conf *c) {
  int level = c->serve.log_level ? log_level_from_name(c->serve.log_level) : LEVEL_INFO;
  return (struct log_settings){.file = c->serve.log_file,
                               .json = c->serve.log_format && strcmp(c->serve.log_format, "json") == 0,
                               .level = level < 0 ? LEVEL_INFO : (enum log_level)level};
}

void serve_take(struct serve *s, struct generation *g) {
  struct generation *old = s->gen;
  struct err e;
  s->gen = g;
  serve_jobs_take(s, g);
  if (old && !s->store_away && serve_jobs_learn(s, &e) < 0)
    serve_store_failed(s, &e);
  serve_parts_reloaded(s, old);
  generation_unref(old);
}

/* Three descriptors a worker; workers themselves may raise theirs. */
static void raise_limits(void) {
  struct rlimit l;
  if (getrlimit(RLIMIT_NOFILE, &l) < 0 || l.rlim_cur >= l.rlim_max)
    return;
  l.rlim_cur = l.rlim_max;
  setrlimit(RLIMIT_NOFILE, &l); /* if not, it stays as it was */
}

static int complain(const struct err *e) {
  fprintf(stderr, "etl: %s%s%s\n", e->message, e->remedy[0] ? "; " : "", e->remedy);
  return EXIT_CONFIG;
}

static int open_conf(struct serve *s) {
  struct diags d = {0};
  struct generation *g;
  struct err e;
  int rc = generation_load(s->conf_path, s->describes, 1, serve_now(s), &d, &g);
  diags_print(&d, stderr);
  if (rc < 0)
    fprintf(stderr, "etl: %zu error%s in the configuration\n", d.errors, d.errors == 1 ? "" : "s");
  diags_fini(&d);
  if (rc < 0)
    return EXIT_CONFIG;
  struct log_settings settings = serve_log_settings(g->conf);
  if (log_open(&settings, &s->clock, &e, &s->log) < 0) {
    generation_unref(g);
    return complain(&e);
  }
  s->host = xstrdup(socket_host_name(g->conf, g->conf->arena));
  serve_take(s, g);
  return EXIT_OK;
}

static int open_all(struct serve *s) {
  struct err e;
  if (open_loop(s, &e) < 0)
    return complain(&e);
  int rc = open_conf(s);
  if (rc != EXIT_OK)
    return rc;
  start_watchers(s);
  if (serve_store_try(s, &e) < 0) {
    if (!is_away(s, e.error_class))
      return complain(&e);
    serve_store_failed(s, &e);
  }
  return serve_parts_open(s, &e) < 0 ? complain(&e) : EXIT_OK;
}

static void close_all(struct serve *s) {
  serve_parts_close(s);
  while (s->running) { /* killed: the time to stop is over */
    struct running *r = s->running;
    s->running = r->next;
    running_free(r);
  }
  while (s->ended) {
    struct running *r = s->ended;
    s->ended = r->next;
    running_free(r);
  }
  serve_flush_events(s);
  serve_events_free(s);
  serve_jobs_free(s);
  store_close(s->store);
  generation_unref(s->gen);
  describes_free(s->describes);
  diags_fini(&s->reload_errors);
  systemd_fini(&s->systemd);
  log_close(s->log);
  if (s->loop)
    ev_loop_destroy(s->loop);
  free(s->store_error);
  free(s->host);
}

int serve_main(const char *conf_path, const struct clock *clock) {
  struct serve s = {.clock = *clock, .conf_path = conf_path, .describes = describes_new(), .started_ns = clock->wall_ns(clock)};
  systemd_init(&s.systemd);
  raise_limits();
  int rc = open_all(&s);
  if (rc == EXIT_OK) {
    s.state = SERVE_RUNNING;
    serve_tell(&s, LEVEL_INFO, "host", "started", "host %s serves %zu pipeline%s with the state store %s", s.host, s.gen->conf->pipelines_n,
               s.gen->conf->pipelines_n == 1 ? "" : "s",
               s.store ? store_place(s.store) : "that cannot be used yet");
    systemd_ready(&s.systemd);
    serve_poke(&s);
    ev_run(s.loop, 0);
    serve_tell_left_out(&s);
    serve_tell(&s, LEVEL_INFO, "host", "stopped", "host %s has stopped", s.host);
  }
  close_all(&s);
  return rc;
}
