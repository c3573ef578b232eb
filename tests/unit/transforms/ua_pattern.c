/* Literals of regular expressions: small ones by eye; then all of uap-core's against what PCRE2 says about real agents. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <criterion/criterion.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <yaml.h>

#include "ua_pattern.h"
#include "ua_scan.h"

/* The set as "a|b|c" in its order, "-" for unknown. */
static void literals(const char *regex, const char *want) {
  char got[512] = "";
  struct ua_arena *a = ua_arena_new();
  const struct ua_literals *set = ua_pattern_literals(a, regex);
  for (size_t i = 0; set && i < set->n; i++)
    snprintf(got + strlen(got), sizeof got - strlen(got), "%s%.*s", i ? "|" : "", (int)set->v[i].n, set->v[i].p);
  cr_assert_str_eq(set ? got : "-", want, "%s", regex);
  ua_arena_free(a);
}

Test(ua_pattern, literals) {
  literals("Firefox", "firefox");
  literals("(Firefox)/(\\d+)\\.(\\d+)", "firefox/");
  literals("(GeoHttp|Curlie) x", "geohttp x|curlie x");
  literals("[Bb]ai[Dd]uspider", "baiduspider");
  literals("colou?rful", "colourful|colorful");
  literals("abc.*defgh", "defgh");
  literals("(?:kilo){2,3}", "kilo");
  literals("(?:kilo){1}gram", "kilogram");
  literals("x{0,2}zebra", "zebra");
  literals("^a\\.b\\/c$", "a.b/c");
  literals("kiwi(?=berry)s", "kiwis");
  literals("(?:abc|x*)", "-");
  literals("abcd|", "-");
  literals("\\d+", "-");
  literals(".", "-");
  literals("a", "-");
  literals("(?i)abcd", "-");
  literals("\\x41bcd", "-");
  literals("abcd(", "-");
  literals("abcd)", "-");
  literals("[abcd", "-");
  literals("abcd\\", "-");
  literals("abcd{", "abcd{");
  literals("zulu{2}k", "zul");
  literals("[^q]uebec", "uebec");
  literals("quebec[]x]", "quebec]|quebecx");
  literals("[a-c]quebec", "aquebec|bquebec|cquebec");
  literals("", "-");
}

/* Texts of a key anywhere in a YAML file. */
static size_t texts_of(const char *path, const char *key, char **ret, size_t max) {
  yaml_parser_t p;
  yaml_event_t e;
  size_t n = 0;
  bool next = false;
  FILE *f = fopen(path, "re");
  cr_assert_not_null(f, "%s is missing: install uap-core", path);
  yaml_parser_initialize(&p);
  yaml_parser_set_input_file(&p, f);
  for (bool end = false; !end && n < max;) {
    cr_assert(yaml_parser_parse(&p, &e));
    end = e.type == YAML_STREAM_END_EVENT;
    if (e.type == YAML_SCALAR_EVENT) {
      if (next)
        ret[n++] = strdup((const char *)e.data.scalar.value);
      next = !next && strcmp((const char *)e.data.scalar.value, key) == 0;
    }
    yaml_event_delete(&e);
  }
  yaml_parser_delete(&p);
  fclose(f);
  return n;
}

/* No expression that matches may be left out, case-sensitive or not. */
Test(ua_pattern, never_leaves_out_a_match) {
  enum {
    REGEXES = 2000,
    AGENTS = 20000,
    EVERY = 23
  };
  static char *regexes[REGEXES], *agents[AGENTS];
  size_t n = texts_of("/usr/share/uap-core/regexes.yaml", "regex", regexes, REGEXES), unknown = 0, matches = 0, tried = 0;
  size_t agents_n = texts_of("/usr/share/uap-core/tests/test_ua.yaml", "user_agent_string", agents, AGENTS);
  agents_n += texts_of("/usr/share/uap-core/tests/test_device.yaml", "user_agent_string", agents + agents_n, AGENTS - agents_n);
  cr_assert(n > 1000 && agents_n > 10000);
  struct ua_arena *arena = ua_arena_new();
  struct ua_scan *scan = ua_scan_new();
  static bool always[REGEXES];
  static pcre2_code *codes[REGEXES];
  for (size_t i = 0; i < n; i++) {
    int error;
    PCRE2_SIZE at;
    const struct ua_literals *set = ua_pattern_literals(arena, regexes[i]);
    always[i] = !set;
    unknown += !set;
    for (size_t k = 0; set && k < set->n; k++)
      cr_assert_eq(ua_scan_add(scan, set->v[k].p, set->v[k].n, (uint32_t)i), 0);
    codes[i] = pcre2_compile((PCRE2_SPTR)regexes[i], PCRE2_ZERO_TERMINATED, PCRE2_CASELESS, &error, &at, NULL);
    cr_assert_not_null(codes[i]);
    pcre2_jit_compile(codes[i], PCRE2_JIT_COMPLETE);
  }
  ua_arena_free(arena);
  cr_assert_eq(ua_scan_finish(scan), 0);
  cr_assert(unknown < n / 20, "%zu of %zu expressions have no literals: of little use", unknown, n);
  void *seen = malloc(ua_scan_seen_bytes(scan));
  pcre2_match_data *data = pcre2_match_data_create(10, NULL);
  for (size_t a = 0; a < agents_n; a += EVERY) {
    uint64_t bits[REGEXES / 64 + 1] = {0};
    size_t len = strlen(agents[a]);
    ua_scan_text(scan, agents[a], len, bits, seen);
    for (size_t i = 0; i < n; i++) {
      bool worth = always[i] || (bits[i >> 6] >> (i & 63) & 1);
      bool match = pcre2_match(codes[i], (PCRE2_SPTR)agents[a], len, 0, 0, data, NULL) >= 0;
      cr_assert(worth || !match, "'%s' matches '%s' but would not be tried", regexes[i], agents[a]);
      matches += match;
      tried += worth;
    }
  }
  cr_assert(matches > 1000);
  cr_assert(tried < agents_n / EVERY * n / 10, "too many expressions are tried: %zu", tried);
  for (size_t i = 0; i < n; i++) {
    pcre2_code_free(codes[i]);
    free(regexes[i]);
  }
  for (size_t i = 0; i < agents_n; i++)
    free(agents[i]);
  pcre2_match_data_free(data);
  ua_scan_free(scan);
  free(seen);
}
