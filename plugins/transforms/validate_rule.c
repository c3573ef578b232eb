/* A rule: read from its options, bound to a column, asked about a value.  A NULL is asked about not_null alone. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cast.h"
#include "csv.h"
#include "names.h"
#include "validate.h"

enum {
  REFERENCE_MAX_BYTES = 1 << 30,
  WINDOW_MAX_BYTES = 256 << 20,
  MATCH_STEPS = 100000,     /* a pattern that runs away fails its row */
  MATCH_STEPS_PER_BYTE = 8, /* more for a long text */
  MATCH_KIB = 512 << 10
};

void rule_fini(struct rule *r) {
  free(r->name);
  free(r->column);
  free(r->min);
  free(r->max);
  free(r->reference);
  pcre2_code_free(r->regex);
  pcre2_match_data_free(r->match);
  pcre2_match_context_free(r->limits);
  keymap_free(r->allowed);
  keymap_free(r->known);
  keymap_free(r->recent);
  keymap_free(r->older);
  row_key_fini(&r->key);
}

static char *copy(const struct etl_group *g, unsigned i) {
  const char *text = etl_group_str(g, i);
  return text ? strdup(text) : NULL;
}

/* "Known country" is counted as validate_known_country_failed. */
static void metric_name(struct rule *r) {
  size_t n = (size_t)snprintf(r->metric, sizeof r->metric, "validate_%.64s_failed", r->name);
  for (size_t i = 0; i < n && r->metric[i]; i++) {
    char c = (char)tolower((unsigned char)r->metric[i]);
    r->metric[i] = (char)((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? c : '_');
  }
}

static int32_t open_regex(struct rule *r, const struct etl_host *h, const char *pattern) {
  int error;
  PCRE2_SIZE at;
  PCRE2_UCHAR text[256];
  r->regex = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &error, &at, NULL);
  if (!r->regex) {
    pcre2_get_error_message(error, text, sizeof text);
    return etl_failf(h, &ETL_ERROR(ETL_E_CONFIG, .option = "rules", .remedy = "correct the expression"),
                     "validate: rule %s: regex: %s at character %zu of %s", r->name, (const char *)text, (size_t)at, pattern);
  }
  pcre2_jit_compile(r->regex, PCRE2_JIT_COMPLETE); /* without a JIT it is only slower */
  r->match = pcre2_match_data_create(1, NULL);
  r->limits = pcre2_match_context_create(NULL);
  if (r->limits)
    pcre2_set_heap_limit(r->limits, MATCH_KIB);
  return r->match && r->limits ? ETL_OK : transformer_no_memory(h, "validate");
}

static int32_t read_reference(struct rule *r, const struct etl_host *h, const char *column, struct csv *c) {
  int rc = csv_next(c);
  int64_t at = rc == 1 ? csv_find(c, column) : -1;
  bool fresh;
  if (rc >= 0 && at < 0)
    return etl_failf(h, &ETL_ERROR(ETL_E_CONFIG, .option = "rules", .remedy = "name one with reference_column"),
                     "validate: rule %s: the first line of %s has no column \"%s\"", r->name, r->reference, column);
  while (rc == 1 && (rc = csv_next(c)) == 1)
    if ((uint64_t)at < c->fields_n && c->fields[at].p && keymap_add(r->known, c->fields[at], &fresh) < 0)
      return transformer_no_memory(h, "validate");
  return rc == 0 ? ETL_OK
                 : etl_failf(h, &ETL_ERROR(ETL_E_CONFIG, .option = "rules", .remedy = "correct the file"),
                             "validate: rule %s: %s, line %lld: %s", r->name, r->reference, (long long)c->line, c->why);
}

