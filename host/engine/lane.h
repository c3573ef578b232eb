/* engine/lane.h: one lane of a run: a stream of one shard on its way into the sink.  Threads: the lane's own thread runs lane_main() and
 * is the writer; in each attempt it starts a reader thread and, if there are transformers, a chain thread, and joins both.  The
 * monitor thread reads the atomic counters and may call lane_stop() and lane_abandon(). */
#ifndef HOST_ENGINE_LANE_H
#define HOST_ENGINE_LANE_H

#include "engine/governor.h"
#include "engine/part.h"
#include "engine/ring.h"

enum lane_status { LANE_RUNNING = 0, LANE_SUCCESS, LANE_FAILED, LANE_CANCELLED };

struct position { /* where a lane stands in the sink */
  uint64_t epoch;
  struct etl_bytes cursor; /* owned; p NULL: nothing committed */
};
void position_set(struct position *p, uint64_t epoch, struct etl_bytes cursor); /* copies */
void position_fini(struct position *p);

enum { LANE_OUTS_MAX = 64 };
struct lane_out { /* a stream that comes out of the transformers; counts are of committed epochs */
  char *stream;
  _Atomic int64_t rows_written, rows_filtered, rows_rejected, rows_added;
};
struct epoch_counts { /* one stream's part in an epoch */
  int64_t written, filtered, rejected, added;
};
struct epoch_sums { /* what an epoch adds to the lane's counts */
  int64_t read, src_bytes;
  int64_t rejected; /* whichever streams they would have come to */
  struct epoch_counts outs[LANE_OUTS_MAX];
};

enum lane_target { TARGET_READER, TARGET_CHAIN, TARGET_WRITER, LANE_TARGETS };

struct run;
struct range;
struct lane {
  struct run *run;
  const char *name; /* "dbo.user_logins/eu1" */
  const char *stream, *shard; /* as the sink knows them: a piece's is "eu1#3" */
  const char *source_shard;   /* as the extractor knows it: "eu1" */
  const char *text;           /* a piece's bounds for people; NULL: none were told */
  struct etl_bytes start;     /* where to begin while nothing is committed; p NULL: at the start of the shard */
  bool piece;                 /* it comes to an end for good: a piece, a backfill */
  const char *note;           /* beside its cursor in the sink when the run began; NULL: none */
  const struct range *windows; /* of a backfill, read one after the other; NULL: it is none */
  size_t windows_n, window;
  uint32_t stream_flags;
  const char *const *key; /* of the stream, ends with NULL; NULL: not known */
  struct etl_bytes token;
  int64_t est_rows;
  struct gate *gate;    /* of the shard; NULL: no limits */
  _Atomic bool inside;  /* it has a session */
  struct stop stop;
  struct position at; /* lane thread only */
  bool finished;      /* likewise: the sink has it that this piece is read to its end */
  uint64_t old_epoch; /* likewise, of a repair: what the sink has up to here, a repair before this one left there: it says nothing */

  /* the present attempt */
  struct ring *from_reader, *to_writer; /* the same ring when there is no chain */
  _Atomic int want_cursor;              /* the epoch is due: the reader asks the source for a safe point */
  bool finished_early;                  /* reader: ended at a safe point because it was asked to */
  _Atomic int64_t attempt_read;
  _Atomic int64_t lag_ns;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct etl_bytes ack; /* owned; committed and not yet acknowledged to the source */
  bool writer_done;
  struct err err; /* why the attempt failed; the first reason wins */
  const char *err_stage, *err_connector;
  void (*cancel[LANE_TARGETS])(void *); /* wakes a stage's blocked call; NULL: nothing to wake */
  void *cancel_arg[LANE_TARGETS];

