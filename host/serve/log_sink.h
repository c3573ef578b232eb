/* serve/log_sink.h: where the lines of the log go.  They are written by a thread of its own: a pipe that nobody reads, or a disk that does not
 * answer, holds that thread, and never the loop.  What then does not fit into the memory set aside for waiting lines is counted as lost.
 * All functions are the loop's. */
#ifndef HOST_SERVE_LOG_SINK_H
#define HOST_SERVE_LOG_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { LOG_SINK_BYTES = 1 << 20 };

struct log_sink;
/* file: NULL for stderr. */
int log_sink_open(const char *file, struct err *e, struct log_sink **ret);
/* line ends with \n.  If it cannot be written, `stands_for` more records are lost. */
void log_sink_write(struct log_sink *s, const char *line, int64_t stands_for);
/* Waits until all lines were written, or could not be; false: not for so long. */
bool log_sink_flush(struct log_sink *s, int64_t within_ns);
/* Records that were lost since the last log_sink_take_lost(). */
int64_t log_sink_lost(struct log_sink *s);
int64_t log_sink_take_lost(struct log_sink *s);
/* Gives how many records were lost, with those that still wait.  s is gone. */
int64_t log_sink_close(struct log_sink *s);

#endif