static int32_t open_reference(struct rule *r, const struct etl_host *h, const char *column) {
  struct csv c;
  if (!(r->known = keymap_new()))
    return transformer_no_memory(h, "validate");
  if (csv_open(&c, r->reference, ',', REFERENCE_MAX_BYTES) < 0)
    return etl_failf(h, &ETL_ERROR(ETL_E_CONFIG, .option = "rules", .remedy = "name a CSV file of at most 1 GiB that can be read"),
                     "validate: rule %s: reference %s: %s", r->name, r->reference, strerror(errno));
  int32_t rc = read_reference(r, h, column ? column : r->column, &c);
  csv_close(&c);
  return rc;
}

static int32_t open_list(struct rule *r, const struct etl_host *h, const struct etl_value *list) {
  bool fresh;
  if (!(r->allowed = keymap_new()))
    return transformer_no_memory(h, "validate");
  for (uint64_t i = 0; i < list->list_n; i++)
    if (keymap_add(r->allowed, list->list[i], &fresh) < 0)
      return transformer_no_memory(h, "validate");
  return ETL_OK;
}

int32_t rule_open(const struct etl_host *h, const struct etl_group *g, struct rule *r) {
  *r = (struct rule){.not_null = etl_group_int(g, RULE_NOT_NULL),
                     .unique = etl_group_int(g, RULE_UNIQUE),
                     .unique_rows = (size_t)etl_group_int(g, RULE_UNIQUE_ROWS),
                     .action = (enum action)etl_group_int(g, RULE_ACTION),
                     .length_min = etl_group_set(g, RULE_LENGTH_MIN) ? etl_group_int(g, RULE_LENGTH_MIN) : -1,
                     .length_max = etl_group_set(g, RULE_LENGTH_MAX) ? etl_group_int(g, RULE_LENGTH_MAX) : -1};
  r->column = copy(g, RULE_COLUMN);
  r->name = copy(g, etl_group_set(g, RULE_NAME) ? RULE_NAME : RULE_COLUMN);
  r->min = copy(g, RULE_MIN);
  r->max = copy(g, RULE_MAX);
  r->reference = copy(g, RULE_REFERENCE);
  bool lengths = r->length_min >= 0 || r->length_max >= 0, listed = etl_group_set(g, RULE_IN);
  if (!r->column || !r->name || (r->unique && (!(r->recent = keymap_new()) || !(r->older = keymap_new()))))
    return transformer_no_memory(h, "validate");
  metric_name(r);
  if (!r->not_null && !r->min && !r->max && !lengths && !etl_group_str(g, RULE_REGEX) && !listed && !r->reference && !r->unique)
    return etl_failf(h, &ETL_ERROR(ETL_E_CONFIG, .option = "rules",
                                   .remedy = "add not_null, min, max, length_min, length_max, regex, in, reference or unique"),
                     "validate: rule %s: it asks for nothing (%s)", r->name, g->origin);
  int32_t rc = ETL_OK;
  if (etl_group_str(g, RULE_REGEX))
    rc = open_regex(r, h, etl_group_str(g, RULE_REGEX));
  if (rc == ETL_OK && r->reference)
    rc = open_reference(r, h, etl_group_str(g, RULE_REFERENCE_COLUMN));
  if (rc == ETL_OK && listed)
    rc = open_list(r, h, g->values[RULE_IN]);
  return rc;
}

/* ---- binding ---------------------------------------------------------------------------------------------------------------- */

/* number / 10^from at scale `to`: to the whole number above for a lower bound, below for an upper one. */
static bool rescale(__int128 number, int32_t from, int32_t to, bool lower, __int128 *ret) {
  bool rest = false, negative = number < 0;
  for (; from > to; from--) {
    rest |= number % 10 != 0;
    number /= 10;
  }
  number += rest && lower && !negative;
  number -= rest && !lower && negative;
  return value_rescale(number, from, to, ret);
}

static const char *bind_time(struct value *v, int64_t per_second, bool lower, struct bound *b) {
  int64_t micros = v->t;
  if (per_second >= 1000000) {
    b->number = (__int128)micros * (per_second / 1000000);
    return NULL;
  }
  int64_t unit = 1000000 / per_second, below = micros / unit - (micros % unit < 0);
  b->number = lower && below * unit != micros ? below + 1 : below;
  return NULL;
}

