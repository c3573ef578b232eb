/* serve/notify_kept.h: what a notifier has still to deliver, kept in the store: for the next start of this host, or for another one when this is not
 * heard of any more.  What is in the store may have been delivered just before the host died: it comes once more then, under the same id. */
#ifndef HOST_SERVE_NOTIFY_KEPT_H
#define HOST_SERVE_NOTIFY_KEPT_H

#include "serve/notify.h"
#include "serve/serve.h"

struct notify_kept {
  struct serve *serve;
  struct notifier *notifier;
  json_t *known; /* ids of the rows that memory has, as members */
  bool dirty;
  int64_t saved_ns; /* monotonic */
  ev_timer save, take;
};
void notify_kept_open(struct notify_kept *k, struct serve *s, struct notifier *n);
void notify_kept_changed(struct notify_kept *k); /* is written soon */
bool notify_kept_close(struct notify_kept *k);   /* before the notifier goes.  True: the store has all that waits */

#endif
