/* The client's end of the control socket, and what stands in for the host while none runs. */
#include "cli/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/frame.h"
#include "base/member.h"
#include "cli/check.h"
#include "cli/words.h"
#include "serve/commands.h"
#include "serve/shown.h"
#include "serve/socket.h"

enum { ANSWER_SECONDS = 30 };

struct asking {
  const struct cli_args *args;
  const json_t *request;
  host_part_fn *part;
  void *arg;
  struct host_answer *ret;
};

/* ---- answers ------------------------------------------------------------------------------------------------------------------------------------ */

static void merge(json_t *into, json_t *part) {
  const char *key;
  json_t *value;
  json_object_foreach(part, key, value) {
    json_t *there = json_object_get(into, key);
    if (json_is_array(there) && json_is_array(value))
      json_array_extend(there, value);
    else
      json_object_set(into, key, value);
  }
}

void host_answer_fini(struct host_answer *h) {
  json_decref(h->json);
  h->json = NULL;
}

/* 1: the last one; 0: more comes; -1: it is an error. */
static int take_part(const struct asking *k, json_t *part, struct err *e) {
  const json_t *error = json_object_get(part, "error");
  bool done = member_true(part, "done");
  if (done && error) {
    shown_error_read(error, e);
    return -1;
  }
  if (done || !k->part || k->part(k->arg, part))
    merge(k->ret->json, part);
  return done;
}

/* ---- a host --------------------------------------------------------------------------------------------------------------------------------------- */

static int lost(struct err *e, int error) {
  if (error == EAGAIN) {
    err_set(e, ETL_E_RETRYABLE, "the host does not answer");
    return err_remedy(e, "look whether it is stopped, or busy; its log tells more");
  }
  err_set(e, ETL_E_RETRYABLE, "the host has closed the connection%s%s", error ? ": " : "", error ? strerror(error) : "");
  return err_remedy(e, "see whether it runs: etl status");
}

static int listen_to(const struct asking *k, int fd, struct err *e) {
  struct frame_reader in;
  json_t *part;
  int rc = 0;
  frame_reader_init(&in);
  while (rc == 0) {
    int got = frame_reader_next(&in, &part);
    long n = got == 0 ? frame_reader_fill(&in, fd) : 1;
    if (got > 0) {
      rc = take_part(k, part, e);
      json_decref(part);
    } else if (got < 0) {
      rc = err_set(e, ETL_E_INTERNAL, "what the host answers makes no sense: it is of another version");
    } else if (n <= 0) {
      rc = lost(e, n < 0 ? errno : 0);
    }
  }
  frame_reader_fini(&in);
  return rc < 0 ? -1 : 0;
}

static bool follows(const json_t *request) { return member_true(request, "follow") || member_true(request, "wait"); }

static int ask_host(const struct asking *k, int fd, struct err *e) {
  const struct timeval patience = {.tv_sec = follows(k->request) ? 0 : ANSWER_SECONDS};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int rc = frame_write(fd, k->request) < 0 && errno != EPIPE ? lost(e, errno) : listen_to(k, fd, e); /* who turns us away says why, and hears nothing */
  close(fd);
  return rc;
}

/* ---- the store alone ------------------------------------------------------------------------------------------------------------------------------- */

static const struct command *command_of(const char *name) {
  const struct command *c = commands;
  while (c->name && strcmp(c->name, name) != 0)
    c++;
  return c;
}

static int no_host(struct err *e, const char *what, const char *where) {
  err_set(e, ETL_E_UNSUPPORTED, "no host is running (nobody listens at %s)%s", where, what);
  return err_remedy(e, "start it: etl serve");
}

/* The configuration as far as it can be read: whoever asks may lack the variables that the host has. */
static int load_pipelines(const struct cli_args *a, struct conf **ret) {
  struct diags d = {0};
  int rc = conf_load_for_check(cli_opt(a, "conf"), NULL, &d, ret);
  if (rc == 0 && !(*ret)->state) {
    conf_free(*ret);
    rc = -1;
  }
  if (rc < 0)
    diags_print(&d, stderr);
  else if (d.errors)
    fprintf(stderr, "etl: the configuration has %zu error%s (`etl check` shows them): pipelines may be missing here\n", d.errors, d.errors == 1 ? "" : "s");
  diags_fini(&d);
  return rc;
}

static int run_on_store(const struct asking *k, const struct conf *c, struct err *e) {
  const char *cmd = member_text(k->request, "cmd");
  bool changes = command_of(cmd)->changes || member_true(k->request, "reset");
  char who[USER_TEXT];
  struct err failed;
  struct asked q = {.request = k->request, .who = socket_user(who, getuid()), .conf = c, .now_ns = clock_wall_ns(), .arena = arena_new(), .answer = json_object()};
  if (store_open(c->state, changes ? STORE_WRITE : STORE_READ, socket_host_name(c, q.arena), q.now_ns, &failed, &q.store) < 0) {
    q.store = NULL;
    q.store_error = failed.message;
  }
  int rc = command_run(&q, e);
  if (rc < 0 && !q.store && e->error_class == ETL_E_RETRYABLE) { /* why it cannot be used is the better answer */
    err_set(e, failed.error_class, "no host is running, and %s", failed.message);
    err_remedy(e, "%s", failed.remedy);
  }
  if (rc == 0)
    take_part(k, q.answer, e);
  follow_fini(&q.follow);
  store_close(q.store);
  json_decref(q.answer);
  arena_free(q.arena);
  return rc;
}

