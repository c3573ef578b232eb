/* Cases about options: the table itself, and open() with values at its edges. */
#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#include "kit/cases.h"

static void check_docs(struct kit *k, const struct etl_option *const *options, const char *of) {
  for (; options && *options; options++) {
    const struct etl_option *o = *options;
    size_t n = o->doc ? strlen(o->doc) : 0;
    kit_must(k, n && strchr(".:;", o->doc[n - 1]), "struct etl_option: doc: one sentence", "option %s%s has no sentence that says what it is for", of, o->name);
    kit_must(k, !(o->flags & ETL_OPT_REQUIRED) || !o->dflt, "ETL_OPT_REQUIRED", "option %s%s is required and has a default", of, o->name);
    kit_must(k, !(o->flags & ETL_OPT_REQUIRED && o->flags & ETL_OPT_DEPRECATED), "ETL_OPT_DEPRECATED", "option %s%s is required and deprecated", of, o->name);
    kit_must(k, !o->replaced_by || o->flags & ETL_OPT_DEPRECATED, "struct etl_option: replaced_by: for ETL_OPT_DEPRECATED",
             "option %s%s is replaced and not deprecated", of, o->name);
    kit_must(k, (o->flags & ~63u) == 0, "enum etl_option_flags", "option %s%s has the flags %#x", of, o->name, o->flags);
    if (o->type == ETL_T_GROUPS)
      check_docs(k, o->members, arena_printf(k->arena, "%s%s.", of, o->name));
  }
}

void case_options(struct kit *k) {
  struct err e;
  kit_must(k, options_check(k->c->options, &e) == 0, "struct etl_option", "%s", e.message);
  check_docs(k, k->c->options, "");
}

/* The connector takes it or says what is wrong with it; both are fine, crashing is not. */
static void try_value(struct kit *k, const struct etl_option *o, const char *text) {
  const struct bound_options *b = kit_options(k, o->name, text, false);
  struct kit_instance i;
  if (!b)
    return; /* the host refuses it already */
  snprintf(k->doing, KIT_DOING_ROOM, "open() with %s = %.60s", o->name, text);
  if (kit_try_open(k, &i, b, (struct kit_where){0}) == ETL_OK) {
    kit_close(&i);
    return;
  }
  uint32_t class = i.host.err.error_class;
  kit_must(k, class != ETL_E_INTERNAL && class != ETL_E_INDOUBT && class != ETL_E_FENCED, "enum etl_error_class: ETL_E_CONFIG: wrong options",
           "open() with %s = %.60s fails with the class %s: %s", o->name, text, err_class_name(class), i.host.err.message);
}

static void try_texts(struct kit *k, const struct etl_option *o) {
  static const char *const odd[] = {"", " ", "x", "%s%n%d", "'\"`;--", "naïve 漢字", "a.b.c", "../../..", "\x01", "-1", "99999999999999999999"};
  char *longest = arena_alloc(k->arena, 70000);
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    try_value(k, o, o->type == ETL_T_URL ? arena_printf(k->arena, "http://%s", odd[i]) : odd[i]);
  memset(longest, 'x', 69999);
  if (o->type == ETL_T_URL)
    memcpy(longest, "http://", 7);
  try_value(k, o, longest);
}

static void try_number(struct kit *k, const struct etl_option *o, int64_t v) {
  const char *unit = o->type == ETL_T_DURATION && v ? "ns" : "";
  try_value(k, o, arena_printf(k->arena, "%" PRId64 "%s", v, unit));
}

void case_option_limits(struct kit *k) {
  for (const struct etl_option *const *p = k->c->options; p && *p; p++) {
    const struct etl_option *o = *p;
    bool limited = o->min < o->max;
    switch (o->type) {
    case ETL_T_INT:
    case ETL_T_DURATION:
    case ETL_T_SIZE:
    case ETL_T_FLOAT:
      try_number(k, o, limited ? o->min : o->type == ETL_T_INT ? INT64_MIN : 0);
      try_number(k, o, limited ? o->max : INT64_MAX);
      try_number(k, o, limited && o->min > 1 ? o->min : 1);
      break;
    case ETL_T_BOOL:
      try_value(k, o, "true");
      try_value(k, o, "false");
      break;
    case ETL_T_ENUM:
      for (const char *const *c = o->choices; *c; c++)
        try_value(k, o, *c);
      break;
    case ETL_T_MAP:
    case ETL_T_GROUPS: break;
    default: try_texts(k, o);
    }
  }
}
