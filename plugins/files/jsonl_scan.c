/* JSON by RFC 8259. */
#include "jsonl_scan.h"

#include <stdlib.h>
#include <string.h>

enum {
  DEPTH_MOST = 200
};

static const char *skip_space(const char *p, const char *end) {
  while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n'))
    p++;
  return p;
}

/* p is behind the opening quote.  The closing one; NULL: there is none, or a control character is in between. */
static const char *skip_string(const char *p, const char *end, bool *ret_escaped) {
  for (*ret_escaped = false; p < end && *p != '"'; p++) {
    if ((unsigned char)*p < 32)
      return NULL;
    if (*p == '\\') {
      *ret_escaped = true;
      if (++p == end)
        return NULL;
    }
  }
  return p < end ? p : NULL;
}

static const char *skip_digits(const char *p, const char *end) {
  const char *from = p;
  while (p < end && *p >= '0' && *p <= '9')
    p++;
  return p > from ? p : NULL;
}

static const char *skip_number(const char *p, const char *end) {
  if (p < end && *p == '-')
    p++;
  bool zero = p < end && *p == '0';
  const char *whole = p;
  p = skip_digits(p, end);
  if (!p || (zero && p > whole + 1))
    return NULL;
  if (p < end && *p == '.' && !(p = skip_digits(p + 1, end)))
    return NULL;
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (p < end && (*p == '+' || *p == '-'))
      p++;
    p = skip_digits(p, end);
  }
  return p;
}

static const char *skip_word(const char *p, const char *end, const char *word) {
  size_t n = strlen(word);
  return (size_t)(end - p) >= n && memcmp(p, word, n) == 0 ? p + n : NULL;
}

/* Behind a value that is no list or object; NULL: it is none. */
static const char *skip_scalar(const char *p, const char *end, enum json_kind *ret, bool *ret_escaped) {
  *ret_escaped = false;
  switch (p < end ? *p : 0) {
  case '"': *ret = JSON_KIND_STRING; p = skip_string(p + 1, end, ret_escaped); return p ? p + 1 : NULL;
  case 't': *ret = JSON_KIND_BOOL; return skip_word(p, end, "true");
  case 'f': *ret = JSON_KIND_BOOL; return skip_word(p, end, "false");
  case 'n': *ret = JSON_KIND_NULL; return skip_word(p, end, "null");
  default: *ret = JSON_KIND_NUMBER; return skip_number(p, end);
  }
}

/* Behind the key and its colon. */
static const char *skip_key(const char *p, const char *end) {
  bool escaped;
  p = skip_space(p, end);
  if (p == end || *p != '"' || !(p = skip_string(p + 1, end, &escaped)))
    return NULL;
  p = skip_space(p + 1, end);
  return p < end && *p == ':' ? p + 1 : NULL;
}

/* Behind a list or object that begins at p, without recursion. */
static const char *skip_nested(const char *p, const char *end) {
  char open[DEPTH_MOST];
  size_t depth = 0;
  enum json_kind kind;
  bool escaped;
  for (;;) {
    p = skip_space(p, end); /* a value begins here */
    if (p < end && (*p == '[' || *p == '{')) {
      if (depth == DEPTH_MOST)
        return NULL;
      open[depth++] = *p;
      const char *first = skip_space(p + 1, end);
      if (first < end && *first == open[depth - 1] + 2) { /* "]" and "}" are two behind "[" and "{" */
        p = first + 1;
        depth--;
      } else {
        p = *p == '{' ? skip_key(first, end) : first;
        if (!p)
          return NULL;
        continue;
      }
    } else if (!(p = skip_scalar(p, end, &kind, &escaped))) {
      return NULL;
    }
    for (p = depth ? skip_space(p, end) : p; depth && p < end && *p == open[depth - 1] + 2; p = depth ? skip_space(p, end) : p) {
      p++;
      depth--;
    }
    if (depth == 0)
      return p;
    if (p == end || *p != ',')
      return NULL;
    p = open[depth - 1] == '{' ? skip_key(p + 1, end) : p + 1;
    if (!p)
      return NULL;
  }
}

