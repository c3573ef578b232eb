/* kit/flow.h: a transformer with a sink behind it that looks at all it gets. */
#ifndef HOST_KIT_FLOW_H
#define HOST_KIT_FLOW_H

#include "kit/kit.h"

enum {
  FLOW_OUTPUTS = 32
};
struct flow {
  struct kit *k;
  struct kit_instance *i;
  struct ArrowSchema in;
  struct {
    char name[128]; /* "": the stream itself */
    struct ArrowSchema schema;
  } out[FLOW_OUTPUTS];
  size_t out_n;
  struct guard sink;
  struct kit_sum sum;   /* of the rows that came out */
  uint64_t emitted;     /* messages */
  int32_t answer;       /* of the sink; ETL_OK at first */
  uint64_t after_answer; /* messages that came although the sink had said no */
};
void flow_init(struct flow *f, struct kit *k, struct kit_instance *i);
void flow_fini(struct flow *f);
/* bind() to a schema, which is copied.  ETL_OK, or ETL_FAILED with the reason in i->host.err. */
int32_t flow_bind(struct flow *f, const struct ArrowSchema *s);
/* bind() to the widest schema that the connector takes, which must be one. */
void flow_bind_usual(struct flow *f);
int32_t flow_process(struct flow *f, int64_t rows, uint64_t seed, struct kit_slice slice);
int32_t flow_flush(struct flow *f); /* ETL_OK if there is no flush() */

#endif
