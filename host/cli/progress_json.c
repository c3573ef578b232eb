/* --progress json: the events as they come, one a line, each at once. */
#include "cli/progress_kind.h"

static void event(struct progress *p, const json_t *j) {
  json_dumpf(j, p->out, JSON_COMPACT | JSON_REAL_PRECISION(9));
  fputc('\n', p->out);
}

static void note(struct progress *p, const char *text) { fprintf(p->err, "etl: %s\n", text); }

const struct progress_kind progress_json = {.name = "json", .event = event, .note = note};
