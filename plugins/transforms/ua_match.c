/* Parsing an agent after the specification of uap-core: the first rule of a parser that matches decides; $1 to $9 in its
 * replacements stand for its groups; without a replacement the groups themselves are the values; blanks around a value are taken
 * away; nothing found is "Other".
 *
 * A rule is tried only when the agent has one of its literals (ua_scan).  Matching is bounded: an agent made to burn CPU gets "no
 * match" from the rule concerned. */
#include <stdlib.h>

#include "ua_match.h"

enum {
  MATCH_LIMIT = 200000, /* steps; what the tests of uap-core need is a few thousand */
  DEPTH_LIMIT = 10000,
  HEAP_LIMIT_KIB = 1024,
  JIT_STACK_START = 32 * 1024,
  JIT_STACK_MAX = 256 * 1024,
  GROUPS = 10,
};

struct ua_matcher {
  struct ua_rules *rules;
  pcre2_match_data *data;
  pcre2_match_context *context;
  pcre2_jit_stack *stack;
  uint64_t *worth; /* bits: rules worth trying on this agent */
  void *seen;
  char *agent;
  size_t agent_n, agent_max;
};

struct ua_matcher *ua_matcher_new(struct ua_rules *rules, size_t max_agent) {
  struct ua_matcher *m = calloc(1, sizeof *m);
  if (!m)
    return NULL;
  m->rules = rules;
  m->agent_max = max_agent;
  m->data = pcre2_match_data_create(GROUPS, NULL);
  m->context = pcre2_match_context_create(NULL);
  m->stack = pcre2_jit_stack_create(JIT_STACK_START, JIT_STACK_MAX, NULL); /* NULL where there is no JIT */
  m->worth = calloc(ua_rules_words(rules), sizeof *m->worth);
  m->seen = calloc(1, ua_scan_seen_bytes(rules->scan));
  m->agent = malloc(max_agent + 1);
  if (!m->data || !m->context || !m->worth || !m->seen || !m->agent) {
    ua_matcher_free(m);
    return NULL;
  }
  pcre2_set_match_limit(m->context, MATCH_LIMIT);
  pcre2_set_depth_limit(m->context, DEPTH_LIMIT);
  pcre2_set_heap_limit(m->context, HEAP_LIMIT_KIB);
  if (m->stack)
    pcre2_jit_stack_assign(m->context, NULL, m->stack);
  return m;
}

void ua_matcher_free(struct ua_matcher *m) {
  if (!m)
    return;
  pcre2_match_data_free(m->data);
  pcre2_match_context_free(m->context);
  pcre2_jit_stack_free(m->stack);
  free(m->worth);
  free(m->seen);
  free(m->agent);
  free(m);
}

/* Length of the valid UTF-8 character at p, 0 if there is none within n bytes. */
static size_t utf8_length(const unsigned char *p, size_t n) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  size_t len = p[0] < 0x80 ? 1 : p[0] >= 0xc2 && p[0] < 0xe0 ? 2 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : 0;
  if (len <= 1 || len > n)
    return len > n ? 0 : len;
  uint32_t c = p[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++) {
    if ((p[i] & 0xc0) != 0x80)
      return 0;
    c = c << 6 | (p[i] & 0x3fu);
  }
  return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : len;
}

void ua_matcher_agent(struct ua_matcher *m, struct etl_bytes agent) {
  const unsigned char *p = agent.p;
  size_t n = 0, i = 0;
  while (i < agent.n && n < m->agent_max) {
    size_t len = utf8_length(p + i, agent.n - i);
    if (n + len > m->agent_max)
      break;
    if (len <= 1)
      m->agent[n] = len ? (char)p[i] : '?';
    else
      memcpy(m->agent + n, p + i, len);
    n += len ? len : 1;
    i += len ? len : 1;
  }
  m->agent_n = n;
  memcpy(m->worth, m->rules->always, ua_rules_words(m->rules) * sizeof *m->worth);
  ua_scan_text(m->rules->scan, m->agent, n, m->worth, m->seen);
}

static void add_bytes(struct ua_value *v, const char *p, size_t n) {
  if (v->n + n > sizeof v->p) {
    n = sizeof v->p - v->n;
    while (n && ((unsigned char)p[n] & 0xc0) == 0x80) /* not in the middle of a character */
      n--;
  }
  memcpy(v->p + v->n, p, n);
  v->n += (uint32_t)n;
}

static void add_group(const struct ua_matcher *m, int groups, unsigned i, struct ua_value *v) {
  const PCRE2_SIZE *o = pcre2_get_ovector_pointer(m->data);
  if ((int)i < groups && o[2 * i] != PCRE2_UNSET)
    add_bytes(v, m->agent + o[2 * i], o[2 * i + 1] - o[2 * i]);
}

static bool blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

static void trim(struct ua_value *v) {
  uint32_t from = 0;
  while (v->n && blank(v->p[v->n - 1]))
    v->n--;
  while (from < v->n && blank(v->p[from]))
    from++;
  v->n -= from;
  memmove(v->p, v->p + from, v->n);
}

static void set_value(const struct ua_matcher *m, int groups, const char *replace, unsigned group, struct ua_value *v) {
  v->n = 0;
  if (!replace && group)
    add_group(m, groups, group, v);
  for (const char *p = replace; p && *p;) {
    if (p[0] == '$' && p[1] >= '1' && p[1] <= '9') {
      add_group(m, groups, (unsigned)(p[1] - '0'), v);
      p += 2;
    } else {
      size_t n = 1 + strcspn(p + 1, "$");
      add_bytes(v, p, n);
      p += n;
    }
  }
  trim(v);
}

static void set_values(const struct ua_matcher *m, enum ua_parser parser, const struct ua_rule *rule, int groups,
                       struct ua_value values[UA_PARTS]) {
  static const unsigned char group[UA_PARSERS][UA_PARTS] = {/* that stands in for a missing replacement; 0 none */
                                                            [UA_BROWSER] = {1, 2, 3, 4, 0},
                                                            [UA_OS] = {1, 2, 3, 4, 5},
                                                            [UA_DEVICE] = {1, 0, 1, 0, 0}};
  for (unsigned i = 0; i < UA_PARTS; i++)
    set_value(m, groups, rule->replace[i], group[parser][i], &values[i]);
}

unsigned ua_matcher_parse(struct ua_matcher *m, enum ua_parser parser, struct ua_value values[UA_PARTS]) {
  struct ua_rules *r = m->rules;
  unsigned over = 0;
  bool matched = false;
  for (size_t i = r->from[parser]; i < r->from[parser + 1] && !matched; i++) {
    uint64_t word = m->worth[i >> 6] >> (i & 63);
    if (!word) {
      i |= 63;
      continue;
    }
    i += (size_t)__builtin_ctzll(word);
    if (i >= r->from[parser + 1])
      break;
    int rc =
        pcre2_match(ua_rule_code(r, &r->rules[i]), (PCRE2_SPTR)m->agent, m->agent_n, 0, PCRE2_NO_UTF_CHECK, m->data, m->context);
    matched = rc >= 0;
    if (matched)
      set_values(m, parser, &r->rules[i], rc ? rc : GROUPS, values);
    over += rc < 0 && rc != PCRE2_ERROR_NOMATCH;
  }
  for (unsigned i = 0; !matched && i < UA_PARTS; i++)
    values[i].n = 0;
  if (values[0].n == 0)
    add_bytes(&values[0], "Other", 5);
  return over;
}
