/* plugin/describes.h: what connectors say of themselves, asked once for each file as it is; and a configuration checked against that.
 * Any thread: while one waits for an answer, others are served. */
#ifndef HOST_PLUGIN_DESCRIBES_H
#define HOST_PLUGIN_DESCRIBES_H

#include "base/diag.h"
#include "conf/conf.h"
#include "plugin/describe.h"

struct describes;
struct describes *describes_new(void);
void describes_free(struct describes *c); /* accepts NULL */
/* Nobody is asked any more: who waits for an answer gets an error at once.  Any thread. */
void describes_stop(struct describes *c);
/* Asks again only when the file is another one than last time (device, inode, size, time of change); what it could not answer is kept, too.
 * NULL with e.  To be given back. */
const struct description *describes_get(struct describes *c, const char *path, struct err *e);
/* Files that did not describe themselves are asked again: a machine without breath, or a library that was away, may have been to blame. */
void describes_forget_failures(struct describes *c);
void describes_put(struct describes *c, const struct description *d); /* accepts NULL */
/* Whether the connectors of all pipelines are there and take their options: mistakes go into d. */
void describes_check(struct describes *c, const struct conf *conf, const struct registry *r, struct diags *d);
/* The same for one of them. */
void describes_check_pipeline(struct describes *c, const struct conf_pipeline *p, const struct registry *r, struct diags *d);
/* The same by what is known already: nobody is asked, and an option of a connector that was not asked yet passes. */
void describes_check_known(struct describes *c, const struct conf_pipeline *p, const struct registry *r, struct diags *d);
/* Files whose notes are sound, but that do not describe themselves, are refused: they crash, hang, or are no connectors. */
void describes_refuse(struct describes *c, struct registry *r);
/* The registry of a configuration; NULL with an error in d. */
struct registry *describes_scan(const struct conf *conf, struct diags *d);

#endif