  /* over all attempts, of committed epochs */
  _Atomic int64_t rows_read, epochs, src_bytes;
  struct lane_out outs[LANE_OUTS_MAX]; /* at least one once the lane has begun */
  _Atomic size_t outs_n;
  _Atomic int64_t in_hand;    /* rows set aside in epochs that are not committed */
  int64_t raw_numbers;        /* reader, over all attempts: how many rows as they came have a number */
  int64_t rejected;           /* lane thread: rows set aside in committed epochs, each counted once */
  int64_t careful_rows;       /* lane thread: so many rows from the last commit on are written carefully: among them are bad ones */
  uint64_t careful_epoch;     /* lane thread: the last epoch that was begun again for that; 0: none */
  bool go_careful;            /* lane thread: the attempt ended because of a bad row; the next one looks for it */
  struct epoch_sums *doubt;   /* lane thread: of a commit that was cut short; counted if the sink says that it holds; owned */
  uint64_t doubt_epoch;
  _Atomic int status; /* enum lane_status */
  _Atomic int64_t ended_ns; /* monotonic; before status is another than LANE_RUNNING */
  _Atomic int64_t rows_before; /* rows_read when the present attempt began */
  _Atomic int64_t attempts;
  int64_t failures, first_failed_ns; /* lane thread: since the last commit; when the first of them was */
  int64_t retry_after_ns;            /* of a lane that ended as failed and is to be tried again by the supervisor (engine/defer.h); -1: it is not */
  bool waiting;                      /* for its next attempt; under run->lock */
  int64_t stalled_ns, stall_seen_ns; /* monitor: when a call of this lane was first, and last, seen to hang; 0: none does */
  pthread_t thread;
  bool started, told;     /* run thread: has a thread; its end was reported */
  _Atomic bool abandoned; /* its threads were given up */
  _Atomic bool loads;     /* it has an instance of the loader: given up with it, it keeps its locks of the sink */
};

void lane_init(struct lane *l, struct run *run, struct arena *arena, const struct etl_stream *stream, const struct etl_shard *shard);
void lane_fini(struct lane *l);
/* The stream's index in l->outs; a new one if need be; -1: there are too many.  The chain's thread, or before it starts. */
int lane_out(struct lane *l, const char *stream);
/* Sums over all streams. */
int64_t lane_written(const struct lane *l);
int64_t lane_filtered(const struct lane *l);
int64_t lane_rejected(const struct lane *l);
int64_t lane_added(const struct lane *l);
/* Of a repair, after l->at was asked for: begins at the start, unless this run has committed something. */
void lane_begin_repair(struct lane *l);
/* An epoch is committed: adds to the counts. */
void lane_count(struct lane *l, const struct epoch_sums *sums);
void *lane_main(void *lane); /* the lane's thread: attempts until success, a final failure, or cancel */

/* Any thread.  Records why (the first reason wins) and stops the attempt.  Returns -1. */
int lane_fail(struct lane *l, const struct err *e, const char *stage, const char *connector);
/* As lane_fail(), but the attempt is not stopped: what was read before is still committed. */
void lane_fail_later(struct lane *l, const struct err *e, const char *stage, const char *connector);
/* Any thread: wakes whatever blocks, now that l->stop says so. */
void lane_wake(struct lane *l);
/* A stage's way to be woken; cancel NULL takes it back and waits for a wake in progress. */
void lane_set_cancel(struct lane *l, enum lane_target t, void (*cancel)(void *), void *arg);
/* Any thread: gives the session back, if there is one. */
void lane_leave_gate(struct lane *l);
/* Monitor: a connector hangs in this lane: its threads are given up, the run goes on without it. */
void lane_abandon(struct lane *l, const struct err *e, const char *stage, const char *connector);

/* ---- the stages ---------------------------------------------------------------------------------------------------------- */
void *reader_main(void *lane); /* engine/reader.c */
void *chain_main(void *lane);  /* engine/chain.c */
int writer_run(struct lane *l); /* engine/writer.c: 0 all committed, -1 l->err says why */
/* Asks the sink through an open loader instance where the lane stands.  0, -1 with e. */
int writer_ask(struct instance *loader, struct lane *l, struct err *e);

#endif
