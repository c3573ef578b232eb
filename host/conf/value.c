/* Conversions of settings, from one table of types. */
#include "conf/value.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/units.h"

static int take_int(const char *text, struct conf_value *v) {
  char *end;
  errno = 0;
  v->i = strtoll(text, &end, 10);
  return *text && !*end && errno == 0 && *text != ' ' ? 0 : -1;
}

static int take_float(const char *text, struct conf_value *v) {
  char *end;
  v->f = strtod(text, &end);
  return *text && !*end && isfinite(v->f) ? 0 : -1;
}

static int take_bool(const char *text, struct conf_value *v) {
  v->i = strcasecmp(text, "true") == 0;
  return v->i || strcasecmp(text, "false") == 0 ? 0 : -1;
}

static int take_duration(const char *text, struct conf_value *v) { return units_parse_duration(text, &v->i); }

static int take_size(const char *text, struct conf_value *v) { return units_parse_size(text, &v->i); }

static int take_text(const char *text, struct conf_value *v) {
  (void)text, (void)v;
  return 0;
}

struct want {
  const char *name, *example;
  int (*take)(const char *text, struct conf_value *v); /* NULL: not a scalar */
  unsigned kinds;                                      /* bits (1 << enum conf_kind) that it may be written as */
};
#define K(kind_) (1u << CONF_##kind_)
static const struct want wants[] = {
    [WANT_STRING] = {"a text", "\"some text\"", take_text, K(STRING)},
    [WANT_INT] = {"a whole number", "10", take_int, K(INT) | K(STRING)},
    [WANT_FLOAT] = {"a number", "0.5", take_float, K(INT) | K(FLOAT) | K(STRING)},
    [WANT_BOOL] = {"true or false", "true", take_bool, K(BOOL) | K(STRING)},
    [WANT_DURATION] = {"a duration", "\"10s\"", take_duration, K(INT) | K(STRING)},
    [WANT_SIZE] = {"a size", "\"16MiB\"", take_size, K(INT) | K(STRING)},
    [WANT_LIST] = {"a list of texts", "[ \"a\", \"b\" ]", NULL, K(STRING) | K(LIST)},
    [WANT_MAP] = {"a group of texts", "{ name = \"value\"; }", NULL, K(GROUP)},
    [WANT_GROUP] = {"a group", "{ name = value; }", NULL, K(GROUP)},
    [WANT_GROUPS] = {"a list of groups", "( { name = value; }, { name = value; } )", NULL, K(LIST)},
};

const char *value_want_name(enum conf_want want) { return wants[want].name; }

static const char *kind_name(enum conf_kind kind) {
  static const char *const names[] = {[CONF_STRING] = "the text",      [CONF_INT] = "the number", [CONF_FLOAT] = "the number",
                                      [CONF_BOOL] = "the truth value", [CONF_LIST] = "a list",    [CONF_GROUP] = "a group"};
  return names[kind];
}

/* What the setting is called in a message: its own name, or its list's. */
static const char *called(const struct conf_node *n) { return n->name ? n->name : "an element"; }

static int complain(const struct conf_node *n, enum conf_want want, bool hide, struct diags *d) {
  const struct want *w = &wants[want];
  bool scalar = n->kind < CONF_LIST;
  const char *quote = n->kind == CONF_STRING ? "\"" : "";
  const char *head = n->name ? n->name : "";
  char *found = !scalar             ? xstrdup(kind_name(n->kind))
                : hide || n->secret ? xasprintf("%s given here (not shown, since it may be secret)",
                                                n->kind == CONF_STRING ? "the text" : "the value")
                                    : xasprintf("%s %s%.200s%s", kind_name(n->kind), quote, n->text, quote);
  diags_add(d, DIAG_ERROR, n->origin, "'%s' wants %s, but %s is not one; write for instance: %s%s%s%s", called(n), w->name, found,
            head, *head ? " = " : "", w->example, *head ? ";" : "");
  free(found);
  return -1;
}

int value_take(const struct conf_node *n, enum conf_want want, bool hide, struct diags *d, struct conf_value *ret) {
  const struct want *w = &wants[want];
  struct conf_value v = {.str = n->text, .i = n->i, .f = n->f};
  if (n->broken)
    return -1;
  if (!(w->kinds & 1u << n->kind) || (w->take && w->take(n->text, &v) < 0))
    return complain(n, want, hide, d);
  int rc = 0;
  for (size_t i = 0; i < n->kids_n; i++) {
    const struct conf_node *k = n->kids[i];
    if ((want == WANT_LIST || want == WANT_MAP) && k->kind != CONF_STRING)
      rc = complain(k, WANT_STRING, hide, d);
    if (want == WANT_GROUPS && k->kind != CONF_GROUP)
      rc = complain(k, WANT_GROUP, hide, d);
  }
  if (rc == 0)
    *ret = v;
  return rc;
}

const char *value_print(enum conf_want want, int64_t v, struct arena *a) {
  char buf[UNITS_TEXT];
  switch (want) {
  case WANT_DURATION: return arena_strdup(a, units_print_duration(buf, v));
  case WANT_SIZE: return arena_strdup(a, units_print_size(buf, v));
  case WANT_BOOL: return v ? "true" : "false";
  default: return arena_printf(a, "%" PRId64, v);
  }
}

int value_in_range(const struct conf_node *n, enum conf_want want, int64_t v, int64_t min, int64_t max, struct diags *d) {
  if (v >= min && v <= max)
    return 0;
  struct arena *a = arena_new();
  if (max == INT64_MAX)
    diags_add(d, DIAG_ERROR, n->origin, "'%s' must be at least %s, and %s is less", called(n), value_print(want, min, a),
              value_print(want, v, a));
  else
    diags_add(d, DIAG_ERROR, n->origin, "'%s' must be %s to %s, and %s is not", called(n), value_print(want, min, a),
              value_print(want, max, a), value_print(want, v, a));
  arena_free(a);
  return -1;
}
