/* engine/governor.h: what the readers of one shard may ask of it together, whatever their streams and pieces: sessions at the same time,
 * rows and bytes a second.  A gate is found once for each lane, by the run thread; everything else is for any thread. */
#ifndef HOST_ENGINE_GOVERNOR_H
#define HOST_ENGINE_GOVERNOR_H

#include "base/clock.h"
#include "conf/conf.h"
#include "engine/stop.h"

struct governor;
struct gate;
/* one_reader: the extractor's readers cannot run side by side, over all shards. */
struct governor *governor_new(const struct conf_limits *limits, bool one_reader, const struct clock *clock);
void governor_free(struct governor *g); /* accepts NULL */
/* The gate of a shard; lives as long as g. */
struct gate *governor_gate(struct governor *g, const char *shard);

/* Waits for a session.  False: s asks for STOP_NOW, there is none.  gate_wake() makes the waiters look at their stop again. */
bool gate_enter(struct gate *gate, struct stop *s);
void gate_leave(struct gate *gate);
void gate_wake(void *gate);
/* So much was read.  How long to wait before the next read, so that the rates hold on average: every reader of the shard waits for what
 * all of them took. */
int64_t gate_take(struct gate *gate, int64_t rows, int64_t bytes);

#endif
