/* engine/writer.h: the writer of a lane and its epochs.  The lane's own thread.
 *
 * Invariants: a commit covers exactly the rows up to a cursor; the counts of every stream add up before it is sent; l->at changes only
 * when the sink has said that the commit holds.  A commit whose answer was lost is resolved by asking the sink through a new instance. */
#ifndef HOST_ENGINE_WRITER_H
#define HOST_ENGINE_WRITER_H

#include "engine/run.h"

struct writer_out { /* a stream that the loader gets; number i belongs to lane->outs[i] */
  struct ArrowSchema schema; /* in force; also for a new instance after an in-doubt commit */
  struct stream_decl *decl;  /* behind transformers */
  struct etl_stream stream;  /* as the loader is told; name NULL: nothing came yet */
  int64_t rows;              /* handed to the loader in this epoch */
  int64_t refused;           /* of them set aside by the loader */
  int64_t sieved;            /* left out by run->sieve, in this attempt */
  struct flow upto, base;    /* at the last safe point; at the last commit */
};
struct writer {
  struct lane *lane;
  struct instance inst;
  const struct etl_loader *api;
  struct writer_out outs[LANE_OUTS_MAX];
  /* the epoch in hand */
  bool open;                 /* begin() was called */
  bool careful;
  int64_t since_ns;          /* when the first thing came that is not committed; 0: there is none */
  int64_t rows, bytes;
  struct rejects rejects;    /* set aside by any stage */
  struct position safe;      /* the last cursor seen; safe_here: nothing came after it */
  bool safe_here;
  bool last;                 /* the epoch in hand ends a piece */
  bool window_ends;          /* likewise a window of a backfill */
  int64_t read, read_base;   /* by the reader: up to the last item taken; at the last commit */
  int64_t src_bytes;
};

/* ---- engine/writer.c */
int writer_open(struct writer *w); /* an instance of its own */
void writer_close(struct writer *w);
int writer_prepare(struct writer *w, struct writer_out *o);
/* The loader failed: keeps why; a row that it refuses makes the next attempt careful.  Returns -1. */
int writer_fail(struct writer *w);
int writer_refused(struct writer *w, const struct err *e); /* likewise, with the reason already taken */
/* After a call of the loader: takes what it has set aside; rows without a stream are of stream. */
void writer_take_rejects(struct writer *w, const char *stream);
struct ask { /* committed()'s answer for one lane */
  const struct lane *lane;
  struct position found; /* to be freed by position_fini() */
  bool known, finished;
};
int32_t ask_each(void *ask, const struct etl_cursor *c);

/* ---- engine/epoch.c: 0, or -1: the lane has its reason */
int epoch_begin(struct writer *w);
int epoch_commit(struct writer *w); /* begins first, if need be: a cursor may move without rows */
void epoch_abort(struct writer *w);

#endif
