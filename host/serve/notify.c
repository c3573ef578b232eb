/* The notifier.  Each target delivers one message after the other, so that they arrive in order; targets do not wait for each other.  A target
 * whose server is down has a short line of messages, and holds back what comes behind it as if it were too much. */
#include "serve/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/member.h"
#include "base/units.h"
#include "serve/notify_child.h"
#include "serve/notify_limit.h"
#include "serve/notify_line.h"

enum {
  LINE_MAX_MESSAGES = 8,
  LINE_MAX_RESTORED = 64, /* with those of hosts that are gone */
  LONGEST_DELAY_SECONDS = 3600
};

struct target {
  struct notifier *owner;
  struct arena *arena; /* of conf */
  struct conf_notify conf;
  json_t *settings; /* conf, for the delivering process */
  struct notify_limit limit;
  struct notify_line line;
  struct notify_child *child; /* delivers first */
  bool gone;                  /* not configured any more: to be freed when all is delivered */
};

struct notifier {
  struct notify_setup setup;
  char host[256];
  struct target **targets;
  size_t targets_n;
  ev_timer timer;
  bool flushing;
  bool kept;    /* while it is flushed: what cannot be delivered now waits on, elsewhere */
  bool changed; /* what waits, since it was told */
};

static int64_t now_of(const struct notifier *n) { return n->setup.clock->mono_ns(n->setup.clock); }
static int64_t wall_of(const struct notifier *n) { return n->setup.clock->wall_ns(n->setup.clock); }

/* ---- the line of a target ----------------------------------------------------------------------------------------------------------- */

static void new_id(char id[40]) {
  unsigned char random[16];
  if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
    memset(random, 0, sizeof random);
  memcpy(id, "etl-", 5);
  for (size_t i = 0; i < sizeof random; i++)
    snprintf(id + 4 + 2 * i, 3, "%02x", random[i]);
}

static void report(const struct target *t, const struct notify_answer *a, int64_t again_ns) {
  const struct outgoing *o = t->line.first;
  const struct notify_setup *s = &t->owner->setup;
  const struct notify_report r = {.target = t->conf.name,
                                  .subject = member_text(o->message, "subject"),
                                  .pipeline = member_text(o->message, "pipeline"),
                                  .run = member_text(o->message, "run"),
                                  .notices = o->notices,
                                  .attempt = o->attempt,
                                  .delivered = a->ok,
                                  .said = a->said,
                                  .error = a->ok ? NULL : &a->error,
                                  .again_ns = again_ns};
  if (s->report)
    s->report(s->arg, &r);
}

/* How long the next attempt waits; -1: there is none. */
static int64_t pause_of(const struct target *t, const struct err *e) {
  int64_t attempt = t->line.first->attempt, wait = t->conf.retry_delay_ns;
  const int64_t longest = LONGEST_DELAY_SECONDS * NS_PER_SEC, asked = (int64_t)e->retry_after_ms * NS_PER_MS;
  bool last = t->owner->flushing ? !t->owner->kept : attempt > t->conf.retries;
  if (e->error_class != ETL_E_RETRYABLE || last)
    return -1;
  while (--attempt > 0 && wait < longest)
    wait *= 2;
  wait = wait > longest && wait > t->conf.retry_delay_ns ? longest : wait;
  return asked > wait ? asked : wait;
}

/* The first of the line was tried. */
static void settle(struct target *t, const struct notify_answer *a) {
  struct outgoing *o = t->line.first;
  int64_t again = a->ok ? -1 : pause_of(t, &a->error);
  report(t, a, again);
  t->owner->changed = true;
  if (again < 0) {
    notify_line_drop_first(&t->line);
    return;
  }
  o->attempt += !t->owner->flushing; /* before its time: it does not count */
  o->not_before_ns = now_of(t->owner) + again;
}

static void on_answer(void *arg, const struct notify_answer *a) {
  struct target *t = arg;
  notify_child_free(t->child);
  t->child = NULL;
  settle(t, a);
  notifier_tick(t->owner);
}

static void start_next(struct target *t) {
  struct notifier *n = t->owner;
  const char *exe = n->setup.exe ? n->setup.exe : "/proc/self/exe";
  while (t->line.first && !t->child && t->line.first->not_before_ns <= now_of(n)) {
    struct notify_answer a = {0};
    if (notify_child_start(exe, n->setup.loop, t->settings, t->line.first->message, t->conf.timeout_ns, on_answer, t, &a.error, &t->child) < 0)
      settle(t, &a);
  }
}

