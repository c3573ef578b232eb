/* cli/progress_kind.h: what the displays behind cli/progress.h share.  Each is one file and one row of the table in progress.c. */
#ifndef HOST_CLI_PROGRESS_KIND_H
#define HOST_CLI_PROGRESS_KIND_H

#include "cli/event_text.h"
#include "cli/progress.h"
#include "cli/run_view.h"

struct progress_kind {
  const char *name;
  /* An event that the view has already taken in.  The last one is "summary". */
  void (*event)(struct progress *p, const json_t *event);
  void (*note)(struct progress *p, const char *text);
};
struct progress {
  const struct progress_kind *kind;
  FILE *out, *err;
  const struct clock *clock;
  struct run_view view;
  size_t drawn_lines; /* bar: how many lines of it stand above the cursor */
  int64_t told_ns;    /* log: when progress was last told; 0: never */
};

extern const struct progress_kind progress_bar, progress_log, progress_json;

/* The live display as it is drawn on a terminal of that size: lines that are shorter than columns, at most lines of them.  The
 * number of lines. */
size_t progress_bar_frame(const struct run_view *v, size_t columns, size_t lines, const struct colours *c, FILE *to);

#endif
