/* Which display there is, and the one that shows nothing but errors. */
#include "cli/progress.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/member.h"
#include "cli/outcome.h"
#include "cli/progress_kind.h"

static void none_event(struct progress *p, const json_t *event) {
  const char *name = member_text(event, "event");
  if (name && strcmp(name, "summary") == 0)
    outcome_errors(event, colours_of(p->err), p->err);
}

static void none_note(struct progress *p, const char *text) {
  (void)p;
  (void)text;
}

static const struct progress_kind progress_none = {.name = "none", .event = none_event, .note = none_note};

static const struct progress_kind *choose(const char *name, FILE *err) {
  static const struct progress_kind *const kinds[] = {&progress_bar, &progress_log, &progress_json, &progress_none};
  const struct progress_kind *kind = &progress_bar;
  for (size_t i = 0; name && i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kinds[i]->name, name) == 0)
      kind = kinds[i];
  return kind == &progress_bar && !words_is_terminal(err) ? &progress_log : kind;
}

struct progress *progress_new(const char *kind, FILE *out, FILE *err, const struct clock *clock) {
  struct progress *p = xcalloc(1, sizeof *p);
  *p = (struct progress){.kind = choose(kind, err), .out = out, .err = err, .clock = clock};
  return p;
}

void progress_free(struct progress *p) {
  if (!p)
    return;
  run_view_fini(&p->view);
  mem_free_ptr(&p);
}

/* Whoever reads has seen enough: that is no failure of what was to be shown. */
static void write_to_nobody(FILE *out) {
  int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0)
    return;
  if (dup2(null, fileno(out)) >= 0 && fflush(out) == 0)
    clearerr(out);
  close(null);
}

void progress_event(struct progress *p, const json_t *event) {
  run_view_note(&p->view, event, p->clock->mono_ns(p->clock));
  p->kind->event(p, event);
  if (fflush(p->out) != 0 && errno == EPIPE)
    write_to_nobody(p->out);
}

void progress_note(struct progress *p, const char *text) { p->kind->note(p, text); }
