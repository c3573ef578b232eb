/* serve/deliver.h: the process that delivers one message, `etl _notify`.  Whatever a server or a command does, this process alone has to
 * wait for it, and its parent ends it when it is late (notify_child.h).
 *
 * Descriptor 3 is the job, JSON {"target": conf_notify_to_json(), "message": message_of_...()}, in memory of its own since it has secrets;
 * descriptor 4 a socket for the answer, one frame {"ok": bool, "said", "class", "message", "remedy", "retry_after_ms"}. */
#ifndef HOST_SERVE_DELIVER_H
#define HOST_SERVE_DELIVER_H

#include "base/err.h"
#include "conf/notify.h"

enum {
  DELIVER_JOB_FD = 3,
  DELIVER_ANSWER_FD = 4
};

int deliver_main(void); /* the exit status */

struct delivery {
  struct conf_notify target;
  const json_t *message;
  char said[512]; /* what the other side said, when it took the message; may be empty */
  bool end_group;  /* after the answer: what was started does not end by itself */
};
/* One way each.  0, or -1 with an error: ETL_E_RETRYABLE when another try may help. */
int deliver_mail(struct delivery *d, struct err *e);
int deliver_webhook(struct delivery *d, struct err *e);
int deliver_command(struct delivery *d, struct err *e);

#endif
