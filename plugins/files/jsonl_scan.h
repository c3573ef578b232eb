/* jsonl_scan.h: one JSON object into its members.  Values stay as they are written: strings without their quotes, still escaped, lists and
 * objects as a whole, checked.  One thread at a time. */
#ifndef FILES_JSONL_SCAN_H
#define FILES_JSONL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum json_kind {
  JSON_KIND_NULL,
  JSON_KIND_BOOL,
  JSON_KIND_NUMBER,
  JSON_KIND_STRING,
  JSON_KIND_NESTED
};
struct json_member {
  const char *key, *p;
  uint32_t key_n, n;
  enum json_kind kind;
  bool escaped, key_escaped;
};
struct json_scan {
  struct json_member *members;
  size_t n, cap;
  const char *bad; /* why it is no object; constant text */
};
/* 0; 1: bad; -1: no memory. */
int json_scan(struct json_scan *j, const char *p, const char *end);
void json_scan_fini(struct json_scan *j);
bool json_is_value(const char *p, const char *end); /* one value, and nothing else but white space */
/* A string's text without escapes, into to[n]: its length, or -1 if an escape stands for no character. */
int64_t json_unescape(const char *p, size_t n, char *to);

#endif
