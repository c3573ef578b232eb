/* serve/connectors.h: connectors that come, go and are replaced while the host runs.  connectors_look() runs on the thread of
 * serve/reload.h, the rest on the loop's. */
#ifndef HOST_SERVE_CONNECTORS_H
#define HOST_SERVE_CONNECTORS_H

#include "serve/serve.h"

/* g with the connectors as they are now; NULL: they are what g has. */
struct generation *connectors_look(struct generation *g, struct describes *describes);
/* What is new, replaced, refused and gone, and which pipelines can run no more, or again. */
void connectors_tell(struct serve *s, const struct generation *old, const struct generation *now);
/* Are the connectors of p the files that r has seen?  -1 (ETL_E_RETRYABLE): one of them is being replaced, and nobody has looked at it yet. */
int connectors_current(const struct registry *r, const struct conf_pipeline *p, struct err *e);

#endif
