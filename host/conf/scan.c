/* A tokenizer for libconfig's language, as much of it as the checks here need. */
#include "conf/scan.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum token_kind {
  T_END,
  T_NAME,
  T_NUMBER,
  T_STRING,
  T_OPEN_STRING,
  T_MARK
};
struct token {
  enum token_kind kind;
  const char *p;
  size_t n;
  unsigned line;
};
struct scan {
  const char *p;
  unsigned line;
};

static void skip_space(struct scan *s) {
  for (;;) {
    if (*s->p == '\n') {
      s->line++;
      s->p++;
    } else if (isspace((unsigned char)*s->p)) {
      s->p++;
    } else if (*s->p == '#' || (s->p[0] == '/' && s->p[1] == '/')) {
      s->p += strcspn(s->p, "\n");
    } else if (s->p[0] == '/' && s->p[1] == '*') {
      for (s->p += 2; *s->p && !(s->p[0] == '*' && s->p[1] == '/'); s->p++)
        s->line += *s->p == '\n';
      s->p += *s->p ? 2 : 0;
    } else {
      return;
    }
  }
}

static void take_string(struct scan *s, struct token *t) {
  t->kind = T_OPEN_STRING;
  for (s->p++; *s->p; s->p++) {
    if (*s->p == '\n')
      s->line++;
    if (*s->p == '\\' && s->p[1])
      s->p++;
    else if (*s->p == '"') {
      t->kind = T_STRING;
      s->p++;
      return;
    }
  }
}

static void next(struct scan *s, struct token *t) {
  skip_space(s);
  *t = (struct token){.p = s->p, .line = s->line};
  unsigned char c = (unsigned char)*s->p;
  if (c == '\0') {
    t->kind = T_END;
  } else if (c == '"') {
    take_string(s, t);
  } else if (isalpha(c) || c == '*' || c == '@') {
    t->kind = T_NAME;
    while (isalnum((unsigned char)*s->p) || (*s->p && strchr("*-_@", *s->p)))
      s->p++;
  } else if (isdigit(c) || c == '.' || ((c == '-' || c == '+') && isdigit((unsigned char)s->p[1]))) {
    t->kind = T_NUMBER;
    for (s->p++; isalnum((unsigned char)*s->p) || *s->p == '.' || ((*s->p == '-' || *s->p == '+') && (s->p[-1] | 32) == 'e');
         s->p++)
      ;
  } else {
    t->kind = T_MARK;
    s->p++;
  }
  t->n = (size_t)(s->p - t->p);
}

static bool is_mark(const struct token *t, const char *any_of) { return t->kind == T_MARK && strchr(any_of, *t->p); }

void scan_numbers(const char *file, const char *text, struct diags *d) {
  struct scan s = {text, 1};
  struct token t;
  for (next(&s, &t); t.kind != T_END; next(&s, &t)) {
    bool hex = t.kind == T_NUMBER && t.n > 2 && (t.p[1] | 32) == 'x';
    if (t.kind != T_NUMBER || (!hex && strcspn(t.p, ".eE") < t.n))
      continue;
    char *end = NULL;
    errno = 0;
    unsigned long long big = hex ? strtoull(t.p, &end, 16) : 0;
    long long v = hex ? 0 : strtoll(t.p, &end, 10);
    size_t marks = (size_t)(t.p + t.n - end);
    bool marked = marks > 0 && *end == 'L';
    char *origin = xasprintf("%s:%u", file, t.line);
    if (errno == ERANGE)
      diags_add(d, DIAG_ERROR, origin, "the number %.*s does not fit into 64 bits; write a smaller one", (int)t.n, t.p);
    else if (!marked && (hex ? big > UINT_MAX : v > INT_MAX || v < INT_MIN))
      diags_add(d, DIAG_ERROR, origin, "the number %.*s is past 32 bits and needs the mark L behind it: write %.*sL", (int)t.n, t.p,
                (int)t.n, t.p);
    free(origin);
  }
}

unsigned scan_open_text(const char *text) {
  struct scan s = {text, 1};
  struct token t;
  for (next(&s, &t); t.kind != T_END; next(&s, &t))
    if (t.kind == T_OPEN_STRING)
      return t.line;
  return 0;
}

