/* Targets of `notify`: read by their tables, and as JSON.  Their variables are looked up here, since only who delivers needs them: `etl run`
 * of somebody who may not read the password of the mail server works as ever. */
#include "conf/notify.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/text.h"
#include "conf/expand.h"
#include "conf/notify_check.h"
#include "conf/tables.h"

enum {
  MAX_TARGETS = 64
};

static const char *const event_names[NOTIFY_EVENTS + 1] = {
    [NOTIFY_FAILURE] = "failure", [NOTIFY_PARTIAL] = "partial", [NOTIFY_RECOVERY] = "recovery", [NOTIFY_BREAKER] = "breaker",
    [NOTIFY_MISSED] = "missed",   [NOTIFY_HOST] = "host",       [NOTIFY_TEST] = "test",
};
static const char *const tls_names[] = {[NOTIFY_TLS_REQUIRED] = "required", [NOTIFY_TLS_IF_OFFERED] = "if_offered", [NOTIFY_TLS_NONE] = "none"};

static const struct kind {
  const char *name, *where;
  const struct conf_key *keys;
} kinds[] = {
    {"mail", "a target of kind \"mail\"", notify_mail_keys},
    {"webhook", "a target of kind \"webhook\"", notify_webhook_keys},
    {"command", "a target of kind \"command\"", notify_command_keys},
    {0},
};

const char *notify_event_name(enum notify_event event) { return event < NOTIFY_EVENTS ? event_names[event] : "unknown"; }

