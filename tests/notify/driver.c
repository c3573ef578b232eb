/* A host that does nothing but notify: events come as JSON lines on standard input, reports go as JSON lines to standard output,
 * behind a first one that says that CONF was read.
 *
 *     driver ETL CONF
 *
 * {"event": "failure", "pipeline": "p", "times": 3, ...} gives a notice; {"reload": true} reads CONF again; {"flush": true} and the end of the
 * input let all be delivered, then it ends; {"quit": true} ends at once.  With {"keep": true} it says at its end what still waits, as {"waiting": ...},
 * which {"restore": ...} takes. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "serve/notify.h"

struct driver {
  struct ev_loop *loop;
  struct notifier *notifier;
  const char *conf;
  char line[65536];
  size_t n;
  bool quit, flushing, keep;
};

static void print(json_t *j) {
  json_dumpf(j, stdout, JSON_COMPACT);
  putchar('\n');
  fflush(stdout);
  json_decref(j);
}

static void on_report(void *arg, const struct notify_report *r) {
  (void)arg;
  json_t *j = json_pack("{ss, ss*, ss*, ss*, sI, sI, sb, ss*, sf}", "target", r->target, "subject", r->subject, "pipeline", r->pipeline, "run", r->run,
                        "notices", (json_int_t)r->notices, "attempt", (json_int_t)r->attempt, "delivered", (int)r->delivered, "said", r->said, "again_s",
                        r->again_ns < 0 ? -1. : (double)r->again_ns / 1e9);
  if (r->error) {
    json_object_set_new(j, "class", json_string(err_class_name(r->error->error_class)));
    json_object_set_new(j, "message", json_string(r->error->message));
    json_object_set_new(j, "remedy", json_string(r->error->remedy));
  }
  print(j);
}

static enum notify_event event_of(const char *name) {
  unsigned e = 0;
  while (e < NOTIFY_EVENTS && strcmp(notify_event_name((enum notify_event)e), name) != 0)
    e++;
  return (enum notify_event)e;
}

static void give(struct driver *d, json_t *j) {
  struct notice n = {.event = event_of(json_string_value(json_object_get(j, "event")))};
  const struct {
    const char *name, **to;
  } texts[] = {{"pipeline", &n.pipeline},   {"run", &n.run},       {"state", &n.state},       {"stage", &n.stage},          {"shard", &n.shard},
               {"connector", &n.connector}, {"class", &n.error_class}, {"code", &n.error_code}, {"message", &n.message}, {"remedy", &n.remedy}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    *texts[i].to = json_string_value(json_object_get(j, texts[i].name));
  const json_t *lines = json_object_get(j, "lines");
  const char *log[300];
  for (n.lines_n = 0; n.lines_n < json_array_size(lines) && n.lines_n < 300; n.lines_n++)
    log[n.lines_n] = json_string_value(json_array_get(lines, n.lines_n));
  n.lines = log;
  n.rows_read = json_integer_value(json_object_get(j, "rows_read"));
  n.rows_written = json_integer_value(json_object_get(j, "rows_written"));
  n.attempt = json_integer_value(json_object_get(j, "attempt"));
  json_int_t times = json_integer_value(json_object_get(j, "times"));
  for (json_int_t i = 0; i < (times ? times : 1); i++)
    notifier_event(d->notifier, &n);
}

static struct conf *load(const char *path) {
  struct diags d = {0};
  struct conf *c = NULL;
  if (conf_load_notify(path, &d, &c) < 0)
    diags_print(&d, stderr);
  diags_fini(&d);
  return c;
}

static void obey(struct driver *d, const char *line) {
  json_t *j = json_loads(line, 0, NULL);
  if (json_object_get(j, "event"))
    give(d, j);
  if (json_object_get(j, "quit"))
    d->quit = true;
  if (json_object_get(j, "keep"))
    d->keep = true;
  const char *name;
  json_t *waiting;
  json_object_foreach(json_object_get(j, "restore"), name, waiting)
    notifier_restore(d->notifier, name, waiting);
  if (json_object_get(j, "flush"))
    d->flushing = true;
  if (json_object_get(j, "reload")) {
    struct conf *c = load(d->conf);
    if (c)
      notifier_reload(d->notifier, c->notify, c->notify_n);
    conf_free(c);
  }
  json_decref(j);
}

static void on_input(struct ev_loop *loop, ev_io *io, int revents) {
  struct driver *d = io->data;
  (void)revents;
  ssize_t got = read(STDIN_FILENO, d->line + d->n, sizeof d->line - 1 - d->n);
  if (got <= 0) {
    ev_io_stop(loop, io);
    d->flushing = true;
    return;
  }
  d->n += (size_t)got;
  d->line[d->n] = 0;
  for (char *end; (end = strchr(d->line, '\n'));) {
    *end = 0;
    obey(d, d->line);
    d->n -= (size_t)(end + 1 - d->line);
    memmove(d->line, end + 1, d->n + 1);
  }
}

int main(int argc, char **argv) {
  struct driver d = {.loop = ev_loop_new(EVFLAG_AUTO), .conf = argc == 3 ? argv[2] : NULL};
  struct conf *c = argc == 3 ? load(argv[2]) : NULL;
  ev_io input;
  if (!c)
    return 2;
  const struct notify_setup setup = {.loop = d.loop, .clock = &clock_system, .exe = argv[1], .report = on_report};
  d.notifier = notifier_new(&setup, c->notify, c->notify_n);
  conf_free(c);
  ev_io_init(&input, on_input, STDIN_FILENO, EV_READ);
  input.data = &d;
  ev_io_start(d.loop, &input);
  puts("{\"ready\": true}");
  fflush(stdout);
  bool flushed = false;
  while (!d.quit && !(flushed && notifier_idle(d.notifier))) {
    if (d.flushing && !flushed) {
      flushed = true;
      notifier_flush(d.notifier, d.keep);
      continue;
    }
    ev_run(d.loop, EVRUN_ONCE);
  }
  if (d.keep)
    print(json_pack("{so}", "waiting", notifier_waiting(d.notifier)));
  notifier_free(d.notifier, d.keep);
  ev_io_stop(d.loop, &input);
  ev_loop_destroy(d.loop);
  return 0;
}