/* NULL, or why the text is no bound of the column. */
static const char *bind_bound(const struct etl_format *f, const char *text, bool lower, struct bound *b) {
  struct etl_bytes bytes = {text, strlen(text)};
  struct value v;
  const char *why = NULL;
  b->set = true;
  b->text = bytes;
  switch (f->logical) {
  case ETL_L_INT:
  case ETL_L_UINT:
  case ETL_L_DECIMAL:
    why = value_scan_number(bytes, &v);
    b->number = why ? 0 : v.number;
    if (!why && !rescale(v.number, v.scale, f->logical == ETL_L_DECIMAL ? f->scale : 0, lower, &b->number))
      why = "a number of more digits than the column can have";
    return why;
  case ETL_L_FLOAT:
    why = value_scan_float(bytes, &v);
    b->f = why ? 0 : v.f;
    return why;
  case ETL_L_DATE:
    why = value_scan_date(bytes, &v);
    b->number = why ? 0 : v.t;
    return why;
  case ETL_L_TIMESTAMP: why = value_scan_stamp(bytes, &v); return why ? why : bind_time(&v, f->per_second, lower, b);
  case ETL_L_STRING: return NULL;
  default: return "a bound, which there is for numbers, dates, time stamps and text only";
  }
}

int32_t rule_bind(struct rule *r, const struct etl_host *h, const struct etl_stream *in) {
  struct etl_format f;
  r->at = etl_schema_find(in->schema, r->column);
  if (r->at < 0)
    return names_missing(h, in, "validate", "rules", r->column);
  const struct ArrowSchema *c = in->schema->children[r->at];
  if (etl_format_parse(c, &f) < 0)
    return etl_failf(h, &ETL_ERROR(ETL_E_SCHEMA, .option = "rules", .remedy = "check another column"),
                     "validate: rule %s: values of column \"%s\" cannot be checked: its type %s is nested or unknown", r->name, c->name, c->format);
  bool lengths = r->length_min >= 0 || r->length_max >= 0;
  if ((r->regex && f.logical != ETL_L_STRING) || (lengths && f.logical != ETL_L_STRING && f.logical != ETL_L_BINARY))
    return etl_failf(h, &ETL_ERROR(ETL_E_SCHEMA, .option = "rules",
                                   .remedy = "cast the column to text before this stage, with the transformer columns"),
                     "validate: rule %s: %s is for text, and column \"%s\" is of type %s", r->name, r->regex ? "regex" : "a length", c->name,
                     cast_name_of(&f));
  r->low = r->high = (struct bound){0};
  const char *why = r->min ? bind_bound(&f, r->min, true, &r->low) : NULL;
  const char *text = why ? r->min : r->max;
  if (!why && r->max)
    why = bind_bound(&f, r->max, false, &r->high);
  if (why)
    return etl_failf(h, &ETL_ERROR(ETL_E_SCHEMA, .option = "rules", .remedy = "write the bound as a value of the column's type"),
                     "validate: rule %s: \"%s\" is %s (column \"%s\" is of type %s)", r->name, text, why, c->name, cast_name_of(&f));
  return ETL_OK;
}

/* ---- checking --------------------------------------------------------------------------------------------------------------- */

static int compare_text(struct etl_bytes a, struct etl_bytes b) {
  uint64_t n = a.n < b.n ? a.n : b.n;
  int c = n ? memcmp(a.p, b.p, n) : 0;
  return c ? c : (a.n > b.n) - (a.n < b.n);
}

static bool outside(const struct rule *r, const struct value *x, struct etl_bytes text) {
  switch (x->kind) {
  case VALUE_NUMBER: return (r->low.set && x->number < r->low.number) || (r->high.set && x->number > r->high.number);
  case VALUE_FLOAT: return (r->low.set && !(x->f >= r->low.f)) || (r->high.set && !(x->f <= r->high.f));
  case VALUE_DATE:
  case VALUE_STAMP: return (r->low.set && x->t < r->low.number) || (r->high.set && x->t > r->high.number);
  default: return (r->low.set && compare_text(text, r->low.text) < 0) || (r->high.set && compare_text(text, r->high.text) > 0);
  }
}

