/* serve/log.h: the host's log: a line a record, as text or JSON, to a file or to stderr; the newest ones are kept for `etl logs`.
 * Event loop thread.
 *
 * Nothing here waits for a file but log_reopen() and log_close(), a moment (log_sink.h).  A record that cannot be written (the disk is full,
 * nobody reads the pipe) is counted; the first one that can be written again is preceded by how many were lost. */
#ifndef HOST_SERVE_LOG_H
#define HOST_SERVE_LOG_H

#include <stdbool.h>

#include <jansson.h>

#include "base/clock.h"
#include "base/err.h"

enum log_level { LEVEL_DEBUG = 0, LEVEL_INFO, LEVEL_WARNING, LEVEL_ERROR };
const char *log_level_name(enum log_level level);
/* "warning" ..., and "trace" for debug; -1: there is no such level. */
int log_level_from_name(const char *name);

struct log_settings {
  const char *file; /* NULL: stderr */
  bool json;
  enum log_level level; /* records below are dropped */
};
/* Beside time, level and message all may be NULL. */
struct log_record {
  enum log_level level;
  const char *pipeline, *run, *stage, *shard, *connector;
  const char *message; /* one line */
};
struct log_line { /* one of the kept ones */
  int64_t seq;    /* counts up from 1 */
  json_t *record; /* time (RFC 3339), level, message, and what else it has */
};

struct log;
/* clock must outlive it.  -1: the file cannot be opened. */
int log_open(const struct log_settings *s, const struct clock *clock, struct err *e, struct log **ret);
void log_close(struct log *l); /* accepts NULL */
/* Opens the file anew, of the same name (after it was moved away) or another; on error the old one stays. */
int log_reopen(struct log *l, const struct log_settings *s, struct err *e);
int log_reopen_same(struct log *l, struct err *e);
void log_write(struct log *l, const struct log_record *r);
__attribute__((format(printf, 3, 4))) void log_text(struct log *l, enum log_level level, const char *fmt, ...);
/* An error in a sentence, with its remedy. */
void log_err(struct log *l, enum log_level level, const char *pipeline, const struct err *e);

/* The kept records behind `after`, the oldest first, until each() returns false. */
void log_each(const struct log *l, int64_t after, bool (*each)(void *arg, const struct log_line *line), void *arg);
int64_t log_newest(const struct log *l); /* 0: none yet */
/* Whoever follows: called for each record as it is written.  One at a time; NULL: none. */
void log_follow(struct log *l, void (*follow)(void *arg, const struct log_line *line), void *arg);
int64_t log_lost(const struct log *l); /* records that could not be written since the log was last writable */
/* Waits until all that was told is written, or could not be; false: not for so long, somebody does not take it. */
bool log_flush(struct log *l, int64_t within_ns);

/* Nanoseconds since 1970 as RFC 3339 in UTC, with milliseconds.  Returns buf. */
enum { TIME_TEXT = 40 };
char *time_text(char buf[TIME_TEXT], int64_t ns);

#endif
