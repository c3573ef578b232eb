/* `etl notify`: the targets of notifications: what there is, and whether a message arrives. */
#include <string.h>

#include "base/member.h"
#include "base/table.h"
#include "cli/check.h"
#include "cli/cli.h"
#include "conf/conf.h"
#include "serve/deliver.h"
#include "serve/notify.h"

int cmd_deliver(const struct cli_args *a) {
  (void)a;
  return deliver_main();
}

/* Where it goes, without what may be secret.  To be freed. */
static char *where_of(const struct conf_notify *t) {
  if (t->url) {
    const char *host = strstr(t->url, "://") + 3;
    return xasprintf("%.*s", (int)((size_t)(host - t->url) + strcspn(host, "/?#")), t->url);
  }
  return t->server ? xasprintf("%s%s by %s", t->to[0], t->to[1] ? " and others" : "", t->server) : xstrdup(t->command[0]);
}

static json_t *events_of(const struct conf_notify *t) {
  json_t *list = json_array();
  for (unsigned i = 0; i < NOTIFY_TEST; i++)
    if (t->events >> i & 1)
      json_array_append_new(list, json_string(notify_event_name((enum notify_event)i)));
  return list;
}

static json_t *list_json(const struct conf *c) {
  json_t *list = json_array();
  for (size_t i = 0; i < c->notify_n; i++) {
    const struct conf_notify *t = &c->notify[i];
    cleanup_free char *where = where_of(t);
    json_t *pipelines = json_array();
    for (const char *const *p = t->pipelines; *p; p++)
      json_array_append_new(pipelines, json_string(*p));
    json_array_append_new(list, json_pack("{ss, ss, ss, so, so}", "name", t->name, "kind", t->kind, "where", where, "on", events_of(t), "pipelines",
                                          pipelines));
  }
  return list;
}

static char *joined(const json_t *texts) {
  char *all = xstrdup("");
  size_t i;
  json_t *text;
  json_array_foreach((json_t *)(uintptr_t)texts, i, text) {
    char *longer = xasprintf("%s%s%s", all, i ? " " : "", json_string_value(text));
    mem_free_ptr(&all);
    all = longer;
  }
  return all;
}

static void print_list(const json_t *list) {
  struct table *t = table_new((const char *const[]){"NAME", "KIND", "WHERE", "ON", "PIPELINES", NULL});
  size_t i;
  json_t *one;
  json_array_foreach((json_t *)(uintptr_t)list, i, one) {
    cleanup_free char *on = joined(json_object_get(one, "on")), *pipelines = joined(json_object_get(one, "pipelines"));
    for (const char *const *name = (const char *const[]){"name", "kind", "where", NULL}; *name; name++)
      table_cell(t, "%s", member_text(one, *name));
    table_cell(t, "%s", on);
    table_cell(t, "%s", pipelines);
  }
  table_print(t, stdout);
  table_free(t);
}

/* The configuration with its targets, at least one.  CLI_OK, or an exit status after telling the user why. */
static int load(const struct cli_args *a, struct conf **ret) {
  struct diags d = {0};
  int status = CLI_OK;
  if (conf_load_notify(cli_opt(a, "conf"), &d, ret) < 0) {
    status = check_report(&d);
    status = status == CLI_OK ? CLI_USAGE : status;
  } else {
    diags_print(&d, stderr); /* warnings */
  }
  diags_fini(&d);
  if (status == CLI_OK && (*ret)->notify_n == 0) {
    printf("%s has no targets of notifications; `notify = ( { kind = \"mail\"; ... } );` would be one.\n",
           (*ret)->file ? (*ret)->file : "etl.conf");
    conf_free(*ret);
    status = CLI_USAGE;
  }
  return status;
}

int cmd_notify_list(const struct cli_args *a) {
  const char *output = cli_opt(a, "output");
  struct conf *c;
  int status = load(a, &c);
  if (status != CLI_OK)
    return status;
  json_t *list = list_json(c);
  if (output && strcmp(output, "json") == 0) {
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
  } else {
    print_list(list);
  }
  json_decref(list);
  conf_free(c);
  return CLI_OK;
}

/* ---- test --------------------------------------------------------------------------------------------------------------------------- */

static void on_report(void *arg, const struct notify_report *r) {
  int *status = arg;
  if (r->delivered) {
    printf("%s: delivered%s%s\n", r->target, *r->said ? ": " : "", r->said);
  } else {
    printf("%s: failed\n", r->target);
    fflush(stdout);
    cli_report(r->error);
    *status = CLI_FAILED;
  }
  fflush(stdout);
}

static bool named(const struct cli_args *a, const char *name) {
  for (size_t i = 0; cli_word(a, i); i++)
    if (strcmp(cli_word(a, i), name) == 0)
      return true;
  return !cli_word(a, 0);
}

static int check_names(const struct cli_args *a, const struct conf *c) {
  const char *names[65] = {0};
  for (size_t i = 0; i < c->notify_n && i < 64; i++)
    names[i] = c->notify[i].name;
  for (size_t i = 0; cli_word(a, i); i++) {
    const char *word = cli_word(a, i), *near = diag_nearest(word, names);
    size_t k = 0;
    struct err e;
    while (names[k] && strcmp(names[k], word) != 0)
      k++;
    if (names[k])
      continue;
    err_set(&e, ETL_E_CONFIG, "there is no target '%s' of notifications", word);
    err_remedy(&e, near ? "did you mean '%s'?" : "`etl notify list` shows them%.0s", near ? near : "");
    return cli_report(&e);
  }
  return CLI_OK;
}

static void send_tests(const struct conf_notify *targets, size_t n, int *status) {
  static const char *const lines[] = {"the last lines of a run's log stand here"};
  const struct notice test = {.event = NOTIFY_TEST, .message = "a test of the notifications of etl; nothing has happened", .lines = lines, .lines_n = 1};
  struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
  const struct notify_setup setup = {.loop = loop, .clock = &clock_system, .report = on_report, .arg = status};
  struct notifier *notifier = notifier_new(&setup, targets, n);
  notifier_event(notifier, &test);
  notifier_flush(notifier, false);
  while (!notifier_idle(notifier))
    ev_run(loop, EVRUN_ONCE);
  notifier_free(notifier, false);
  ev_loop_destroy(loop);
}

int cmd_notify_test(const struct cli_args *a) {
  struct conf *c;
  int status = load(a, &c);
  if (status != CLI_OK)
    return status;
  status = check_names(a, c);
  struct conf_notify *chosen = arena_alloc(c->arena, c->notify_n * sizeof *chosen);
  size_t n = 0;
  for (size_t i = 0; i < c->notify_n; i++)
    if (named(a, c->notify[i].name)) {
      chosen[n] = c->notify[i];
      chosen[n++].max_messages = 1; /* one by one, also where only digests are wanted */
    }
  if (status == CLI_OK)
    send_tests(chosen, n, &status);
  conf_free(c);
  return status;
}