static int64_t length_of(const struct value *x, struct etl_bytes text) {
  int64_t n = 0;
  if (x->kind == VALUE_BYTES)
    return (int64_t)text.n;
  for (uint64_t i = 0; i < text.n; i++)
    n += (((const uint8_t *)text.p)[i] & 0xc0) != 0x80;
  return n;
}

/* Two generations: the older one is forgotten when the newer one is full. */
static int seen(struct rule *r, const struct etl_view *v, int64_t row) {
  struct etl_bytes key;
  bool null, fresh;
  if (row_key_of(&r->key, v, 1, row, &key, &null) < 0)
    return -1;
  if (keymap_find(r->older, key) >= 0)
    return 1;
  if (keymap_add(r->recent, key, &fresh) < 0)
    return -1;
  if (keymap_count(r->recent) >= r->unique_rows || keymap_size_bytes(r->recent) > WINDOW_MAX_BYTES) {
    struct keymap *swap = r->older;
    r->older = r->recent;
    r->recent = swap;
    keymap_clear(r->recent);
  }
  return !fresh;
}

static int broken(char *why, const char *text) {
  snprintf(why, 256, "%s", text);
  return 1;
}

/* When the compiled code runs out of its small stack, the interpreter, which takes it from the heap, is asked. */
static int check_regex(const struct rule *r, struct etl_bytes text, char why[256]) {
  PCRE2_UCHAR message[160];
  pcre2_set_match_limit(r->limits, MATCH_STEPS + (uint32_t)(text.n < UINT32_MAX / 16 ? text.n : UINT32_MAX / 16) * MATCH_STEPS_PER_BYTE);
  int rc = pcre2_match(r->regex, text.p, text.n, 0, 0, r->match, r->limits);
  if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
    rc = pcre2_match(r->regex, text.p, text.n, 0, PCRE2_NO_JIT, r->match, r->limits);
  if (rc >= 0)
    return 0;
  if (rc == PCRE2_ERROR_NOMATCH)
    return broken(why, "does not match the expression");
  pcre2_get_error_message(rc, message, sizeof message);
  snprintf(why, 256, "cannot be matched: %s", (const char *)message);
  return 1;
}

int rule_check(struct rule *r, const struct etl_view *v, int64_t row, char why[256]) {
  char buf[VALUE_TEXT_BYTES];
  if (etl_view_null(v, row))
    return r->not_null ? broken(why, "is NULL") : 0;
  struct value x = value_load(v, row);
  bool as_text = r->allowed || r->known || x.b.p;
  struct etl_bytes text = as_text ? value_text(&x, buf) : (struct etl_bytes){0};
  if ((r->low.set || r->high.set) && outside(r, &x, text)) {
    snprintf(why, 256, "is not %s%.64s%s%s%.64s", r->min ? "at least " : "", r->min ? r->min : "", r->min && r->max ? " and " : "",
             r->max ? "at most " : "", r->max ? r->max : "");
    return 1;
  }
  if (r->length_min >= 0 || r->length_max >= 0) {
    int64_t n = length_of(&x, text);
    if (n < r->length_min || (r->length_max >= 0 && n > r->length_max)) {
      snprintf(why, 256, "has a length of %lld", (long long)n);
      return 1;
    }
  }
  if (r->regex && check_regex(r, text, why))
    return 1;
  if (r->allowed && keymap_find(r->allowed, text) < 0)
    return broken(why, "is none of the values allowed");
  if (r->known && keymap_find(r->known, text) < 0) {
    snprintf(why, 256, "is not in %.200s", r->reference);
    return 1;
  }
  int twice = r->unique ? seen(r, v, row) : 0;
  return twice == 1 ? broken(why, "came before") : twice;
}
