/* What is said of what. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "serve/notice.h"

static json_t *message(const struct notice *n, int64_t lines) {
  json_t *j = notice_to_json(n, lines), *m = message_of_one(j, "id1", "host1", 1700000000ll * 1000000000);
  json_decref(j);
  return m;
}

static void expect_subject(struct notice n, const char *subject) {
  json_t *m = message(&n, 0);
  cr_expect_str_eq(json_string_value(json_object_get(m, "subject")), subject);
  json_decref(m);
}

static bool text_has(const json_t *m, const char *part) { return strstr(json_string_value(json_object_get(m, "text")), part) != NULL; }

Test(message, subjects) {
  expect_subject((struct notice){.event = NOTIFY_FAILURE, .pipeline = "p", .message = "why"}, "[etl] p failed: why");
  expect_subject((struct notice){.event = NOTIFY_FAILURE, .pipeline = "p", .state = "crashed", .shard = "s"}, "[etl] p (shard s) crashed");
  expect_subject((struct notice){.event = NOTIFY_PARTIAL, .pipeline = "p"}, "[etl] p was loaded in part");
  expect_subject((struct notice){.event = NOTIFY_RECOVERY, .pipeline = "p"}, "[etl] p works again");
  expect_subject((struct notice){.event = NOTIFY_BREAKER, .pipeline = "p", .state = "open"}, "[etl] p is paused by its circuit breaker");
  expect_subject((struct notice){.event = NOTIFY_BREAKER, .pipeline = "p", .state = "half_open"}, "[etl] p is tried once by its circuit breaker");
  expect_subject((struct notice){.event = NOTIFY_BREAKER, .pipeline = "p", .state = "closed"}, "[etl] p is released by its circuit breaker");
  expect_subject((struct notice){.event = NOTIFY_MISSED, .pipeline = "p", .message = "02:00"}, "[etl] p missed its time: 02:00");
  expect_subject((struct notice){.event = NOTIFY_HOST, .message = "no room"}, "[etl] the host needs attention: no room");
}

Test(message, only_what_is_known) {
  const struct notice n = {.event = NOTIFY_FAILURE, .pipeline = "p"};
  json_t *m = message(&n, 10);
  cr_expect_str_eq(json_string_value(json_object_get(m, "text")), "p failed.\n\nPipeline    p\n\nTo look further, on host1:\n  etl logs p\n  etl history p\n");
  cr_expect_null(json_object_get(m, "rows"));
  cr_expect_null(json_object_get(m, "error"));
  cr_expect_str_eq(json_string_value(json_object_get(m, "sent_at")), "2023-11-14T22:13:20Z");
  json_decref(m);
}

Test(message, where_to_look) {
  const struct notice n = {.event = NOTIFY_PARTIAL, .pipeline = "p", .run = "r"};
  json_t *m = message(&n, 0);
  cr_expect(text_has(m, "  etl info r\n  etl logs p\n  etl quarantine list p\n"));
  json_decref(m);
}

Test(message, the_last_lines) {
  const char *lines[] = {"one\n", "two\r\n", "three"};
  const struct notice n = {.event = NOTIFY_FAILURE, .run = "r", .lines = lines, .lines_n = 3};
  json_t *m = message(&n, 2);
  cr_expect(text_has(m, "The end of its log:\n  two\n  three\n"));
  cr_expect_not(text_has(m, "one"));
  json_decref(m);
  m = message(&n, 0);
  cr_expect_not(text_has(m, "three"));
  json_decref(m);
}

Test(message, no_letter_is_cut_and_no_byte_is_wrong) {
  char text[4001];
  for (size_t i = 0; i < 1000; i++)
    memcpy(text + 4 * i, "\xf0\x9f\x9a\x80", 4);
  text[4000] = 0;
  const char *lines[] = {text + 1, "\xff\xfe\x1b[0m"};
  const struct notice n = {.event = NOTIFY_FAILURE, .pipeline = text + 2, .message = text, .lines = lines, .lines_n = 2};
  json_t *m = message(&n, 9), *log = json_object_get(m, "log");
  cr_assert_not_null(json_object_get(m, "subject"));
  cr_expect_eq(strlen(json_string_value(json_object_get(m, "message"))), 2003);
  cr_expect_str_eq(json_string_value(json_array_get(log, 1)), "?? [0m");
  char *dumped = json_dumps(m, 0);
  cr_expect_not_null(dumped, "all is UTF-8");
  free(dumped);
  json_decref(m);
}

Test(message, many) {
  const struct notice a = {.event = NOTIFY_FAILURE, .pipeline = "p", .run = "r1", .message = "m1", .at_ns = 1700000000ll * 1000000000};
  json_t *one = notice_to_json(&a, 0), *list = json_pack("[o]", one), *counts = json_pack("{s{si}, s{si, si}}", "", "host", 1, "p", "failure", 1, "recovery", 2);
  json_t *m = message_of_many(list, counts, 4, "id", "host1", 1699999000ll * 1000000000, 1700000001ll * 1000000000);
  cr_expect_str_eq(json_string_value(json_object_get(m, "subject")), "[etl] 4 notices held back: 1 notice of the host, 1 failure, 2 recoveries");
  cr_expect_str_eq(json_string_value(json_object_get(m, "event")), "digest");
  cr_expect(text_has(m, "4 notices of host1 came since 2023-11-14T21:56:40Z"));
  cr_expect(text_has(m, "\np: 1 failure, 2 recoveries\n"));
  cr_expect(text_has(m, "  2023-11-14T22:13:20Z  p failed: m1  etl info r1\n"));
  json_decref(m);
  json_decref(list);
  json_decref(counts);
}
