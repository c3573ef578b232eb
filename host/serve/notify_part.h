/* serve/notify_part.h: notifications as a part of the host (serve_parts). */
#ifndef HOST_SERVE_NOTIFY_PART_H
#define HOST_SERVE_NOTIFY_PART_H

#include "serve/serve.h"

int notify_part_open(struct serve *s, void **ret_self, struct err *e);
void notify_part_close(struct serve *s, void *self);
void notify_part_event(struct serve *s, void *self, const struct serve_event *e);
void notify_part_reloaded(struct serve *s, void *self, const struct generation *old);

#endif
