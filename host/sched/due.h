/* sched/due.h: who is due next: a heap of times by index, such as that of a pipeline.  One thread at a time. */
#ifndef HOST_SCHED_DUE_H
#define HOST_SCHED_DUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct due;
struct due *due_new(void);
void due_free(struct due *d); /* accepts NULL */
/* Puts index there or moves it to another time; SCHED_NEVER takes it out. */
void due_set(struct due *d, size_t index, int64_t at_ns);
void due_remove(struct due *d, size_t index);
size_t due_count(const struct due *d);
/* The earliest one, of several at the same time the one with the lowest index; it stays.  false: there is none. */
bool due_first(const struct due *d, size_t *ret_index, int64_t *ret_at_ns);
/* The time of an index; SCHED_NEVER: it is not there. */
int64_t due_at_ns(const struct due *d, size_t index);

#endif
