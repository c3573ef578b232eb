/* cli/run_view.h: a run as its events tell it: what a display shows.  Event loop thread. */
#ifndef HOST_CLI_RUN_VIEW_H
#define HOST_CLI_RUN_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum view_status {
  VIEW_RUNNING = 0,
  VIEW_SUCCESS,
  VIEW_FAILED,
  VIEW_CANCELLED
};

struct rate {         /* rows a second over the last few seconds */
  double since, mark; /* seconds */
  int64_t since_rows, mark_rows;
  double per_second;
};
struct lane_view {
  char *name;
  enum view_status status;
  int64_t rows_read, rows_written, epochs;
  double lag_seconds;   /* -1 unknown */
  double ended_seconds; /* -1: it runs */
  int64_t attempt;      /* the one to come, while it waits for it; 0: it does not wait */
  double retry_seconds; /* when it comes */
  struct rate rate;
};
struct run_view {
  char *pipeline;
  bool dry_run, full_refresh;
  bool replaces; /* the target, as a whole, at the end */
  bool started;  /* the first event has come */
  int64_t started_ns;
  double seconds; /* since then */
  int64_t rss_bytes;
  struct lane_view *lanes;
  size_t lanes_n;
  int64_t rows_read, rows_written; /* of all lanes */
  double per_second;
};

void run_view_fini(struct run_view *v);
/* now_ns: monotonic. */
void run_view_note(struct run_view *v, const json_t *event, int64_t now_ns);
const struct lane_view *run_view_lane(const struct run_view *v, const char *name); /* NULL: never heard of */
size_t run_view_count(const struct run_view *v, enum view_status status);
size_t run_view_waiting(const struct run_view *v); /* of the running ones, those that wait to try again */
/* What a lane is doing, in a word or a few. */
const char *run_view_status(const struct run_view *v, const struct lane_view *l, char *buf, size_t room);

#endif
