/* serve/notify.h: telling people what happened.  The host gives each notice once; whom it concerns, how much of it a target is told, when a
 * delivery is tried again and what became of it is decided here.  Nothing here waits: deliveries are processes of their own (notify_child.h).
 * Serving thread. */
#ifndef HOST_SERVE_NOTIFY_H
#define HOST_SERVE_NOTIFY_H

#include <ev.h>

#include "base/clock.h"
#include "base/err.h"
#include "serve/notice.h"

/* What became of a message, for the log and the table of events. */
struct notify_report {
  const char *target;
  const char *subject;
  const char *pipeline, *run; /* NULL: of none, or of several */
  int64_t notices;            /* that the message tells */
  int64_t attempt;            /* 1: the first */
  bool delivered;
  const char *said;        /* of the other side when delivered; may be "" */
  const struct err *error; /* when not */
  int64_t again_ns;        /* when not: it is tried again so much later; -1: it is given up */
};
/* Must not call the notifier. */
typedef void notify_report_fn(void *arg, const struct notify_report *report);

struct notify_setup {
  struct ev_loop *loop;
  const struct clock *clock;
  const char *exe; /* the etl executable; NULL: this process's own */
  notify_report_fn *report;
  void (*changed)(void *arg); /* what waits has; NULL: nobody keeps it.  Must not call the notifier but for notifier_waiting(). */
  void *arg;
};

struct notifier;
/* The targets are copied. */
struct notifier *notifier_new(const struct notify_setup *setup, const struct conf_notify *targets, size_t n);
/* Other targets from now on.  One of the same name keeps what it holds back and what it has still to deliver; one that is gone delivers that,
 * with its old settings. */
void notifier_reload(struct notifier *n, const struct conf_notify *targets, size_t targets_n);
/* Tells all whom it concerns, sooner or later.  Texts are copied. */
void notifier_event(struct notifier *n, const struct notice *notice);
/* Before the end: what is held back goes now, and what fails is not tried again, or, with keep, not by this host.  All is done when
 * notifier_idle(). */
void notifier_flush(struct notifier *n, bool keep);
bool notifier_idle(const struct notifier *n);
/* Looks at the clock and does what is due; the loop's own timer calls it, too. */
void notifier_tick(struct notifier *n);
/* What is still to be delivered, {"target": ...}: a new object. */
json_t *notifier_waiting(const struct notifier *n);
/* To be delivered by this one, too: what another had for a target.  Without such a target nothing happens.  The number of messages that there is
 * no room for. */
size_t notifier_restore(struct notifier *n, const char *target, const json_t *waiting);
/* Ends deliveries under way; what was not delivered is reported as given up, unless it is kept.  Accepts NULL. */
void notifier_free(struct notifier *n, bool kept);

#endif
