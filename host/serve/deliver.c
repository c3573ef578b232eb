/* `etl _notify`: reads its job, delivers it, answers. */
#include "serve/deliver.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/frame.h"
#include "base/mem.h"
#include "base/text.h"

static const struct {
  const char *kind;
  int (*deliver)(struct delivery *d, struct err *e);
} ways[] = {{"mail", deliver_mail}, {"webhook", deliver_webhook}, {"command", deliver_command}};

static int deliver(struct delivery *d, struct err *e) {
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
    if (strcmp(ways[i].kind, d->target.kind) == 0)
      return ways[i].deliver(d, e);
  return err_set(e, ETL_E_INTERNAL, "there is no way '%s' to deliver a message", d->target.kind);
}

static json_t *text_json(const char *text) {
  cleanup_free char *mended = text_mended(text, strlen(text));
  return json_string(mended);
}

static json_t *answer_of(struct delivery *d) {
  struct err e = {0};
  if (deliver(d, &e) == 0)
    return json_pack("{sb, so}", "ok", 1, "said", text_json(d->said));
  return json_pack("{sb, ss, so, so, sI}", "ok", 0, "class", err_class_name(e.error_class), "message", text_json(e.message), "remedy",
                   text_json(e.remedy), "retry_after_ms", (json_int_t)e.retry_after_ms);
}

int deliver_main(void) {
  struct delivery d = {0};
  struct arena *a = arena_new();
  json_t *job = json_loadfd(DELIVER_JOB_FD, 0, NULL);
  if (!job || conf_notify_from_json(json_object_get(job, "target"), a, &d.target) < 0) {
    fprintf(stderr, "etl: _notify is started by `etl serve` and `etl notify test`, with a message as descriptor %d\n", DELIVER_JOB_FD);
    json_decref(job);
    arena_free(a);
    return 2;
  }
  close(DELIVER_JOB_FD);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* it has secrets */
  signal(SIGPIPE, SIG_IGN);
  d.message = json_object_get(job, "message");
  json_t *answer = answer_of(&d);
  int rc = frame_write(DELIVER_ANSWER_FD, answer);
  if (d.end_group)
    kill(0, SIGKILL); /* we are in it */
  json_decref(answer);
  json_decref(job);
  arena_free(a);
  return rc < 0 ? 1 : 0;
}