bool conf_notify_takes(const struct conf_notify *t, enum notify_event event, const char *pipeline) {
  if (event == NOTIFY_TEST)
    return true;
  bool wanted = false;
  for (const char *const *p = t->pipelines; pipeline && *p; p++)
    wanted |= fnmatch(*p, pipeline, 0) == 0;
  return (t->events >> event & 1) && (wanted || !pipeline);
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------------ */

static const char *const *texts_of(const struct conf_node *n, struct arena *a) {
  size_t many = !n ? 0 : n->kind == CONF_LIST ? n->kids_n : 1;
  const char **list = arena_alloc(a, (many + 1) * sizeof *list);
  for (size_t i = 0; i < many; i++)
    list[i] = n->kind == CONF_LIST ? n->kids[i]->text : n->text;
  return list;
}

static int check_each(const struct conf_node *n, int (*check)(const char *, struct err *), struct arena *a, struct diags *d) {
  struct err e;
  int rc = 0;
  for (const char *const *t = texts_of(n, a); *t; t++)
    if (check(*t, &e) < 0) {
      diags_add(d, DIAG_ERROR, n->origin, "%s; %s", e.message, e.remedy);
      rc = -1;
    }
  return rc;
}

static int read_events(const struct conf_node *on, struct arena *a, struct diags *d, unsigned *ret) {
  const char *names[NOTIFY_EVENTS + 1] = {0}; /* "all" where "test" is, which is not asked for here */
  memcpy(names, event_names, NOTIFY_TEST * sizeof *names);
  names[NOTIFY_TEST] = "all";
  *ret = on ? 0 : (1u << NOTIFY_EVENTS) - 1;
  int rc = 0;
  for (const char *const *t = texts_of(on, a); *t; t++) {
    unsigned i = 0;
    while (names[i] && strcmp(names[i], *t) != 0)
      i++;
    const char *near = names[i] ? NULL : diag_nearest(*t, names);
    if (names[i])
      *ret |= i == NOTIFY_TEST ? (1u << NOTIFY_EVENTS) - 1 : 1u << i;
    else if (near)
      diags_add(d, DIAG_ERROR, on->origin, "nothing is called \"%.40s\" that 'on' could name; did you mean \"%s\"?", *t, near);
    else
      diags_add(d, DIAG_ERROR, on->origin,
                "nothing is called \"%.40s\" that 'on' could name; there are: failure, partial, recovery, breaker, missed, host, all", *t);
    rc = names[i] ? rc : -1;
  }
  return rc;
}

static int not_empty(const struct conf_node *n, struct diags *d) {
  if (!n || n->kind != CONF_LIST || n->kids_n > 0)
    return 0;
  diags_add(d, DIAG_ERROR, n->origin, "'%s' is empty; write at least one, or leave the whole target away", n->name);
  return -1;
}

/* What no single setting can say. */
static int check_together(const struct conf_notify *t, const struct conf_node *group, struct diags *d) {
  if (!t->user != !t->password) {
    diags_add(d, DIAG_ERROR, group->origin, "'%s' is given without '%s'; a login needs both", t->user ? "user" : "password",
              t->user ? "password" : "user");
    return -1;
  }
  if (t->user && t->tls != NOTIFY_TLS_REQUIRED && strncmp(t->server, "smtp://", 7) == 0)
    diags_add(d, DIAG_WARNING, group->origin, "the password may cross the network in clear; write tls = \"required\"");
  if (t->secret && strlen(t->secret) < 16)
    diags_add(d, DIAG_WARNING, group->origin, "'secret' is short enough to be guessed; take 32 random letters or more");
  json_t *j = conf_notify_to_json(t);
  if (!j)
    diags_add(d, DIAG_ERROR, group->origin, "a text of this target is not UTF-8; write it as UTF-8, or as base64 where it is a secret");
  json_decref(j);
  return j ? 0 : -1;
}

/* Settings of the target's kind beside those of all. */
static const struct conf_key *keys_of(const struct kind *k, struct arena *a) {
  size_t common = 0, own = 0;
  while (notify_keys[common].name)
    common++;
  while (k->keys[own].name)
    own++;
  struct conf_key *all = arena_alloc(a, (common + own + 1) * sizeof *all);
  memcpy(all, notify_keys, common * sizeof *all);
  memcpy(all + common, k->keys, own * sizeof *all);
  return all;
}

static const struct kind *kind_of(const struct conf_node *group, struct arena *a, struct diags *d) {
  struct notify_settings s = {0};
  const struct conf_key only_kind[] = {notify_keys[0], {0}};
  if (keys_read(only_kind, group, "a target of notify", KEYS_OPEN, &s, a, d) < 0)
    return NULL;
  const struct kind *k = kinds;
  while (strcmp(k->name, s.t.kind) != 0)
    k++;
  return k;
}

static int read_one(const struct conf_node *group, struct arena *a, struct diags *d, struct conf_notify *ret) {
  struct notify_settings s = {0};
  size_t errors = d->errors;
  const struct kind *k = kind_of(group, a, d);
  if (!k || keys_read(keys_of(k, a), group, k->where, KEYS_CLOSED, &s, a, d) < 0)
    return -1;
  struct conf_notify *t = &s.t;
  t->origin = group->origin;
  read_events(s.on, a, d, &t->events);
  t->pipelines = s.pipelines ? texts_of(s.pipelines, a) : (const char *const *)arena_memdup(a, (const char *[]){"*", NULL}, 2 * sizeof(char *));
  t->to = texts_of(s.to, a);
  t->headers = texts_of(s.headers, a);
  t->command = texts_of(s.command, a);
  check_each(s.to, notify_check_address, a, d);
  check_each(s.headers, notify_check_header, a, d);
  const struct conf_node *lists[] = {s.on, s.pipelines, s.to, s.command};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    not_empty(lists[i], d);
  for (unsigned i = 0; s.tls && i < sizeof tls_names / sizeof *tls_names; i++)
    if (strcmp(s.tls, tls_names[i]) == 0)
      t->tls = (enum notify_tls)i;
  if (t->ca_file)
    t->ca_file = text_join(a, group->base_dir, t->ca_file);
  if (s.command && t->command[0] && strchr(t->command[0], '/'))
    ((const char **)(void *)t->command)[0] = text_join(a, group->base_dir, t->command[0]);
  check_together(t, group, d);
  if (d->errors > errors)
    return -1;
  *ret = *t;
  return 0;
}

static const struct conf_notify *find(const struct conf_notify *list, size_t n, const char *name) {
  for (size_t i = 0; i < n; i++)
    if (strcmp(list[i].name, name) == 0)
      return &list[i];
  return NULL;
}

static void name_it(struct conf_notify *t, const struct conf_notify *others, size_t n, struct arena *a, struct diags *d) {
  const struct conf_notify *same = t->name ? find(others, n, t->name) : NULL;
  if (same)
    diags_add(d, DIAG_ERROR, t->origin, "there are two targets of notify with the name \"%s\", the other one at %s; choose another name", t->name,
              same->origin);
  for (unsigned i = 1; !t->name; i++) {
    const char *name = i == 1 ? t->kind : arena_printf(a, "%s%u", t->kind, i);
    t->name = find(others, n, name) ? NULL : name;
  }
}

void notify_read(const struct conf_node *list, struct arena *a, struct diags *d, const struct conf_notify **ret, size_t *ret_n) {
  size_t many = list && list->kind == CONF_LIST ? list->kids_n : 0, n = 0;
  struct conf_notify *all = arena_alloc(a, (many + 1) * sizeof *all);
  if (many > MAX_TARGETS)
    diags_add(d, DIAG_ERROR, list->origin, "'notify' has %zu targets, and %d is the most; let one of them pass messages on", many, MAX_TARGETS);
  for (size_t i = 0; i < many && many <= MAX_TARGETS; i++) {
    expand_node(list->kids[i], a, d);
    if (read_one(list->kids[i], a, d, &all[n]) < 0)
      continue;
    name_it(&all[n], all, n, a, d);
    n++;
  }
  *ret = all;
  *ret_n = n;
}

/* ---- as JSON ------------------------------------------------------------------------------------------------------------------------ */

/* NULL: not UTF-8. */
static json_t *list_to_json(const char *const *list) {
  json_t *j = json_array();
  bool good = true;
  for (; list && *list; list++)
    good &= json_array_append_new(j, json_string(*list)) == 0;
  if (good)
    return j;
  json_decref(j);
  return NULL;
}

static const char *const *list_from_json(const json_t *j, struct arena *a) {
  const char **list = arena_alloc(a, (json_array_size(j) + 1) * sizeof *list);
  for (size_t i = 0, n = 0; i < json_array_size(j); i++)
    if (json_is_string(json_array_get(j, i)))
      list[n++] = arena_strdup(a, json_string_value(json_array_get(j, i)));
  return list;
}

/* One row a member; the lists are beside it. */
static const struct {
  const char *name;
  size_t at;
} text_members[] = {{"name", offsetof(struct conf_notify, name)},     {"kind", offsetof(struct conf_notify, kind)},
                    {"origin", offsetof(struct conf_notify, origin)}, {"server", offsetof(struct conf_notify, server)},
                    {"from", offsetof(struct conf_notify, from)},     {"user", offsetof(struct conf_notify, user)},
                    {"url", offsetof(struct conf_notify, url)},       {"password", offsetof(struct conf_notify, password)},
                    {"secret", offsetof(struct conf_notify, secret)}, {"ca_file", offsetof(struct conf_notify, ca_file)}},
  list_members[] = {{"pipelines", offsetof(struct conf_notify, pipelines)},
                    {"to", offsetof(struct conf_notify, to)},
                    {"headers", offsetof(struct conf_notify, headers)},
                    {"command", offsetof(struct conf_notify, command)}},
  number_members[] = {{"max_messages", offsetof(struct conf_notify, max_messages)}, {"period_ns", offsetof(struct conf_notify, period_ns)},
                      {"timeout_ns", offsetof(struct conf_notify, timeout_ns)},     {"retries", offsetof(struct conf_notify, retries)},
                      {"retry_delay_ns", offsetof(struct conf_notify, retry_delay_ns)}, {"log_lines", offsetof(struct conf_notify, log_lines)}};
#define EACH(members_) (size_t i = 0; i < sizeof members_ / sizeof *members_; i++)

json_t *conf_notify_to_json(const struct conf_notify *t) {
  json_t *j = json_pack("{sI, si}", "events", (json_int_t)t->events, "tls", (int)t->tls);
  const char *from = (const char *)t;
  bool good = true;
  for EACH(text_members) {
    const char *text = *(const char *const *)(const void *)(from + text_members[i].at);
    good &= !text || json_object_set_new(j, text_members[i].name, json_string(text)) == 0;
  }
  for EACH(list_members)
    good &= json_object_set_new(j, list_members[i].name, list_to_json(*(const char *const *const *)(const void *)(from + list_members[i].at))) == 0;
  for EACH(number_members)
    json_object_set_new(j, number_members[i].name, json_integer(*(const int64_t *)(const void *)(from + number_members[i].at)));
  if (good)
    return j;
  json_decref(j);
  return NULL;
}

int conf_notify_from_json(const json_t *j, struct arena *a, struct conf_notify *ret) {
  struct conf_notify t = {0};
  char *to = (char *)&t;
  for EACH(text_members)
    *(const char **)(void *)(to + text_members[i].at) = arena_strdup(a, member_text(j, text_members[i].name));
  for EACH(list_members)
    *(const char *const **)(void *)(to + list_members[i].at) = list_from_json(json_object_get(j, list_members[i].name), a);
  for EACH(number_members)
    *(int64_t *)(void *)(to + number_members[i].at) = member_number(j, number_members[i].name);
  t.events = (unsigned)member_number(j, "events");
  t.tls = (enum notify_tls)member_number(j, "tls");
  if (!t.name || !t.kind || (unsigned)t.tls > NOTIFY_TLS_NONE)
    return -1;
  *ret = t;
  return 0;
}
