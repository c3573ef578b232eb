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
  int64_t captured;          /* of the rows of this epoch that the loader took, so many have a record */
  struct flow upto, base;    /* at the last safe point; at the last commit */
};
struct known { /* a record of a careful epoch, by the JSON of its row */
  uint64_t hash;
  int64_t id; /* 0: it was refused */
};
struct capture_ids { /* of records of the epoch in hand */
  struct lot *lots;
  struct came *came;
  size_t came_n;
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
  struct captures captures;  /* not stored yet */
  struct capture_ids ids;
  struct known *known;       /* of the epoch in hand; owned */
  int64_t known_n;
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
/* After a call of the loader: what it has set aside without a stream is of stream; then it is taken. */
void writer_name_rejects(struct writer *w, const char *stream);
void writer_take_rejects(struct writer *w);
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

/* ---- engine/capture_store.c: records beside the rows; without capture they do nothing.  0, or -1: the lane has its reason */
int captures_take(struct writer *w, struct item *it); /* what came with an item, before its rejects are taken */
/* The rows of an item, in an open epoch before they are written; takes their numbers.  *ret: borrowed, until captures_store(); NULL: nobody wants them. */
int captures_rows(struct writer *w, const struct writer_out *o, struct item *it, struct capture **ret);
void captures_written(struct writer_out *o, struct capture *c, const struct reject *refused); /* refused: the list of those of that write() */
int captures_store(struct writer *w);      /* all of them, in the epoch in hand */
int captures_store_some(struct writer *w); /* when there are many */
int captures_settled(struct writer *w, const struct reject *refused); /* refused: the list of those of settle(); stores what is left */
const struct etl_capture *captures_api(const struct writer *w); /* NULL: the loader has none */
/* Of an instance of the loader, before all else: where they go.  0, or -1 with e. */
int captures_open(struct run *r, struct instance *loader, struct err *e);
int captures_create(struct run *r); /* the run thread, after run_begin(): 0, or -1: r->err */
void captures_prune(struct run *r, int64_t now_ns); /* likewise, at the end; a failure is only told */

/* ---- engine/capture_ids.c */
/* In an open epoch: c->first is the id of its first record then, and c->raw has ids instead of numbers.  0, or -1: the lane has its reason. */
int ids_give(struct writer *w, struct capture *c);
int64_t ids_of_row(const struct capture_ids *ids, int64_t number); /* of the row as it came; 0: not known */
void ids_clear(struct capture_ids *ids);

#endif
