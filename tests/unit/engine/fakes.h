/* fakes.h: a lane driven inside a test, by an extractor that plays a script, a loader that keeps what was committed, and transformers.
 * One lane at a time. */
#ifndef TESTS_UNIT_ENGINE_FAKES_H
#define TESTS_UNIT_ENGINE_FAKES_H

#include "engine/run.h"

enum step_kind {
  STEP_ROWS,        /* n rows */
  STEP_ROWS_CURSOR, /* n rows, and a cursor behind them */
  STEP_CURSOR,
  STEP_FAIL,        /* with error class n, and only once */
  STEP_FAIL_SILENT, /* ETL_FAILED without fail() */
  STEP_BAD_ROW,     /* one row that cannot be read; the script goes on */
  STEP_HANG,        /* until reader_cancel() */
  STEP_WANTED,      /* idle until a cursor is wanted, then one */
  STEP_FOREVER,     /* batches of n rows with cursors, without end */
  STEP_SCHEMA,      /* the schema is told anew */
  STEP_END
};
struct step {
  enum step_kind kind;
  int64_t n;
};
enum answer { /* of a commit */
  ANSWER_OK,
  ANSWER_FAIL,
  ANSWER_LOST_BEFORE, /* in doubt, and not done */
  ANSWER_LOST_AFTER   /* in doubt, but done */
};
struct play {
  const struct step *script;
  uint32_t stream_flags;
  enum answer answer; /* of commit number answer_at, from 1; 0: all are good */
  int answer_at;      /* -1: every commit */
  uint32_t answer_class;
  int silent;         /* committed() fails so many times from the first commit on */
  uint32_t settle_class; /* settle() always fails so; 0: it does not */
  struct stop *stops; /* reader_open() is asked to let the epoch in hand end while it waits; NULL: it is not */
  size_t raw_bytes;   /* of each row of STEP_BAD_ROW; 0: a few */
  int64_t refused;    /* an id that the sink cannot take; 0: it takes all */
  bool refuses_late;  /* it shows when the epoch is settled */
  /* what happened */
  int64_t rows, last_id; /* in the sink; ids count from 1, so without a hole or a double rows == last_id */
  bool holes;
  uint64_t epoch;
  int64_t cursor;       /* id behind which to read on */
  int begins, commits, aborts, prepares, opens_at_cursor;
  int opens_stopped; /* by the stop that was asked for */
  int64_t largest_epoch;
  bool failed_once;
  int rejected;       /* rows kept in the sink's quarantine by committed epochs */
  int64_t rejected_epoch;
  char rejected_raw[64], rejected_stage[32];
  int64_t odd, even;  /* rows in the sink of the streams "odd" and "even" */
  int careful;        /* epochs that were begun with care */
  int binds;          /* of the transformer "late" */
};
extern struct play play;

struct stage { /* a run with one lane around it */
  struct spec spec;
  struct run run;
  struct lane lane;
  struct calls *calls;
  struct conf_stage conf;
};
/* transformers: names of fakes ("odd": passes only odd ids, "nothing", "hold": gives all rows at the flush, "twice": each row twice,
 * "refuse": rejects each tenth, "parity": two streams, odd and even, "late": these too, but even only as long as it is bound for the second time);
 * NULL ends. */
void stage_init(struct stage *s, const struct step *script, const char *const *transformers);
void stage_enter(struct stage *s);            /* makes the lane: from here on it may be cancelled */
enum lane_status stage_run(struct stage *s);  /* lane_main() to its end */
enum lane_status stage_play(struct stage *s); /* both */
void stage_fini(struct stage *s);

#endif