static int ask_store(const struct asking *k, const char *where, bool quiet, struct err *e) {
  const char *cmd = member_text(k->request, "cmd");
  struct conf *c;
  if (!command_of(cmd)->offline)
    return no_host(e, "", where);
  if (follows(k->request))
    return no_host(e, ", so there is nothing to wait for", where);
  if (load_pipelines(k->args, &c) < 0)
    return err_set(e, ETL_E_CONFIG, "no host is running (nobody listens at %s), and the configuration cannot be read", where);
  k->ret->from_store = true;
  int rc = run_on_store(k, c, e);
  if (rc == 0 && !quiet)
    fprintf(stderr, "etl: no host is running (nobody listens at %s)\n", where);
  conf_free(c);
  return rc;
}

/* ---- either ----------------------------------------------------------------------------------------------------------------------------------------- */

static int report(const struct err *e) {
  int status = cli_report(e);
  return e->error_class == ETL_E_UNSUPPORTED ? HOST_NOT_RUNNING : e->error_class == ETL_E_AUTH ? HOST_NO_ACCESS : status;
}

static int ask(const struct asking *k, const struct conf *c, bool quiet, struct arena *a, struct err *e) {
  const char *path = socket_path(c, a, e);
  if (!path)
    return -1;
  int fd = socket_connect(path, e);
  if (fd >= 0)
    return ask_host(k, fd, e);
  return e->error_class == ETL_E_UNSUPPORTED ? ask_store(k, path, quiet, e) : -1;
}

/* etl.conf, to find the host by: a host that runs can be asked whatever else is wrong with it by now. */
static int load_main(const struct cli_args *a, struct conf **ret) {
  struct diags d = {0};
  int status = CLI_OK;
  if (conf_load_main_for_check(cli_opt(a, "conf"), &d, ret) < 0) {
    status = check_report(&d);
  } else if (d.errors && !(*ret)->serve.control_socket && !(*ret)->state) {
    status = check_report(&d);
    conf_free(*ret);
  }
  diags_fini(&d);
  return status;
}

int host_ask(const struct cli_args *a, json_t *request, host_part_fn *part, void *arg, bool quiet, struct host_answer *ret) {
  struct conf *c = NULL;
  struct err e;
  *ret = (struct host_answer){.json = json_object()};
  int status = load_main(a, &c);
  if (status == CLI_OK) {
    const struct asking k = {.args = a, .request = request, .part = part, .arg = arg, .ret = ret};
    struct arena *arena = arena_new();
    status = ask(&k, c, quiet, arena, &e) < 0 ? report(&e) : CLI_OK;
    arena_free(arena);
    conf_free(c);
  }
  json_decref(request);
  return status;
}

/* ---- what commands share ---------------------------------------------------------------------------------------------------------------------------- */

bool host_print_json(const struct cli_args *a, const struct host_answer *h) {
  const char *output = cli_opt(a, "output");
  if (!output || strcmp(output, "json") != 0)
    return false;
  json_object_del(h->json, "done");
  json_object_set_new(h->json, "from", json_string(h->from_store ? "store" : "host"));
  json_dumpf(h->json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
  putchar('\n');
  return true;
}

int host_tell(const struct cli_args *a, json_t *request, bool quiet, void (*print)(const struct cli_args *a, const struct host_answer *h)) {
  struct host_answer h;
  int status = host_ask(a, request, NULL, NULL, quiet, &h);
  if (status == CLI_OK && !host_print_json(a, &h))
    print(a, &h);
  host_answer_fini(&h);
  return status;
}

const char *host_state_colour(const struct colours *c, const char *state) {
  const struct { const char *state, *colour; } colours[] = {{"succeeded", c->good}, {"running", c->good},   {"partial", c->warn},  {"retrying", c->warn},
                                                             {"paused", c->warn},    {"cancelled", c->warn}, {"skipped", c->dim},   {"failed", c->bad},
                                                             {"crashed", c->bad},    {"broken", c->bad},     {"disabled", c->dim}};
  for (size_t i = 0; state && i < sizeof colours / sizeof *colours; i++)
    if (strcmp(colours[i].state, state) == 0)
      return colours[i].colour;
  return "";
}

static void set_option(json_t *request, const struct cli_args *a, const struct cli_option *o) {
  const char *text = cli_opt(a, o->name);
  if (!text || strcmp(o->name, "output") == 0)
    return;
  char *key = xstrdup(o->name);
  for (char *p = key; *p; p++)
    *p = *p == '-' ? '_' : *p;
  json_object_set_new(request, key, !o->arg ? json_true() : o->number ? json_integer(strtoll(text, NULL, 10)) : json_string(text));
  free(key);
}

json_t *host_request(const struct cli_args *a, const char *cmd, const char *const *words) {
  json_t *request = json_pack("{ss}", "cmd", cmd);
  for (size_t i = 0; words && words[i] && cli_word(a, i); i++)
    json_object_set_new(request, words[i], json_string(cli_word(a, i)));
  for (const struct cli_option *o = a->command->options; o->name; o++)
    set_option(request, a, o);
  return request;
}
