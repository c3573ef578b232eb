/* A new reading of the configuration takes the place of the old one, or does not. */
#include "serve/serve.h"

static void keep_errors(struct serve *s, struct diags *d) {
  diags_fini(&s->reload_errors);
  s->reload_errors = *d;
}

static void log_findings(struct serve *s, const struct diags *d) {
  for (size_t i = 0; i < d->n; i++)
    log_text(s->log, d->list[i].level == DIAG_ERROR ? LEVEL_ERROR : LEVEL_WARNING, "%s%s%s", d->list[i].origin ? d->list[i].origin : "",
             d->list[i].origin ? ": " : "", d->list[i].text);
}

int serve_reload(struct serve *s) {
  struct diags d = {0};
  struct generation *g;
  systemd_reloading(&s->systemd);
  s->reload_ns = serve_now(s);
  int rc = generation_load(s->conf_path, NULL, s->describes, s->gen->number + 1, s->reload_ns, &d, &g);
  log_findings(s, &d);
  if (rc == 0) {
    serve_take(s, g);
    serve_tell(s, LEVEL_INFO, "reload", "done", "the configuration was read again: %zu pipelines", g->conf->pipelines_n);
  } else {
    serve_tell(s, LEVEL_ERROR, "reload", "failed", "the configuration was not taken: it has %zu error%s, told before this line; the one before it stays", d.errors,
               d.errors == 1 ? "" : "s");
  }
  keep_errors(s, &d);
  systemd_ready(&s->systemd);
  return rc;
}
