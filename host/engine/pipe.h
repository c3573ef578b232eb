/* engine/pipe.h: a pipeline's transformers without rings and threads, for commands that move a few rows: what goes in comes out before the
 * call returns.  The run thread; r->transforms are loaded. */
#ifndef HOST_ENGINE_PIPE_H
#define HOST_ENGINE_PIPE_H

#include "engine/run.h"

struct pipe;
/* Takes rows that came out; stream has its schema and stays as it is until the pipe is bound again.  0, or -1 with e. */
typedef int pipe_fn(void *arg, const struct etl_stream *stream, struct ArrowArray *rows, struct err *e);

struct pipe *pipe_new(struct run *r, const char *lane, pipe_fn *out, void *arg);
void pipe_free(struct pipe *p); /* accepts NULL */
/* Rows that follow are of stream in, and go through the transformers from number `from` on (0: all) that are for it.  0, or -1 with e. */
int pipe_bind(struct pipe *p, const struct etl_stream *in, size_t from, struct err *e);
/* Takes rows in every case. */
int pipe_rows(struct pipe *p, struct ArrowArray *rows, struct err *e);
int pipe_flush(struct pipe *p, struct err *e);
/* Rows that transformers set aside since it was asked last; to be cleared. */
void pipe_take_rejects(struct pipe *p, struct rejects *ret);

#endif