bool json_is_value(const char *p, const char *end) {
  p = skip_nested(p, end);
  return p && skip_space(p, end) == end;
}

/* ---- members ---------------------------------------------------------------------------------------------------------------- */

static struct json_member *add(struct json_scan *j) {
  if (j->n == j->cap) {
    struct json_member *members = realloc(j->members, (j->cap * 2 + 32) * sizeof *members);
    if (!members)
      return NULL;
    j->members = members;
    j->cap = j->cap * 2 + 32;
  }
  return &j->members[j->n++];
}

static const char *scan_value(struct json_member *m, const char *p, const char *end) {
  const char *to;
  if (p < end && (*p == '{' || *p == '[')) {
    m->kind = JSON_KIND_NESTED;
    m->escaped = false;
    to = skip_nested(p, end);
  } else {
    to = skip_scalar(p, end, &m->kind, &m->escaped);
  }
  bool string = m->kind == JSON_KIND_STRING;
  if (to) {
    m->p = p + string;
    m->n = (uint32_t)(to - p - 2 * string);
  }
  return to;
}

static int bad(struct json_scan *j, const char *why) {
  j->bad = why;
  return 1;
}

int json_scan(struct json_scan *j, const char *p, const char *end) {
  j->n = 0;
  p = skip_space(p, end);
  if (p == end || *p != '{')
    return bad(j, "the line is no JSON object");
  p = skip_space(p + 1, end);
  if (p < end && *p == '}')
    return skip_space(p + 1, end) == end ? 0 : bad(j, "there is text behind the object");
  for (;;) {
    struct json_member *m = add(j);
    if (!m)
      return -1;
    const char *key = skip_space(p, end);
    if (key == end || *key != '"' || !(p = skip_string(key + 1, end, &m->key_escaped)))
      return bad(j, "a key in quotes is missing");
    m->key = key + 1;
    m->key_n = (uint32_t)(p - m->key);
    p = skip_space(p + 1, end);
    if (p == end || *p != ':')
      return bad(j, "a colon is missing behind a key");
    p = scan_value(m, skip_space(p + 1, end), end);
    if (!p)
      return bad(j, "a value is no JSON");
    p = skip_space(p, end);
    if (p < end && *p == '}')
      return skip_space(p + 1, end) == end ? 0 : bad(j, "there is text behind the object");
    if (p == end || *p != ',')
      return bad(j, "the object is not closed");
    p++;
  }
}

void json_scan_fini(struct json_scan *j) {
  free(j->members);
  *j = (struct json_scan){0};
}

/* ---- escapes ---------------------------------------------------------------------------------------------------------------- */

static int32_t hex4(const char *p) {
  int32_t x = 0;
  for (int i = 0; i < 4; i++) {
    char c = p[i];
    int v = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
    if (v < 0)
      return -1;
    x = x << 4 | v;
  }
  return x;
}

static size_t put_utf8(char *to, int32_t c) {
  if (c < 0x80) {
    to[0] = (char)c;
    return 1;
  }
  size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = n; i-- > 1; c >>= 6)
    to[i] = (char)(0x80 | (c & 0x3f));
  to[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | c);
  return n;
}

int64_t json_unescape(const char *p, size_t n, char *to) {
  static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
  const char *end = p + n;
  char *out = to;
  while (p < end) {
    if (*p != '\\') {
      *out++ = *p++;
      continue;
    }
    if (++p == end)
      return -1;
    const char *known = *p ? strchr(from, *p) : NULL;
    if (known) {
      *out++ = into[known - from];
      p++;
      continue;
    }
    int32_t c = *p == 'u' && end - p >= 5 ? hex4(p + 1) : -1;
    p += 5;
    if (c >= 0xd800 && c < 0xdc00) {
      int32_t low = end - p >= 6 && p[0] == '\\' && p[1] == 'u' ? hex4(p + 2) : -1;
      c = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00) : -1;
      p += 6;
    }
    if (c < 0 || (c >= 0xdc00 && c < 0xe000))
      return -1;
    out += put_utf8(out, c);
  }
  return out - to;
}
