/* engine/budget.h: the memory of a run's batches.  Any thread.  An allocation over the limit waits for others to free theirs, and
 * gives up when nothing is freed for a while (then the batch in hand is itself too large).  Memory may be freed after the run. */
#ifndef HOST_ENGINE_BUDGET_H
#define HOST_ENGINE_BUDGET_H

#include <stdint.h>

struct budget;
/* wait_ns: how long an allocation waits without anything being freed. */
struct budget *budget_new(int64_t limit_bytes, int64_t wait_ns);
void *budget_alloc(struct budget *b, uint64_t size); /* 64-byte aligned; NULL: spent */
void budget_free_mem(void *p);                       /* accepts NULL */
void budget_stop(struct budget *b);  /* waiting allocations return NULL at once from now on */
void budget_unref(struct budget *b); /* freed with the last allocation */

#endif
