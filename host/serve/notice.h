/* serve/notice.h: something that happened and that people may want to be told.  As JSON it is what a webhook or a command gets, and what
 * waits for its turn; as text it is a mail. */
#ifndef HOST_SERVE_NOTICE_H
#define HOST_SERVE_NOTICE_H

#include <jansson.h>

#include "conf/notify.h"

struct notice {
  enum notify_event event;
  const char *pipeline, *run; /* any text may be NULL: not known, or there is none */
  const char *state;          /* how the run ended; of a breaker: "open", "half_open", "closed" */
  const char *stage, *stream, *shard, *connector; /* where it went wrong */
  const char *error_class, *error_code;
  const char *message; /* what happened, one line; without it the event's own words */
  const char *remedy;
  int64_t rows_read, rows_written, rows_filtered, rows_rejected; /* all 0: not shown */
  int64_t attempt;                                               /* 1: the first; 0: does not apply */
  int64_t at_ns;                                                 /* when it happened; 0: now */
  int64_t due_ns, started_ns, ended_ns;                          /* 0: not known */
  const char *const *lines; /* the last ones of the run's log, the oldest first */
  size_t lines_n;
};

/* With all texts mended to UTF-8 and cut to a bearable length; lines: at most so many, the last ones. */
json_t *notice_to_json(const struct notice *n, int64_t lines);

/* What is sent: one notice, or many as a digest.  The JSON that a webhook and a command get, with "subject" and "text" in it.
 * Its members: id, event ("digest" for many), subject, text, sent_at, host, and those of the notice or "notices" with "held_back". */
json_t *message_of_one(const json_t *notice, const char *id, const char *host, int64_t now_ns);
/* held: how many there were; list has those that were kept, the newest; counts: {"pipeline": {"failure": 3}}. */
json_t *message_of_many(const json_t *list, const json_t *counts, int64_t held, const char *id, const char *host, int64_t since_ns, int64_t now_ns);

#endif