/* ---- what is told ------------------------------------------------------------------------------------------------------------------- */

static void tell_held(struct target *t) {
  struct notifier *n = t->owner;
  struct notify_limit *l = &t->limit;
  char id[40];
  bool due = notify_limit_due_ns(l) <= now_of(n) || n->flushing || t->gone;
  if (l->held == 0 || !due || (t->line.n >= LINE_MAX_MESSAGES && !n->flushing))
    return;
  new_id(id);
  notify_line_add(&t->line, message_of_many(l->kept, l->counts, l->held, id, n->host, l->held_wall_ns, wall_of(n)), l->held);
  notify_limit_told(l, now_of(n));
  n->changed = true;
}

static void tell(struct target *t, const struct notice *notice) {
  struct notifier *n = t->owner;
  json_t *j = notice_to_json(notice, t->conf.log_lines);
  char id[40];
  new_id(id);
  if (t->line.n < LINE_MAX_MESSAGES && notify_limit_take(&t->limit, now_of(n)))
    notify_line_add(&t->line, message_of_one(j, id, n->host, wall_of(n)), 1);
  else
    notify_limit_hold(&t->limit, j, now_of(n), wall_of(n));
  n->changed = true;
  json_decref(j);
}

void notifier_event(struct notifier *n, const struct notice *notice) {
  struct notice stamped = *notice;
  stamped.at_ns = notice->at_ns ? notice->at_ns : wall_of(n);
  for (size_t i = 0; i < n->targets_n; i++) {
    struct target *t = n->targets[i];
    if (t->gone || !conf_notify_takes(&t->conf, notice->event, notice->pipeline))
      continue;
    tell_held(t);
    tell(t, &stamped);
  }
  notifier_tick(n);
}

/* ---- targets ------------------------------------------------------------------------------------------------------------------------ */

static void target_take_conf(struct target *t, const struct conf_notify *conf) {
  arena_free(t->arena);
  json_decref(t->settings);
  t->arena = arena_new();
  t->settings = conf_notify_to_json(conf);
  if (conf_notify_from_json(t->settings, t->arena, &t->conf) < 0)
    t->conf = (struct conf_notify){.name = "", .kind = ""}; /* it was read from a file, so it cannot be */
  t->limit.max = t->conf.max_messages;
  t->limit.period_ns = t->conf.period_ns;
  t->gone = false;
}

static struct target *target_new(struct notifier *n, const struct conf_notify *conf) {
  struct target *t = xcalloc(1, sizeof *t);
  t->owner = n;
  notify_line_init(&t->line);
  notify_limit_init(&t->limit, 0, 0);
  target_take_conf(t, conf);
  return t;
}

static void give_up_first(struct target *t, const char *why) {
  struct notify_answer a = {0};
  err_set(&a.error, ETL_E_RETRYABLE, "%s", why);
  report(t, &a, -1);
  notify_line_drop_first(&t->line);
}

static void target_free(struct target *t) {
  notify_child_free(t->child);
  t->child = NULL;
  while (t->line.first && !t->owner->kept)
    give_up_first(t, "the host ends before the message could be delivered");
  while (t->line.first)
    notify_line_drop_first(&t->line);
  notify_limit_fini(&t->limit);
  json_decref(t->settings);
  arena_free(t->arena);
  free(t);
}

static bool target_idle(const struct target *t) {
  bool waits = t->line.first && !(t->owner->kept && t->line.first->not_before_ns > now_of(t->owner));
  return !waits && !t->child && t->limit.held == 0;
}

static void drop_gone(struct notifier *n) {
  size_t kept = 0;
  for (size_t i = 0; i < n->targets_n; i++)
    if (n->targets[i]->gone && target_idle(n->targets[i]))
      target_free(n->targets[i]);
    else
      n->targets[kept++] = n->targets[i];
  n->targets_n = kept;
}

/* ---- life --------------------------------------------------------------------------------------------------------------------------- */