const char *scan_include(const char **at, unsigned *line, struct arena *a) {
  static const char word[] = "@include";
  struct scan s = {*at, *line};
  struct token t, before = {0};
  for (next(&s, &t); t.kind != T_END; before = t, next(&s, &t)) {
    if (t.kind != T_STRING || before.kind != T_NAME || before.n != strlen(word) || memcmp(before.p, word, before.n) != 0)
      continue;
    *at = s.p;
    *line = s.line;
    return arena_memdup(a, t.p + 1, t.n - 2);
  }
  return NULL;
}

/* One open group, list or array on the way down; names belong to groups. */
struct open {
  char closer;
  unsigned line;
  struct token *names;
  size_t names_n;
};
enum {
  DEPTH_LIMIT = 64
};

static const struct token *known(const struct open *o, const struct token *name) {
  for (size_t i = 0; i < o->names_n; i++)
    if (o->names[i].n == name->n && memcmp(o->names[i].p, name->p, name->n) == 0)
      return &o->names[i];
  return NULL;
}

static size_t meet_name(struct open *o, const struct token *name, const char *file, struct diags *d) {
  const struct token *first = known(o, name);
  if (!first) {
    o->names = xrealloc(o->names, (o->names_n + 1) * sizeof *o->names);
    o->names[o->names_n++] = *name;
    return 0;
  }
  char *origin = xasprintf("%s:%u", file, name->line);
  diags_add(d, DIAG_ERROR, origin, "setting '%.*s' is set twice; the first time is on line %u: remove one of them", (int)name->n,
            name->p, first->line);
  free(origin);
  return 1;
}

static char closer_of(char c) { return c == '{' ? '}' : c == '(' ? ')' : ']'; }

size_t scan_duplicates(const char *file, const char *text, struct diags *d) {
  struct scan s = {text, 1};
  struct open stack[DEPTH_LIMIT] = {0};
  size_t depth = 0, found = 0;
  struct token t, name = {0};
  for (next(&s, &t); t.kind != T_END && depth + 1 < DEPTH_LIMIT; next(&s, &t)) {
    if (is_mark(&t, "=:") && name.kind == T_NAME)
      found += meet_name(&stack[depth], &name, file, d);
    else if (is_mark(&t, "{[("))
      stack[++depth] = (struct open){.closer = closer_of(*t.p)};
    else if (is_mark(&t, "}])") && depth > 0)
      free(stack[depth--].names);
    name = t;
  }
  for (size_t i = 0; i <= depth; i++)
    free(stack[i].names);
  return found;
}

const char *scan_hint(const char *text, unsigned line, struct arena *a) {
  struct scan s = {text, 1};
  struct open stack[DEPTH_LIMIT] = {0};
  size_t depth = 0;
  struct token t, last = {0}, before = {0};
  for (next(&s, &t); t.kind != T_END && depth + 1 < DEPTH_LIMIT; before = last, last = t, next(&s, &t)) {
    if (is_mark(&t, "{[(")) {
      stack[++depth] = (struct open){.closer = closer_of(*t.p), .line = t.line};
    } else if (is_mark(&t, "}])")) {
      if (depth == 0)
        return arena_printf(a, "the '%c' on line %u closes nothing", *t.p, t.line);
      if (stack[depth].closer != *t.p)
        return arena_printf(a, "what is opened on line %u wants a '%c', but line %u closes it with '%c'", stack[depth].line,
                            stack[depth].closer, t.line, *t.p);
      depth--;
    } else if (t.line > line && last.line <= line) {
      break;
    } else if (t.kind == T_NAME && last.kind == T_NAME && t.line >= line) {
      return arena_printf(a, "something is missing between '%.*s' and '%.*s'; a setting is written as name = value;", (int)last.n,
                          last.p, (int)t.n, t.p);
    } else if (t.kind == T_NAME && t.line >= line && is_mark(&last, "=:") && t.n > 0 &&
               !(t.n == 4 && !strncasecmp(t.p, "true", 4)) && !(t.n == 5 && !strncasecmp(t.p, "false", 5))) {
      return arena_printf(a, "text is written in quotes: %.*s = \"%.*s\"", (int)before.n, before.p, (int)t.n, t.p);
    }
  }
  if (t.kind == T_END && depth > 0)
    return arena_printf(a, "a '%c' is missing for what is opened on line %u", stack[depth].closer, stack[depth].line);
  return "a setting is written as name = value; and a name stands inside { }, not inside ( ) or [ ]";
}
