/* regexes.yaml of uap-core, read event by event and compiled on the way.  Sections and keys that are not known are passed over:
 * newer files may have more of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "ua_rules.h"

enum {
  RULES_MAX = 65535
};

static const struct section {
  const char *name;
  const char *replacements[UA_PARTS];
} sections[UA_PARSERS] = {
    [UA_BROWSER] = {"user_agent_parsers", {"family_replacement", "v1_replacement", "v2_replacement", "v3_replacement"}},
    [UA_OS] = {"os_parsers",
               {"os_replacement", "os_v1_replacement", "os_v2_replacement", "os_v3_replacement", "os_v4_replacement"}},
    [UA_DEVICE] = {"device_parsers", {"device_replacement", "brand_replacement", "model_replacement"}},
};

struct load {
  const struct etl_host *h;
  struct ua_rules *r;
  yaml_parser_t parser;
  yaml_event_t event; /* in hand */
  struct found {      /* rules in the order of the file; sections may come in any */
    struct ua_rule rule;
    enum ua_parser parser;
  } * found;
  size_t found_n, found_cap;
};

static int32_t fail_at(struct load *l, size_t line, const char *why) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "regexes";
  e.remedy = "name an unchanged regexes.yaml of uap-core (Debian: package uap-core, /usr/share/uap-core/regexes.yaml)";
  return etl_failf(l->h, &e, "useragent: %s:%zu: %s", l->r->path, line, why);
}

static int32_t fail_memory(struct load *l) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  return etl_failf(l->h, &e, "useragent: no memory to load %s", l->r->path);
}

static size_t line_of(const struct load *l) { return l->event.start_mark.line + 1; }

static int32_t next(struct load *l) {
  yaml_event_delete(&l->event);
  if (yaml_parser_parse(&l->parser, &l->event))
    return ETL_OK;
  return fail_at(l, l->parser.problem_mark.line + 1, l->parser.problem ? l->parser.problem : "not readable");
}

static int32_t expect(struct load *l, yaml_event_type_t type, const char *what) {
  int32_t rc = next(l);
  return rc == ETL_OK && l->event.type != type ? fail_at(l, line_of(l), what) : rc;
}

static const char *scalar(const struct load *l) { return (const char *)l->event.data.scalar.value; }

/* Passes over the node whose first event comes next. */
static int32_t skip(struct load *l) {
  int depth = 0;
  do {
    int32_t rc = next(l);
    if (rc != ETL_OK)
      return rc;
    yaml_event_type_t t = l->event.type;
    depth += (t == YAML_MAPPING_START_EVENT || t == YAML_SEQUENCE_START_EVENT) -
             (t == YAML_MAPPING_END_EVENT || t == YAML_SEQUENCE_END_EVENT);
  } while (depth > 0);
  return ETL_OK;
}

static const char *keep_text(struct ua_rules *r, const char *text) {
  for (size_t i = r->texts_n; i-- > 0 && r->texts_n - i < 32;) /* neighbours often share one */
    if (strcmp(r->texts[i], text) == 0)
      return r->texts[i];
  if ((r->texts_n & (r->texts_n - 1)) == 0) {
    char **grown = realloc(r->texts, (r->texts_n ? r->texts_n * 2 : 1) * sizeof *grown);
    if (!grown)
      return NULL;
    r->texts = grown;
  }
  char *copy = strdup(text);
  return copy ? r->texts[r->texts_n++] = copy : NULL;
}

static int32_t compile(struct load *l, size_t line, bool caseless, struct ua_rule *rule) {
  int code;
  PCRE2_SIZE at;
  uint32_t flags = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | (caseless ? PCRE2_CASELESS : 0);
  rule->code = pcre2_compile((PCRE2_SPTR)rule->regex, PCRE2_ZERO_TERMINATED, flags, &code, &at, NULL);
  if (rule->code)
    return ETL_OK;
  char why[256], text[384];
  pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
  snprintf(text, sizeof text, "the regular expression has an error at its character %zu: %s", (size_t)at, why);
  return fail_at(l, line, text);
}

static int32_t set_key(struct load *l, const struct section *s, const char *key, struct ua_rule *rule, bool *caseless) {
  if (strcmp(key, "regex") == 0) {
    free(rule->regex);
    rule->regex = strdup(scalar(l));
    return rule->regex ? ETL_OK : fail_memory(l);
  }
  if (strcmp(key, "regex_flag") == 0)
    *caseless = strchr(scalar(l), 'i') != NULL;
  bool is_null = l->event.data.scalar.plain_implicit && (strcmp(scalar(l), "") == 0 || strcmp(scalar(l), "~") == 0);
  for (size_t i = 0; i < UA_PARTS && s->replacements[i] && !is_null; i++)
    if (strcmp(key, s->replacements[i]) == 0 && !(rule->replace[i] = keep_text(l->r, scalar(l))))
      return fail_memory(l);
  return ETL_OK;
}