static void arm(struct notifier *n) {
  int64_t next = INT64_MAX;
  for (size_t i = 0; i < n->targets_n; i++) {
    const struct target *t = n->targets[i];
    int64_t due = t->line.n < LINE_MAX_MESSAGES ? notify_limit_due_ns(&t->limit) : INT64_MAX;
    if (t->line.first && !t->child && t->line.first->not_before_ns < due)
      due = t->line.first->not_before_ns;
    next = due < next ? due : next;
  }
  ev_timer_stop(n->setup.loop, &n->timer);
  if (next == INT64_MAX)
    return;
  int64_t wait = next - now_of(n);
  ev_now_update(n->setup.loop);
  ev_timer_set(&n->timer, wait > 0 ? (double)wait / NS_PER_SEC : 0., 0.);
  ev_timer_start(n->setup.loop, &n->timer);
}

void notifier_tick(struct notifier *n) {
  for (size_t i = 0; i < n->targets_n; i++) {
    tell_held(n->targets[i]);
    start_next(n->targets[i]);
  }
  drop_gone(n);
  arm(n);
  if (n->changed && n->setup.changed)
    n->setup.changed(n->setup.arg);
  n->changed = false;
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int revents) {
  (void)loop;
  (void)revents;
  notifier_tick(timer->data);
}

struct notifier *notifier_new(const struct notify_setup *setup, const struct conf_notify *targets, size_t targets_n) {
  struct notifier *n = xcalloc(1, sizeof *n);
  n->setup = *setup;
  if (gethostname(n->host, sizeof n->host - 1) < 0)
    memcpy(n->host, "localhost", sizeof "localhost");
  ev_timer_init(&n->timer, on_timer, 0, 0);
  n->timer.data = n;
  notifier_reload(n, targets, targets_n);
  return n;
}

void notifier_reload(struct notifier *n, const struct conf_notify *targets, size_t targets_n) {
  for (size_t i = 0; i < n->targets_n; i++)
    n->targets[i]->gone = true;
  n->targets = xrealloc(n->targets, (n->targets_n + targets_n + 1) * sizeof(struct target *));
  for (size_t i = 0; i < targets_n; i++) {
    size_t k = 0;
    while (k < n->targets_n && strcmp(n->targets[k]->conf.name, targets[i].name) != 0)
      k++;
    if (k < n->targets_n)
      target_take_conf(n->targets[k], &targets[i]);
    else
      n->targets[n->targets_n++] = target_new(n, &targets[i]);
  }
  notifier_tick(n);
}

void notifier_flush(struct notifier *n, bool keep) {
  n->flushing = true;
  n->kept = keep;
  for (size_t i = 0; i < n->targets_n; i++)
    if (n->targets[i]->line.first)
      n->targets[i]->line.first->not_before_ns = 0;
  notifier_tick(n);
}

bool notifier_idle(const struct notifier *n) {
  for (size_t i = 0; i < n->targets_n; i++)
    if (!target_idle(n->targets[i]))
      return false;
  return true;
}

/* ---- over a restart ----------------------------------------------------------------------------------------------------------------- */

static int64_t ahead_ns(const struct notifier *n) { return wall_of(n) - now_of(n); }

json_t *notifier_waiting(const struct notifier *n) {
  json_t *all = json_object();
  for (size_t i = 0; i < n->targets_n; i++) {
    const struct target *t = n->targets[i];
    json_t *held = notify_limit_to_json(&t->limit, ahead_ns(n));
    if (held || t->line.n)
      json_object_set_new(all, t->conf.name, json_pack("{so, so*}", "line", notify_line_to_json(&t->line, ahead_ns(n)), "held", held));
  }
  return all;
}

size_t notifier_restore(struct notifier *n, const char *target, const json_t *waiting) {
  struct target *t = NULL;
  for (size_t i = 0; i < n->targets_n; i++)
    if (strcmp(n->targets[i]->conf.name, target) == 0)
      t = n->targets[i];
  if (!t)
    return 0;
  size_t left = notify_line_restore(&t->line, json_object_get(waiting, "line"), LINE_MAX_RESTORED, ahead_ns(n));
  notify_limit_restore(&t->limit, json_object_get(waiting, "held"), now_of(n), ahead_ns(n));
  notifier_tick(n);
  return left;
}

void notifier_free(struct notifier *n, bool kept) {
  if (!n)
    return;
  ev_timer_stop(n->setup.loop, &n->timer);
  n->flushing = true;
  n->kept = kept;
  for (size_t i = 0; i < n->targets_n; i++) {
    tell_held(n->targets[i]); /* to be reported */
    target_free(n->targets[i]);
  }
  free(n->targets);
  free(n);
}
