/* `etl conns`: the connections of etl.conf: what there is, whether it works, what it offers. */
#include <string.h>

#include "base/member.h"
#include "base/table.h"
#include "cli/answer.h"
#include "cli/check.h"
#include "cli/conns.h"
#include "cli/conns_text.h"
#include "cli/event_text.h"

int conns_init(struct conns *c, const struct cli_args *a, bool pipelines) {
  *c = (struct conns){.arena = arena_new(), .streams = json_array()};
  const char *path = cli_opt(a, "conf");
  int rc = pipelines ? conf_load_for_check(path, NULL, &c->d, &c->l.conf) : conf_load_main(path, &c->d, &c->l.conf);
  if (rc < 0 || !(c->l.registry = check_registry(c->l.conf, &c->d)))
    return check_report(&c->d);
  return CLI_OK;
}

void conns_fini(struct conns *c) {
  launch_fini(&c->l);
  json_decref(c->streams);
  json_decref(c->answer);
  diags_fini(&c->d);
  arena_free(c->arena);
}

/* ---- list --------------------------------------------------------------------------------------------------------------------------- */

static bool uses(const struct conf_stage *s, const char *connection) { return s->connection && strcmp(s->connection, connection) == 0; }

static json_t *users_of(const struct conf *conf, const char *connection) {
  json_t *list = json_array();
  for (size_t i = 0; i < conf->pipelines_n; i++) {
    const struct conf_pipeline *p = &conf->pipelines[i];
    bool used = uses(&p->extract, connection) || uses(&p->load, connection);
    for (size_t k = 0; k < p->transforms_n; k++)
      used |= uses(&p->transforms[k], connection);
    if (used)
      json_array_append_new(list, json_string(p->name));
  }
  return list;
}

static json_t *list_json(struct conns *c) {
  json_t *list = json_array();
  for (const char *const *name = c->l.conf->connection_names; *name; name++) {
    struct conf_stage s = {0};
    struct diags d = {0}; /* mistakes are the business of `etl check` */
    bool good = conf_connection(c->l.conf, *name, &d, &s) == 0;
    const char *where = good ? conns_where(c->arena, c->l.registry, &s) : "(see etl check)";
    json_array_append_new(list, json_pack("{s:s, s:s*, s:s, s:o}", "name", *name, "plugin", s.plugin, "where", where, "pipelines",
                                          users_of(c->l.conf, *name)));
    diags_fini(&d);
  }
  return list;
}

int cmd_conns_list(const struct cli_args *a) {
  const char *output = cli_opt(a, "output");
  struct conns c;
  int status = conns_init(&c, a, true);
  if (status == CLI_OK) {
    json_t *list = list_json(&c);
    if (output && strcmp(output, "json") == 0) {
      json_dumpf(list, stdout, JSON_INDENT(2));
      putchar('\n');
    } else {
      conns_print_list(list, c.l.conf->file, stdout);
    }
    json_decref(list);
  }
  conns_fini(&c);
  return status;
}

/* ---- asking one --------------------------------------------------------------------------------------------------------------------- */

static bool on_event(void *arg, json_t *event) {
  struct conns *c = arg;
  const char *name = member_text(event, "event");
  if (strcmp(name, "stream") == 0)
    json_array_append(c->streams, event);
  else if (strcmp(name, "answer") == 0)
    c->answer = json_incref(event);
  else
    return false;
  return true;
}

static int report_diags(struct conns *c) {
  int status = check_report(&c->d);
  diags_fini(&c->d);
  c->d = (struct diags){0};
  return status == CLI_OK ? CLI_USAGE : status;
}

int conns_ask(struct conns *c, const char *name, json_t *question) {
  struct conf_stage s;
  struct err e;
  enum etl_kind kind = ETL_KIND_EXTRACTOR;
  json_decref(c->answer);
  c->answer = NULL;
  json_array_clear(c->streams);
  spec_free(c->l.spec);
  c->l.spec = NULL;
  if (conf_connection(c->l.conf, name, &c->d, &s) < 0) {
    json_decref(question);
    return report_diags(c);
  }
  if (!registry_find(c->l.registry, kind, s.plugin, &e))
    kind = ETL_KIND_LOADER;
  json_object_set_new(question, "kind", json_string(plugin_kind_name(kind)));
  if (spec_for_connection(c->l.conf, &s, kind, c->l.registry, &e, &c->l.spec) < 0) {
    json_decref(question);
    return cli_report(&e);
  }
  c->l.spec->ask = question;
  return answer_wait(&c->l, on_event, c);
}

static int test(struct conns *c, const char *name) {
  int status = conns_ask(c, name, json_pack("{s:s}", "act", "check"));
  if (status == CLI_OK)
    printf("%s: ok, %s\n", name, words_seconds(c->arena, json_number_value(json_object_get(c->answer, "seconds"))));
  else
    printf("%s: failed\n", name);
  fflush(stdout);
  return status;
}

int cmd_conns_test(const struct cli_args *a) {
  struct conns c;
  int status = conns_init(&c, a, false), worst = CLI_OK;
  if (status != CLI_OK) {
    conns_fini(&c);
    return status;
  }
  for (size_t i = 0; cli_word(a, i); i++) {
    status = test(&c, cli_word(a, i));
    worst = status == CLI_CANCELLED || worst == CLI_CANCELLED ? CLI_CANCELLED : status != CLI_OK ? CLI_FAILED : worst;
  }
  const char *const *name = cli_word(a, 0) ? (const char *const[]){NULL} : c.l.conf->connection_names;
  if (!cli_word(a, 0) && !*name)
    printf("%s has no connections.\n", c.l.conf->file ? c.l.conf->file : "etl.conf");
  for (; *name && worst != CLI_CANCELLED; name++) {
    status = test(&c, *name);
    worst = status == CLI_CANCELLED ? status : status != CLI_OK ? CLI_FAILED : worst;
  }
  conns_fini(&c);
  return worst;
}

int cmd_conns_discover(const struct cli_args *a) {
  const char *output = cli_opt(a, "output");
  struct conns c;
  int status = conns_init(&c, a, false);
  if (status == CLI_OK)
    status = conns_ask(&c, cli_word(a, 0),
                 json_pack("{s:s, s:s*, s:b}", "act", "discover", "pattern", cli_opt(a, "pattern"), "columns", (int)cli_flag(a, "columns")));
  if (status == CLI_OK && output && strcmp(output, "json") == 0) {
    conns_dump_streams(c.streams, stdout);
  } else if (status == CLI_OK) {
    conns_print_streams(c.streams, cli_opt(a, "pattern"), cli_flag(a, "columns"), stdout);
  }
  conns_fini(&c);
  return status;
}
