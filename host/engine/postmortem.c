/* The summary of a run whose worker died.  Which connector was at work is read from the memory it shared. */
#include "engine/postmortem.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/member.h"
#include "base/spawn.h"
#include "engine/report.h"

enum { AT_WORK_MAX = 4 };

void postmortem_init(struct postmortem *p, const char *pipeline, const char *run) {
  *p = (struct postmortem){.pipeline = xstrdup(pipeline), .run = xstrdup(run), .lanes = json_object()};
}

void postmortem_fini(struct postmortem *p) {
  mem_free_ptr(&p->pipeline);
  mem_free_ptr(&p->run);
  json_decref(p->lanes);
}

static void note_lane(struct postmortem *p, const json_t *lane) {
  const char *name = member_text(lane, "lane");
  if (!name)
    return;
  json_t *known = json_object_get(p->lanes, name);
  if (!known) {
    known = json_pack("{s:s}", "status", "running");
    json_object_set_new(p->lanes, name, known);
  }
  json_object_update(known, (json_t *)(uintptr_t)lane); /* jansson takes it without const, and only reads it */
  json_object_del(known, "event");
  json_object_del(known, "est_rows");
}

void postmortem_note(struct postmortem *p, const json_t *event) {
  const json_t *lane, *lanes = json_object_get(event, "lanes"), *seconds = json_object_get(event, "seconds");
  size_t i;
  if (json_is_real(seconds))
    p->seconds = json_real_value(seconds);
  json_array_foreach(lanes, i, lane)
    note_lane(p, lane);
  if (strcmp(member_text(event, "event"), "lane") == 0)
    note_lane(p, event);
}

/* The call that the end came from; else, if just one call was in progress, that. */
static const struct call_slot *guilty(const struct calls *c) {
  const struct call_slot *busy = NULL;
  int n = 0;
  for (int i = 0; i < CALL_SLOTS; i++) {
    const struct call_slot *s = &c->slots[i];
    if (atomic_load(&s->ended_by))
      return s;
    if (atomic_load(&s->since_ns)) {
      busy = s;
      n++;
    }
  }
  return n == 1 ? busy : NULL;
}

/* "; at work were read() of connector a, write() of connector b", the first few; "" if none was. */
static char *at_work(const struct calls *c) {
  char *text = xstrdup("");
  for (int i = 0, n = 0; i < CALL_SLOTS && n < AT_WORK_MAX; i++) {
    const struct call_slot *s = &c->slots[i];
    if (!atomic_load(&s->since_ns))
      continue;
    char *longer = xasprintf("%s%s%s() of connector %s%s%s", text, n++ == 0 ? "; at work was " : ", ", s->function, s->connector, *s->lane ? ", lane " : "", s->lane);
    free(text);
    text = longer;
  }
  return text;
}

static void explain_death(int wait_status, const struct calls *calls, const struct call_slot *s, struct err *e) {
  cleanup_free char *where = s ? xasprintf(" in %s() of connector %s%s%s", s->function, s->connector, *s->lane ? ", lane " : "", s->lane)
                               : xstrdup("");
  if (WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == MEM_EXIT_STATUS) {
    err_set(e, ETL_E_INTERNAL, "the worker process got no more memory%s", where);
    err_remedy(e, "lower memory and parallelism of the pipeline, or raise worker_memory of 'serve' if it has one; the next run goes on from the last "
                  "commit");
    return;
  }
  if (WIFEXITED(wait_status)) {
    err_set(e, ETL_E_INTERNAL, "the worker process left with exit status %d%s, though nobody asked it to", WEXITSTATUS(wait_status), where);
    err_remedy(e, "a connector may not end the process: report this to its author; nothing is lost, the next run goes on from the last commit");
    return;
  }
  int sig = WTERMSIG(wait_status);
  if (sig == SIGXCPU) {
    err_set(e, ETL_E_PERMANENT, "the worker process took more time of processors than it may (SIGXCPU)%s", where);
    err_remedy(e, "raise worker_cpu_time of 'serve' (for a run in a shell: ulimit -t), or look what made it slow; the next run goes on from the "
                  "last commit");
    return;
  }
  cleanup_free char *beside = s ? xstrdup("") : at_work(calls);
  err_set(e, ETL_E_INTERNAL, "the worker process was ended by SIG%s%s%s", spawn_signal_name(sig), where, beside);
  if (sig == SIGKILL)
    err_remedy(e, "somebody killed it, or the system had no memory left (journalctl -k tells); nothing is lost, the next run goes on from the "
                  "last commit");
  else
    err_remedy(e, "report this to the connector's author, with a core file if there is one (ulimit -c unlimited); nothing is lost, the next "
                  "run goes on from the last commit");
}

static json_t *error_json(int wait_status, const struct calls *calls, bool asked_to_stop) {
  bool killed = WIFSIGNALED(wait_status) && WTERMSIG(wait_status) == SIGKILL;
  const struct call_slot *s = killed && !asked_to_stop ? NULL : guilty(calls); /* who is killed is not to blame */
  struct err e;
  if (asked_to_stop) {
    err_set(&e, ETL_E_RETRYABLE, "the worker process did not end when it was asked to, and was killed%s%s%s", s ? ": it hangs in " : "",
            s ? s->function : "", s ? "()" : "");
    err_remedy(&e, "nothing is lost: the next run goes on from the last commit");
  } else {
    explain_death(wait_status, calls, s, &e);
  }
  return report_error(&e, s ? s->stage : NULL, s ? s->connector : NULL);
}

json_t *postmortem_summary(const struct postmortem *p, int wait_status, const struct calls *calls, bool asked_to_stop) {
  static const char *const counters[] = {"rows_read", "rows_written", "rows_filtered", "rows_rejected"};
  json_t *j = json_pack("{s:s, s:s, s:s, s:s, s:f, s:o}", "event", "summary", "pipeline", p->pipeline, "run", p->run, "status",
                        asked_to_stop ? "cancelled" : "crashed", "seconds", p->seconds, "error", error_json(wait_status, calls, asked_to_stop));
  json_t *lanes = json_array(), *lane;
  const char *name;
  for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
    json_int_t total = 0;
    json_object_foreach(p->lanes, name, lane)
      total += member_number(lane, counters[i]);
    json_object_set_new(j, counters[i], json_integer(total));
  }
  json_object_foreach(p->lanes, name, lane)
    json_array_append(lanes, lane);
  json_object_set_new(j, "lanes", lanes);
  return j;
}
