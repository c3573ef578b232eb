/* Reading settings by table. */
#include "conf/keys.h"

#include <stdio.h>
#include <string.h>

const struct conf_node *conf_node_find(const struct conf_node *group, const char *name) {
  for (size_t i = 0; group && i < group->kids_n; i++)
    if (group->kids[i]->name && strcmp(group->kids[i]->name, name) == 0)
      return group->kids[i];
  return NULL;
}

static const struct conf_key *key_of(const struct conf_key *keys, const char *name) {
  for (; keys->name; keys++)
    if (strcmp(keys->name, name) == 0)
      return keys;
  return NULL;
}

static void complain_unknown(const struct conf_key *keys, const struct conf_node *n, const char *where, struct diags *d) {
  const char *names[64];
  size_t count = 0, at = 0;
  char all[512];
  for (; keys->name && count + 1 < sizeof names / sizeof *names; keys++) {
    names[count++] = keys->name;
    int len = snprintf(all + at, sizeof all - at, "%s%s", at ? ", " : "", keys->name);
    at = at + (size_t)len < sizeof all ? at + (size_t)len : sizeof all - 1;
  }
  names[count] = NULL;
  const char *near = diag_nearest(n->name, names);
  if (near)
    diags_add(d, DIAG_ERROR, n->origin, "unknown setting '%s' in %s; did you mean '%s'?", n->name, where, near);
  else
    diags_add(d, DIAG_ERROR, n->origin, "unknown setting '%s' in %s; there are: %s", n->name, where, all);
}

static void put(const struct conf_key *k, const struct conf_node *n, const struct conf_value *v, char *to) {
  switch (k->want) {
  case WANT_STRING: *(const char **)(void *)to = v->str; break;
  case WANT_INT:
  case WANT_DURATION:
  case WANT_SIZE: *(int64_t *)(void *)to = v->i; break;
  case WANT_FLOAT: *(double *)(void *)to = v->f; break;
  case WANT_BOOL: *(bool *)to = v->i != 0; break;
  default: *(const struct conf_node **)(void *)to = n;
  }
}

const char *keys_choices(const struct conf_key *k, struct arena *a) {
  const char *all = k->choices[0];
  for (size_t i = 1; k->choices[i]; i++)
    all = arena_printf(a, "%s%s%s", all, k->choices[i + 1] ? ", " : " or ", k->choices[i]);
  return all;
}

static int take_choice(const struct conf_key *k, const struct conf_node *n, struct arena *a, struct diags *d, int64_t *ret) {
  for (int64_t i = 0; k->choices[i]; i++)
    if (strcmp(k->choices[i], n->text) == 0) {
      *ret = i;
      return 0;
    }
  const char *near = diag_nearest(n->text, k->choices);
  diags_add(d, DIAG_ERROR, n->origin, "'%s' cannot be \"%.100s\"; %s%s%s %s", k->name, n->secret ? "..." : n->text,
            near ? "did you mean \"" : "write", near ? near : "", near ? "\"? There are:" : "", keys_choices(k, a));
  return -1;
}

static int read_one(const struct conf_key *k, const struct conf_node *n, char *to, struct arena *a, struct diags *d) {
  struct conf_value v;
  struct err e;
  if (value_take(n, k->want, k->secret, d, &v) < 0)
    return -1;
  if (k->min < k->max && value_in_range(n, k->want, v.i, k->min, k->max, d) < 0)
    return -1;
  if (k->check && k->check(v.str, &e) < 0) {
    diags_add(d, DIAG_ERROR, n->origin, "%s%s%s", e.message, e.remedy[0] ? "; " : "", e.remedy);
    return -1;
  }
  if (k->choices)
    return take_choice(k, n, a, d, (int64_t *)(void *)to);
  put(k, n, &v, to);
  return 0;
}

static int read_key(const struct conf_key *k, const struct conf_node *group, const char *where, char *base, struct arena *a,
                    struct diags *d) {
  const struct conf_node *n = conf_node_find(group, k->name);
  if (k->members) {
    struct conf_value v;
    if (n && value_take(n, k->want, false, d, &v) < 0)
      return -1;
    return keys_read(k->members, n, arena_printf(a, "'%s'", k->name), KEYS_CLOSED, base, a, d);
  }
  if (!n && k->required) {
    diags_add(d, DIAG_ERROR, group ? group->origin : NULL, "'%s' is missing in %s: %s", k->name, where, k->doc);
    return -1;
  }
  if (!n && !k->dflt)
    return 0;
  const struct conf_node dflt = {.kind = CONF_STRING, .name = k->name, .text = k->dflt}; /* of a scalar: only its text is kept */
  return read_one(k, n ? n : &dflt, base + k->offset, a, d);
}

int keys_read(const struct conf_key *keys, const struct conf_node *group, const char *where, enum keys_mode mode, void *base,
              struct arena *a, struct diags *d) {
  int rc = 0;
  for (size_t i = 0; mode == KEYS_CLOSED && group && i < group->kids_n; i++)
    if (!key_of(keys, group->kids[i]->name)) {
      complain_unknown(keys, group->kids[i], where, d);
      rc = -1;
    }
  for (const struct conf_key *k = keys; k->name; k++)
    if (read_key(k, group, where, base, a, d) < 0)
      rc = -1;
  return rc;
}
