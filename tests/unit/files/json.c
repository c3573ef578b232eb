/* The JSON scanner against jansson, over random damage to good lines. */
#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "jsonl_scan.h"

static uint64_t next_random(uint64_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state;
}

Test(json_scan, takes_what_jansson_takes) {
  static const char *const lines[] = {"{\"a\": 1, \"b\": [1, {\"c\": null}, []], \"d\": {\"e\": \"x\\n\\u00e4\"}}", "{}",
                                      "{\"a\":-0.5e+10,\"b\":true,\"c\":false}", "{\"k\": \"\\\"quoted\\\\\", \"l\": {}}",
                                      " {\"a\" : [ [ [ ] ] , { } ] } "};
  static const char damage[] = "{}[],:\"\\ 0123.eE+-tfnaxu";
  uint64_t seed = 424242424242u, good = 0, bad = 0;
  struct json_scan j = {0};
  for (int round = 0; round < 200000; round++) {
    char text[256];
    size_t n = (size_t)snprintf(text, sizeof text, "%s", lines[next_random(&seed) % 5]);
    for (uint64_t k = next_random(&seed) % 3; k > 0; k--) {
      size_t at = next_random(&seed) % (n + 1);
      switch (next_random(&seed) % 3) {
      case 0: text[at < n ? at : 0] = damage[next_random(&seed) % (sizeof damage - 1)]; break;
      case 1:
        memmove(text + at, text + at + (at < n), n - at);
        n -= at < n;
        break;
      default:
        memmove(text + at + 1, text + at, n - at);
        text[at] = damage[next_random(&seed) % (sizeof damage - 1)];
        n++;
      }
    }
    json_error_t why;
    json_t *want = json_loadb(text, n, JSON_ALLOW_NUL, &why);
    int rc = json_scan(&j, text, text + n);
    bool object = json_is_object(want);
    /* jansson also refuses numbers that are too large and escapes that are no text; those are found later here */
    bool later = !want && (json_error_code(&why) == json_error_numeric_overflow || strstr(why.text, "nicode") || strstr(why.text, "escape"));
    if (object || !later)
      cr_assert_eq(rc == 0, object, "%.*s: %s", (int)n, text, object ? j.bad : why.text);
    good += object;
    bad += !object;
    json_decref(want);
  }
  json_scan_fini(&j);
  cr_assert(good > 10000 && bad > 10000);
}

Test(json_scan, members) {
  struct json_scan j = {0};
  const char *line = "{\"a\":\"x\\ty\",\"b\":12.50,\"c\":[1, \"]\"],\"d\":null,\"\\u0065\":true}";
  cr_assert_eq(json_scan(&j, line, line + strlen(line)), 0);
  cr_assert_eq(j.n, 5);
  cr_assert(j.members[0].kind == JSON_KIND_STRING && j.members[0].escaped && j.members[0].n == 4);
  cr_assert(j.members[1].kind == JSON_KIND_NUMBER && strncmp(j.members[1].p, "12.50", 5) == 0 && j.members[1].n == 5);
  cr_assert(j.members[2].kind == JSON_KIND_NESTED && strncmp(j.members[2].p, "[1, \"]\"]", 8) == 0 && j.members[2].n == 8);
  cr_assert(j.members[3].kind == JSON_KIND_NULL && j.members[4].kind == JSON_KIND_BOOL && j.members[4].key_escaped);
  json_scan_fini(&j);
}

Test(json_scan, depth_is_bounded) {
  static char deep[100001];
  struct json_scan j = {0};
  memset(deep, '[', sizeof deep - 1);
  memcpy(deep, "{\"a\":", 5);
  cr_assert_eq(json_scan(&j, deep, deep + sizeof deep - 1), 1);
  json_scan_fini(&j);
}

Test(json_unescape, characters) {
  char to[64];
  int64_t n = json_unescape("\\u00e4\\ud83d\\ude00\\n\\/\\\"", 24, to);
  cr_assert(n == 9 && memcmp(to, "\u00e4\U0001F600\n/\"", 9) == 0, "%ld", (long)n);
  static const char *const bad[] = {"\\ud800", "\\udc00", "\\ud83d\\u0041", "\\x", "\\u12", "\\u12g4", "\\"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    cr_assert_eq(json_unescape(bad[i], strlen(bad[i]), to), -1, "%s", bad[i]);
}
