/* Texts that grow, and how names and literals are quoted in them. */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_fini(struct text *t) {
  free(t->p);
  *t = (struct text){0};
}

void text_clear(struct text *t) {
  t->n = 0;
  if (t->p)
    *t->p = 0;
}

static char *room(struct text *t, size_t more) {
  if (t->failed)
    return NULL;
  if (t->n + more + 1 > t->cap) {
    size_t cap = t->cap * 2 > t->n + more + 1 ? t->cap * 2 : t->n + more + 64;
    char *p = realloc(t->p, cap);
    if (!p) {
      t->failed = true;
      return NULL;
    }
    t->p = p;
    t->cap = cap;
  }
  return t->p + t->n;
}

void text_add_bytes(struct text *t, const char *s, size_t n) {
  char *to = room(t, n);
  if (!to)
    return;
  memcpy(to, s, n);
  t->n += n;
  t->p[t->n] = 0;
}

void text_add(struct text *t, const char *s) { text_add_bytes(t, s, strlen(s)); }

void text_addf(struct text *t, const char *fmt, ...) {
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  char *to = n < 0 ? NULL : room(t, (size_t)n);
  if (to) {
    vsnprintf(to, (size_t)n + 1, fmt, again);
    t->n += (size_t)n;
  } else {
    t->failed = true;
  }
  va_end(again);
  va_end(ap);
}

static void add_quoted(struct text *t, const char *s, char quote, bool backslash) {
  char q[2] = {quote, 0};
  text_add(t, q);
  for (const char *end; *s; s = end) {
    end = s + strcspn(s, quote == '"' ? "\"" : "'\\");
    text_add_bytes(t, s, (size_t)(end - s));
    if (!*end)
      break;
    if (*end == quote || (backslash && *end == '\\'))
      text_add_bytes(t, end, 1); /* doubled */
    text_add_bytes(t, end++, 1);
  }
  text_add(t, q);
}

void text_add_name(struct text *t, const char *name) { add_quoted(t, name, '"', false); }

void text_add_literal(struct text *t, const char *s) {
  bool backslash = strchr(s, '\\') != NULL;
  if (backslash)
    text_add(t, " E");
  add_quoted(t, s, '\'', backslash);
}

void text_add_block(struct text *t, const struct text *block) {
  text_add(t, "DO ");
  text_add_literal(t, text_str(block));
  t->failed |= block->failed;
}

void text_add_element(struct text *t, const char *s) {
  text_add(t, t->n && t->p[t->n - 1] != '{' ? ",\"" : "\"");
  for (; *s; s++)
    text_addf(t, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
  text_add(t, "\"");
}

const char *text_str(const struct text *t) { return t->p ? t->p : ""; }

/* ---- names of streams ------------------------------------------------------------------------------------------------------------------ */

/* Where the part at p ends: at a dot or at the end of all.  What only begins with a quote is in none. */
static const char *part_end(const char *p, bool *ret_quoted) {
  const char *q = *p == '"' ? strchr(p + 1, '"') : NULL;
  while (q && q[1] == '"')
    q = strchr(q + 2, '"');
  *ret_quoted = q && (q[1] == 0 || q[1] == '.');
  return *ret_quoted ? q + 1 : p + strcspn(p, ".");
}

const char *stream_last(const char *stream) {
  bool quoted;
  for (const char *end; *(end = part_end(stream, &quoted)); stream = end + 1)
    ;
  return stream;
}

void text_add_unquoted(struct text *t, const char *parts, const char *end) {
  while (parts < end) {
    bool quoted;
    const char *stop = part_end(parts, &quoted);
    for (const char *p = parts + quoted; p < stop - quoted; p++) {
      text_add_bytes(t, p, 1);
      p += quoted && *p == '"';
    }
    if (stop < end)
      text_add(t, ".");
    parts = stop + 1;
  }
}

static bool is_same(const char *a, const char *b, size_t n) { return strlen(a) == n && memcmp(a, b, n) == 0; }

bool stream_ends(const char *stream, const char *name, size_t n) {
  const char *last = stream_last(stream);
  struct text plain = {0};
  text_add_unquoted(&plain, last, last + strlen(last));
  bool same = is_same(last, name, n) || (!plain.failed && is_same(text_str(&plain), name, n));
  text_fini(&plain);
  return same;
}
