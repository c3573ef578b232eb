/* `etl run`: a worker carries the run out, this process shows it and passes on what the user asks for.  And the worker's own
 * entrance. */
#include <stdlib.h>
#include <string.h>

#include "cli/launch.h"
#include "cli/progress.h"
#include "verify/digest.h"

int cmd_worker(const struct cli_args *a) {
  const char *fd = cli_word(a, 0);
  return worker_main(fd ? (int)strtol(fd, NULL, 10) : -1, verify_commands);
}

static int take_limit(const struct cli_args *a, struct spec *s) {
  const char *text = cli_opt(a, "limit");
  struct err e;
  if (!text)
    return CLI_OK;
  s->limit_rows = strtoll(text, NULL, 10); /* the parser has made sure of it */
  if (s->limit_rows > 0)
    return CLI_OK;
  err_set(&e, ETL_E_CONFIG, "--limit 0 would read nothing");
  err_remedy(&e, "give a number of rows, or leave --limit out to read all");
  return cli_report(&e);
}

int run_take_range(const struct cli_args *a, struct arena *arena, const char **ret_from, const char **ret_to) {
  const char *text = cli_opt(a, "range"), *comma = text ? strchr(text, ',') : NULL;
  struct err e;
  *ret_from = *ret_to = NULL;
  if (!text && !cli_opt(a, "window"))
    return CLI_OK;
  if (!text || !comma || strchr(comma + 1, ',') || !text[1]) {
    if (text)
      err_set(&e, ETL_E_CONFIG, "--range %s is no range", text);
    else
      err_set(&e, ETL_E_CONFIG, "--window cuts a range, and there is none");
    err_remedy(&e, "write it like --range 2024-01-01,2024-02-01");
    return cli_report(&e);
  }
  *ret_from = comma > text ? arena_printf(arena, "%.*s", (int)(comma - text), text) : NULL;
  *ret_to = comma[1] ? comma + 1 : NULL;
  return CLI_OK;
}

static void on_event(void *arg, json_t *event) { progress_event(arg, event); }

static void on_stopping(void *arg, enum stop_mode mode) {
  progress_note(arg, mode == STOP_FINISH ? "stopping: what is in hand is committed first; Ctrl-C again stops at once"
                                         : "stopping at once: what is not committed is undone, and read again by the next run");
}

bool stage_is_standard(const struct conf_stage *stage) {
  const struct conf_node *o = stage->options;
  for (size_t i = 0; i < o->kids_n; i++) {
    const struct conf_node *n = o->kids[i];
    if (strcmp(n->name, "path") != 0)
      continue;
    for (size_t k = 0; n->kind == CONF_LIST && k < n->kids_n; k++)
      if (n->kids[k]->text && strcmp(n->kids[k]->text, "-") == 0)
        return true;
    if (n->kind != CONF_LIST && n->text && strcmp(n->text, "-") == 0)
      return true;
  }
  return false;
}

int run_launched(const struct cli_args *a, struct launch *l) {
  int status = take_limit(a, l->spec);
  if (status == CLI_OK)
    status = run_take_range(a, l->spec->arena, &l->spec->range_from, &l->spec->range_to);
  l->spec->window = cli_opt(a, "window");
  if (status != CLI_OK)
    return status;
  l->spec->accept_change = cli_flag(a, "accept-change");
  l->spec->full_refresh = cli_flag(a, "full-refresh");
  l->spec->keep_staging = cli_flag(a, "keep-staging");
  l->spec->dry_run = cli_flag(a, "dry-run");
  l->spec->uses_stdin = stage_is_standard(&l->spec->extract.conf);
  l->spec->uses_stdout = stage_is_standard(&l->spec->load.conf);
  struct progress *p = progress_new(cli_opt(a, "progress"), l->spec->uses_stdout ? stderr : stdout, stderr, &clock_system);
  status = launch_worker(l, &(struct listener){.event = on_event, .stopping = on_stopping, .arg = p});
  progress_free(p);
  return status;
}

int cmd_run(const struct cli_args *a) {
  struct launch l;
  int status = launch_init(&l, a);
  if (status == CLI_OK)
    status = run_launched(a, &l);
  launch_fini(&l);
  return status;
}