static int32_t add(struct load *l, enum ua_parser parser, size_t line, const struct ua_rule *rule, bool caseless) {
  if (!rule->regex)
    return fail_at(l, line, "an entry without regex");
  if (l->found_n == RULES_MAX)
    return fail_at(l, line, "more than 65535 entries");
  if (l->found_n == l->found_cap) {
    size_t cap = l->found_cap ? l->found_cap * 2 : 256;
    struct found *grown = realloc(l->found, cap * sizeof *grown);
    if (!grown)
      return fail_memory(l);
    l->found = grown;
    l->found_cap = cap;
  }
  struct found *f = &l->found[l->found_n];
  *f = (struct found){.rule = *rule, .parser = parser};
  int32_t rc = compile(l, line, caseless, &f->rule);
  l->found_n += rc == ETL_OK;
  return rc;
}

/* One entry; the start of its mapping is in hand. */
static int32_t entry(struct load *l, enum ua_parser parser) {
  struct ua_rule rule = {0};
  char *key = NULL;
  bool caseless = false;
  size_t line = line_of(l);
  int32_t rc = l->event.type == YAML_MAPPING_START_EVENT ? next(l) : fail_at(l, line, "an entry must be a mapping with regex");
  while (rc == ETL_OK && l->event.type == YAML_SCALAR_EVENT) {
    free(key);
    key = strdup(scalar(l));
    rc = key ? expect(l, YAML_SCALAR_EVENT, "the value of a key must be text") : fail_memory(l);
    if (rc == ETL_OK)
      rc = set_key(l, &sections[parser], key, &rule, &caseless);
    if (rc == ETL_OK)
      rc = next(l);
  }
  if (rc == ETL_OK && l->event.type != YAML_MAPPING_END_EVENT)
    rc = fail_at(l, line_of(l), "a key must be text");
  if (rc == ETL_OK)
    rc = add(l, parser, line, &rule, caseless);
  if (rc != ETL_OK)
    free(rule.regex);
  free(key);
  return rc;
}

static int32_t section(struct load *l, const char *name) {
  enum ua_parser p = 0;
  while (p < UA_PARSERS && strcmp(sections[p].name, name) != 0)
    p++;
  if (p == UA_PARSERS)
    return skip(l);
  int32_t rc = expect(l, YAML_SEQUENCE_START_EVENT, "a section must be a list");
  while (rc == ETL_OK && (rc = next(l)) == ETL_OK && l->event.type != YAML_SEQUENCE_END_EVENT)
    rc = entry(l, p);
  return rc;
}

static int32_t document(struct load *l) {
  int32_t rc = expect(l, YAML_STREAM_START_EVENT, "not YAML");
  if (rc == ETL_OK)
    rc = expect(l, YAML_DOCUMENT_START_EVENT, "the file is empty");
  if (rc == ETL_OK)
    rc = expect(l, YAML_MAPPING_START_EVENT, "the file must hold user_agent_parsers, os_parsers and device_parsers");
  while (rc == ETL_OK && (rc = next(l)) == ETL_OK && l->event.type == YAML_SCALAR_EVENT) {
    char *name = strdup(scalar(l));
    rc = name ? section(l, name) : fail_memory(l);
    free(name);
  }
  return rc;
}

/* Puts the rules found behind one another, parser by parser. */
static int32_t arrange(struct load *l) {
  struct ua_rules *r = l->r;
  r->rules = calloc(l->found_n + 1, sizeof *r->rules);
  if (!r->rules)
    return fail_memory(l);
  for (enum ua_parser p = 0; p < UA_PARSERS; p++) {
    r->from[p] = r->n;
    for (size_t i = 0; i < l->found_n; i++)
      if (l->found[i].parser == p) {
        r->rules[r->n++] = l->found[i].rule;
        l->found[i].rule.code = NULL;
        l->found[i].rule.regex = NULL;
      }
    if (r->n == r->from[p]) {
      char why[96];
      snprintf(why, sizeof why, "the file has no %s", sections[p].name);
      return fail_at(l, 1, why);
    }
  }
  r->from[UA_PARSERS] = r->n;
  return ETL_OK;
}

int32_t ua_yaml_load(const struct etl_host *h, struct ua_rules *r) {
  struct load l = {.h = h, .r = r};
  FILE *f = fopen(r->path, "re");
  if (!f) {
    struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
    e.option = "regexes";
    e.vendor_code = errno;
    e.remedy = "install the package uap-core, or name a regexes.yaml that the user who runs etl can read";
    return etl_failf(h, &e, "useragent: cannot open %s: %s", r->path, strerror(errno));
  }
  if (!yaml_parser_initialize(&l.parser)) {
    fclose(f);
    return fail_memory(&l);
  }
  yaml_parser_set_input_file(&l.parser, f);
  int32_t rc = document(&l);
  if (rc == ETL_OK)
    rc = arrange(&l);
  for (size_t i = 0; i < l.found_n; i++) {
    pcre2_code_free(l.found[i].rule.code);
    free(l.found[i].rule.regex);
  }
  free(l.found);
  yaml_event_delete(&l.event);
  yaml_parser_delete(&l.parser);
  fclose(f);
  return rc;
}
