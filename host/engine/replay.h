/* engine/replay.h: rows that were set aside go again through the stage that could not take them and all behind it, into the sink, and leave
 * quarantine in the same transaction.  Many at once; a group with a row that is refused again is halved until that row stands alone, and
 * stays where it is.  The run thread. */
#ifndef HOST_ENGINE_REPLAY_H
#define HOST_ENGINE_REPLAY_H

#include "engine/pipe.h"
#include "engine/shelf.h"

struct one { /* a row to be replayed */
  const char *id, *stage, *connector, *stream, *raw, *columns;
};
struct output { /* what became of a group, before the sink gets it */
  const struct etl_stream *stream;
  struct ArrowArray rows;
};
struct replay {
  struct run *r;
  struct shelf shelf;
  const struct etl_loader *api;
  struct instance loader; /* a lane's */
  bool loader_open;
  struct pipe *pipe;
  struct output *outputs;
  size_t outputs_n;
  struct position at; /* of the lane "@replay", where rows are kept in files */
  uint64_t txns;
  int64_t replayed, refused, found;
};

/* ---- engine/replay.c: all rows that are wanted.  0, or -1 with r->err */
int replay_all(struct run *r, const struct shelf *s, const char *const *ids, size_t ids_n, struct replay *ret);

/* ---- engine/replay_group.c: rows of the same stage, stream and columns.  0 also when rows were refused; -1 with e: nothing can go on */
int replay_group(struct replay *p, const struct one *rows, size_t n, struct err *e);
void replay_close_loader(struct replay *p);
/* One transaction of the sink without rows: drops ids that a commit before has brought in, where rows are kept in files. */
int replay_mark(struct replay *p, const char *const *ids, size_t n, struct err *e);

#endif
