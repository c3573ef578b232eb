/* Options as JSON, kept and compared.  An option that only one side knows is no change: connectors grow. */
#include "engine/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/text.h"
#include "engine/control.h"
#include "engine/outside.h"

enum {
  TEXT_MAX = 4096, /* of a value; a longer one goes in by its beginning and a number made of it */
  BEGINNING = 100,
  SHOWN_MAX = 200 /* of a value in a message */
};

/* ---- values ----------------------------------------------------------------------------------------------------------------------- */

/* FNV-1a: it only has to tell a change. */
static uint64_t number_of(const char *text) {
  uint64_t h = 0xcbf29ce484222325u;
  for (; *text; text++)
    h = (h ^ (unsigned char)*text) * 0x100000001b3u;
  return h;
}

static json_t *text_json(const char *text) { return text ? json_string(text) : json_null(); }

static bool holds_secret(const struct conf_node *n) {
  bool secret = n && n->secret;
  for (size_t i = 0; n && i < n->kids_n; i++)
    secret |= holds_secret(n->kids[i]);
  return secret;
}

static json_t *value_json(const struct etl_option *o, const struct etl_value *v);

static json_t *group_json(const struct etl_option *o, const struct etl_group *g) {
  json_t *j = json_object();
  for (uint64_t i = 0; i < g->values_n; i++)
    if (!(o->members[i]->flags & ETL_OPT_SECRET))
      json_object_set_new(j, o->members[i]->name, value_json(o->members[i], g->values[i]));
  return j;
}

static json_t *value_json(const struct etl_option *o, const struct etl_value *v) {
  if (o->type != ETL_T_LIST && o->type != ETL_T_MAP && o->type != ETL_T_GROUPS)
    return text_json(v->str);
  json_t *list = json_array();
  for (uint64_t i = 0; i < v->list_n; i++)
    json_array_append_new(list, text_json(v->list[i].p));
  for (uint64_t i = 0; i < v->groups_n; i++)
    json_array_append_new(list, group_json(o, v->groups[i]));
  return list;
}

/* A note has its limits: a long value goes in by its beginning and a number. */
static json_t *shortened(json_t *v) {
  char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
  if (text && strlen(text) > TEXT_MAX) {
    json_decref(v);
    v = json_sprintf("%.*s... (%zu bytes, %016llx)", (int)text_within(text, BEGINNING), text, strlen(text), (unsigned long long)number_of(text));
  }
  free(text);
  return v;
}

static json_t *options_json(const struct part *p, const struct conf_stage *conf) {
  json_t *j = json_object();
  for (uint64_t i = 0; i < p->options.n; i++) {
    const struct etl_option *o = p->conn->options[i];
    if ((o->flags & ETL_OPT_IDENTITY) && !(o->flags & ETL_OPT_SECRET) && !holds_secret(conf_node_find(conf->options, o->name)))
      json_object_set_new(j, o->name, shortened(value_json(o, p->options.values[i])));
  }
  return j;
}

json_t *identity_of(const struct run *r) {
  return json_pack("{s:o, s:o}", "extract", options_json(&r->extract, &r->spec->extract.conf), "load",
                   options_json(&r->load, &r->spec->load.conf));
}

/* ---- notes ------------------------------------------------------------------------------------------------------------------------ */

char *identity_note(const struct lane *l, const char *done) {
  json_t *j = json_object();
  if (l->run->identity)
    json_object_update(j, l->run->identity);
  if (done)
    json_object_set_new(j, "done", json_string(done));
  char *text = json_dumps(j, JSON_COMPACT | JSON_SORT_KEYS);
  json_decref(j);
  return text;
}

const char *identity_done(const char *note, struct arena *a) {
  json_t *j = note ? json_loads(note, 0, NULL) : NULL;
  const char *done = arena_strdup(a, member_text(j, "done"));
  json_decref(j);
  return done;
}

/* ---- comparing -------------------------------------------------------------------------------------------------------------------- */

static void show(const json_t *v, char text[SHOWN_MAX + 8]) {
  char *whole = json_is_null(v) ? NULL : json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);
  int n = whole ? (int)text_within(whole, SHOWN_MAX) : 0;
  snprintf(text, SHOWN_MAX + 8, "%.*s%s", whole ? n : SHOWN_MAX, whole ? whole : "not set", whole && whole[n] ? "..." : "");
  free(whole);
}

static int refuse(const struct lane *l, const char *stage, const char *option, const json_t *old, const json_t *new, struct err *e) {
  char was[SHOWN_MAX + 8], is[SHOWN_MAX + 8];
  show(old, was);
  show(new, is);
  err_set(e, ETL_E_CONFIG, "%s of %s was %s when the saved position of %s was made, and now it is %s", option, stage, was, l->name, is);
  snprintf(e->option, sizeof e->option, "%s", option);
  return err_remedy(e, "run with --full-refresh to load everything anew; or, if the position still holds, once with --accept-change");
}

int identity_check(const struct lane *l, struct err *e) {
  static const char *const stages[] = {"extract", "load"};
  json_t *note = l->note ? json_loads(l->note, 0, NULL) : NULL, *new;
  const char *option;
  int rc = 0;
  if (l->stream_flags & ETL_STREAM_WHOLE) /* no position is gone on from */
    rc = 1;
  for (size_t i = 0; rc == 0 && i < sizeof stages / sizeof *stages; i++)
    json_object_foreach(json_object_get(l->run->identity, stages[i]), option, new) {
      const json_t *old = json_object_get(json_object_get(note, stages[i]), option);
      if (rc == 0 && old && !json_equal(old, new))
        rc = refuse(l, stages[i], option, old, new, e);
    }
  json_decref(note);
  return rc < 0 ? -1 : 0;
}

static int accept(struct run *r) {
  struct control_commit c = {0};
  for (size_t i = 0; i < r->lanes_n; i++) {
    struct lane *l = &r->lanes[i];
    if (l->at.epoch == 0)
      continue;
    char *note = identity_note(l, identity_done(l->note, r->arena));
    control_add(&c, r, l, l->at.cursor, l->finished ? ETL_CURSOR_FINISHED : 0, arena_strdup(r->arena, note));
    free(note);
  }
  if (control_commit(&c, r, "accept") < 0)
    return -1;
  for (size_t i = 0; c.n && i < r->lanes_n; i++)
    r->lanes[i].at.epoch += r->lanes[i].at.epoch > 0;
  return 0;
}

int identity_settle(struct run *r) {
  struct err e;
  bool stores = run_stores_cursors(r) && !r->spec->dry_run;
  if (r->spec->accept_change)
    return stores ? accept(r) : 0;
  for (size_t i = 0; i < r->lanes_n; i++)
    if (identity_check(&r->lanes[i], &e) < 0)
      return run_fail(r, &e, NULL);
  return 0;
}
