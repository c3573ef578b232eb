/* A scanner for the JSON that etl_row_json() writes, and for what sinks make of it. */
#include "engine/json_text.h"

#include <stdint.h>
#include <string.h>

enum { DEPTH_MAX = 64 };

static void skip_space(struct json_text *j) { j->at += strspn(j->at, " \t\r\n"); }

bool json_text_sees(struct json_text *j, char c) {
  skip_space(j);
  return *j->at == c;
}

bool json_text_take(struct json_text *j, char c) {
  if (!json_text_sees(j, c))
    return false;
  j->at++;
  return true;
}

static int digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Four digits. */
static int take_unit(struct json_text *j, uint32_t *ret) {
  *ret = 0;
  for (int i = 0; i < 4; i++, j->at++) {
    int d = digit(*j->at);
    if (d < 0)
      return -1;
    *ret = *ret << 4 | (uint32_t)d;
  }
  return 0;
}

static char *put_letter(char *to, uint32_t c) {
  if (c < 0x80) {
    *to++ = (char)c;
  } else if (c < 0x800) {
    *to++ = (char)(0xC0 | c >> 6);
    *to++ = (char)(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    *to++ = (char)(0xE0 | c >> 12);
    *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    *to++ = (char)(0x80 | (c & 0x3F));
  } else {
    *to++ = (char)(0xF0 | c >> 18);
    *to++ = (char)(0x80 | (c >> 12 & 0x3F));
    *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    *to++ = (char)(0x80 | (c & 0x3F));
  }
  return to;
}

/* \uXXXX, or a pair of them. */
static int take_escaped_letter(struct json_text *j, char **to) {
  uint32_t c, low;
  if (take_unit(j, &c) < 0 || (c >= 0xDC00 && c <= 0xDFFF))
    return -1;
  if (c >= 0xD800 && c <= 0xDBFF) {
    if (j->at[0] != '\\' || j->at[1] != 'u')
      return -1;
    j->at += 2;
    if (take_unit(j, &low) < 0 || low < 0xDC00 || low > 0xDFFF)
      return -1;
    c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
  }
  *to = put_letter(*to, c);
  return 0;
}

static int take_escape(struct json_text *j, char **to) {
  static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
  char c = *j->at;
  if (!c)
    return -1;
  j->at++;
  if (c == 'u')
    return take_escaped_letter(j, to);
  const char *found = strchr(from, c);
  if (!found)
    return -1;
  *(*to)++ = into[found - from];
  return 0;
}

/* Behind the first quote.  What is decoded is never longer than what is written. */
static int take_string(struct json_text *j, struct json_value *ret) {
  size_t room = 0;
  for (const char *p = j->at; *p && *p != '"'; p += *p == '\\' && p[1] ? 2 : 1)
    room = (size_t)(p - j->at) + 2;
  char *text = arena_alloc(j->arena, room + 1), *to = text;
  while (*j->at != '"') {
    if (!*j->at)
      return -1;
    if (*j->at != '\\') {
      *to++ = *j->at++;
      continue;
    }
    j->at++;
    if (take_escape(j, &to) < 0)
      return -1;
  }
  j->at++;
  *ret = (struct json_value){JSON_TEXT_STRING, text, (size_t)(to - text)};
  return 0;
}

const char *json_text_hex(struct arena *a, const char *digits, size_t n) {
  char *bytes = arena_alloc(a, n / 2 + 1);
  for (size_t i = 0; i < n / 2; i++) {
    int high = digit(digits[2 * i]), low = digit(digits[2 * i + 1]);
    if (high < 0 || low < 0)
      return NULL;
    bytes[i] = (char)(high << 4 | low);
  }
  return n % 2 ? NULL : bytes;
}

static int take_members(struct json_text *j, struct json_value *ret) {
  *ret = (struct json_value){JSON_TEXT_OTHER, "", 0};
  if (json_text_take(j, '}'))
    return 0;
  for (bool first = true;; first = false) {
    struct json_value key, value;
    if (!json_text_take(j, '"') || take_string(j, &key) < 0 || !json_text_take(j, ':') || json_text_value(j, &value) < 0)
      return -1;
    if (first && strcmp(key.text, "$cut") == 0) {
      ret->kind = JSON_TEXT_CUT;
    } else if (first && strcmp(key.text, "$hex") == 0 && value.kind == JSON_TEXT_STRING) {
      const char *bytes = json_text_hex(j->arena, value.text, value.n);
      if (!bytes)
        return -1;
      *ret = (struct json_value){JSON_TEXT_HEX, bytes, value.n / 2};
    }
    if (json_text_take(j, '}'))
      return 0;
    if (!json_text_take(j, ','))
      return -1;
  }
}

static int take_object(struct json_text *j, struct json_value *ret) {
  if (j->depth == DEPTH_MAX)
    return -1;
  j->depth++;
  int rc = take_members(j, ret);
  j->depth--;
  return rc;
}

int json_text_value(struct json_text *j, struct json_value *ret) {
  static const struct {
    const char *word;
    enum json_kind kind;
  } words[] = {{"true", JSON_TEXT_TRUE}, {"false", JSON_TEXT_FALSE}, {"null", JSON_TEXT_NULL}};
  if (json_text_take(j, '"'))
    return take_string(j, ret);
  if (json_text_take(j, '{'))
    return take_object(j, ret);
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strncmp(j->at, words[i].word, strlen(words[i].word)) == 0) {
      j->at += strlen(words[i].word);
      *ret = (struct json_value){words[i].kind, words[i].word, strlen(words[i].word)};
      return 0;
    }
  size_t n = strspn(j->at, "+-0123456789.eE");
  if (n == 0)
    return -1;
  *ret = (struct json_value){JSON_TEXT_NUMBER, arena_memdup(j->arena, j->at, n), n};
  j->at += n;
  return 0;
}
