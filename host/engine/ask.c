/* Which command is answered by whom. */
#include "engine/ask.h"

int ask_load(struct run *r, struct part *p, const struct spec_stage *s, enum etl_kind kind, const char *stage) {
  struct err e;
  if (part_load(p, s, kind, stage, r->spec->cache_dir, r->arena, &e) < 0)
    return run_fail(r, &e, p);
  report_mask(&r->report, &p->secrets);
  return 0;
}

int ask_failed(struct run *r) {
  bool stopped = stop_mode(&r->stop) != STOP_NONE;
  run_report_summary(r, stopped ? "cancelled" : "failed");
  return stopped ? RUN_EXIT_CANCELLED : run_fail_exit(r);
}

int ask_answer(struct run *r) {
  static const struct ask_command answers[] = {{SPEC_QUARANTINE, ask_quarantine}, {SPEC_PREVIEW, ask_preview}, {SPEC_CONNECTION, ask_connection}};
  struct err e;
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
    if (answers[i].command == r->spec->command) {
      int rc = answers[i].answer(r);
      return rc < 0 ? ask_failed(r) : rc;
    }
  for (const struct ask_command *c = r->more_commands; c && c->command; c++)
    if (c->command == r->spec->command)
      return c->answer(r);
  err_set(&e, ETL_E_INTERNAL, "the worker does not know command %d: host and worker differ", (int)r->spec->command);
  run_fail(r, &e, NULL);
  return ask_failed(r);
}
