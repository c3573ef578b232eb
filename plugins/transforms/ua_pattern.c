/* Literals that a regular expression cannot match without, so that most expressions need not be tried on most texts.
 *
 * A recursive descent over the expression gives, for each part, either the exact set of texts it matches (while that is small) or
 * some set of which every match contains one.  Anything not understood makes the answer "unknown", which is always right.
 * Upper and lower case count as the same, so the answer also holds for caseless expressions. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "ua_pattern.h"

enum {
  CHUNK_BYTES = 64 * 1024,
  PRODUCT_MAX = 32,
  UNION_MAX = 1024,
  CLASS_MAX = 4,
  DEPTH_MAX = 64,
  SHORTEST = 2
};

/* Pieces that most agents have: a literal among them tells little. */
static const char common_agent[] =
    "mozilla/5.0 (compatible; linux; u; android 10; en-us; build/ applewebkit/537.36 (khtml, like gecko) "
    "version/4.0 mobile safari/537.36 chrome/ firefox/ opera (windows nt 10.0; win64; x64; rv: "
    "(iphone; cpu iphone os 14_0 like mac os x) http://www. ";

struct ua_arena {
  struct ua_arena *next;
  size_t used, size;
  max_align_t data[];
};

struct ua_arena *ua_arena_new(void) {
  return calloc(1, sizeof(struct ua_arena));
}

void ua_arena_free(struct ua_arena *a) {
  for (struct ua_arena *next; a; a = next) {
    next = a->next;
    free(a);
  }
}

static void *arena_get(struct ua_arena *a, size_t n) {
  n = (n + 15) & ~(size_t)15;
  struct ua_arena *c = a->next;
  if (!c || c->used + n > c->size) {
    size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;
    if (!(c = malloc(sizeof *c + size)))
      return NULL;
    *c = (struct ua_arena){.next = a->next, .size = size};
    a->next = c;
  }
  void *p = (char *)c->data + c->used;
  c->used += n;
  return p;
}

struct part {
  const struct ua_literals *exact; /* all texts it matches */
  const struct ua_literals *any;   /* without exact: a match contains one of them; NULL: unknown */
};
struct parse {
  struct ua_arena *arena;
  const char *p;
  unsigned depth;
  bool failed; /* not understood, or no memory */
};

static const struct ua_literals *give_up(struct parse *s) {
  s->failed = true;
  return NULL;
}

static struct ua_literals *set_new(struct parse *s, size_t n) {
  struct ua_literals *r = arena_get(s->arena, sizeof *r + n * sizeof *r->v);
  if (!r) {
    s->failed = true;
    return NULL;
  }
  r->n = 0;
  return r;
}

static const struct ua_literals *set_one(struct parse *s, const char *p, size_t n) {
  struct ua_literals *r = set_new(s, 1);
  char *copy = r ? arena_get(s->arena, n + 1) : NULL;
  if (!copy)
    return give_up(s);
  memcpy(copy, p, n);
  r->v[r->n++] = (struct ua_literal){copy, n};
  return r;
}

static void set_add(struct ua_literals *to, struct ua_literal l) {
  for (size_t i = 0; i < to->n; i++)
    if (to->v[i].n == l.n && memcmp(to->v[i].p, l.p, l.n) == 0)
      return;
  to->v[to->n++] = l;
}

static const struct ua_literals *set_union(struct parse *s, const struct ua_literals *a, const struct ua_literals *b) {
  if (!a || !b || a->n + b->n > UNION_MAX)
    return NULL;
  struct ua_literals *r = set_new(s, a->n + b->n);
  for (size_t i = 0; r && i < a->n; i++)
    set_add(r, a->v[i]);
  for (size_t i = 0; r && i < b->n; i++)
    set_add(r, b->v[i]);
  return r;
}

/* Each of a followed by each of b; NULL when that is too many. */
static const struct ua_literals *set_product(struct parse *s, const struct ua_literals *a, const struct ua_literals *b) {
  if (a->n * b->n > PRODUCT_MAX && a->n > 1 && b->n > 1)
    return NULL;
  struct ua_literals *r = set_new(s, a->n * b->n);
  for (size_t i = 0; r && i < a->n; i++)
    for (size_t k = 0; k < b->n; k++) {
      size_t n = a->v[i].n + b->v[k].n;
      char *p = arena_get(s->arena, n + 1);
      if (!p)
        return give_up(s);
      memcpy(p, a->v[i].p, a->v[i].n);
      memcpy(p + a->v[i].n, b->v[k].p, b->v[k].n);
      set_add(r, (struct ua_literal){p, n});
    }
  return r;
}

/* How well a set tells texts apart: long, few and rare literals are best.  0: useless. */
static int set_score(const struct ua_literals *set) {
  size_t shortest = 10, many = 0;
  bool common = false;
  if (!set || set->n == 0)
    return 0;
  for (size_t i = 0; i < set->n; i++) {
    if (set->v[i].n < shortest)
      shortest = set->v[i].n;
    common |= memmem(common_agent, sizeof common_agent - 1, set->v[i].p, set->v[i].n) != NULL;
  }
  for (size_t n = set->n; n > 1; n /= 2)
    many++;
  if (shortest < SHORTEST)
    return 0;
  return 100 + (int)shortest * 8 - (int)many * 4 - (common ? 60 : 0);
}

static const struct ua_literals *better(const struct ua_literals *a, const struct ua_literals *b) {
  int score_a = set_score(a), score_b = set_score(b);
  return score_a == 0 && score_b == 0 ? NULL : score_b > score_a ? b : a;
}

static const struct ua_literals *part_any(const struct part *x) { return better(x->exact ? x->exact : x->any, NULL); }

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c; }

static struct part literal(struct parse *s, char c) {
  char l = lower(c);
  return (struct part){.exact = set_one(s, &l, 1)};
}
static struct part nothing(struct parse *s) { return (struct part){.exact = set_one(s, "", 0)}; }
static struct part unknown(void) { return (struct part){0}; }

static struct part escape(struct parse *s) {
  char c = *s->p++;
  if (c == 0) {
    s->failed = true;
    return unknown();
  }
  if (strchr("bBAzZ", c))
    return nothing(s);
  if (strchr("dDwWsShHvVNRX123456789", c))
    return unknown();
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '0') { /* \x41, \p{L}, \Q...: not worth following */
    s->failed = true;
    return unknown();
  }
  return literal(s, c);
}

/* One member of a class; -1: a whole kind of characters (\d); c_next is moved past it. */
static int class_member(struct parse *s) {
  char c = *s->p++;
  if (c != '\\')
    return (unsigned char)c;
  c = *s->p++;
  if (c == 0)
    s->failed = true;
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ? -1 : (unsigned char)c;
}

static struct part char_class(struct parse *s) {
  bool members[256] = {false}, wide = false;
  size_t n = 0;
  if (*s->p == '^') {
    wide = true;
    s->p++;
  }
  for (bool first = true; !s->failed && (first || *s->p != ']'); first = false) {
    if (*s->p == 0 || (s->p[0] == '[' && strchr(":.=", s->p[1]) && s->p[1])) {
      s->failed = true;
      break;
    }
    int from = class_member(s), to = from;
    if (from >= 0 && s->p[0] == '-' && s->p[1] != ']' && s->p[1]) {
      s->p++;
      to = class_member(s);
    }
    wide |= from < 0 || to < 0 || to - from > CLASS_MAX || from >= 0x80 || to >= 0x80;
    for (int c = from; !wide && c <= to; c++)
      if (!members[(unsigned char)lower((char)c)]) {
        members[(unsigned char)lower((char)c)] = true;
        n++;
      }
  }
  if (s->failed)
    return unknown();
  s->p++;
  if (wide || n > CLASS_MAX)
    return unknown();
  const struct ua_literals *r = set_new(s, 0);
  for (int c = 0; c < 128 && r; c++) {
    char one = (char)c;
    const struct ua_literals *l = members[c] ? set_one(s, &one, 1) : NULL;
    if (l)
      r = set_union(s, r, l);
  }
  return (struct part){.exact = r};
}

static struct part alternatives(struct parse *s);

static struct part group(struct parse *s) {
  bool zero_width = false;
  if (s->p[0] == '?') {
    if (s->p[1] == ':') {
      s->p += 2;
    } else if (s->p[1] == '=' || s->p[1] == '!') {
      zero_width = true;
      s->p += 2;
    } else if (s->p[1] == '<' && (s->p[2] == '=' || s->p[2] == '!')) {
      zero_width = true;
      s->p += 3;
    } else {
      s->failed = true;
    }
  } else if (s->p[0] == '*') {
    s->failed = true;
  }
  if (s->failed || ++s->depth > DEPTH_MAX) {
    s->failed = true;
    return unknown();
  }
  struct part x = alternatives(s);
  s->depth--;
  if (*s->p != ')')
    s->failed = true;
  else
    s->p++;
  return zero_width ? nothing(s) : x;
}

static struct part atom(struct parse *s) {
  char c = *s->p++;
  switch (c) {
  case '(': return group(s);
  case '[': return char_class(s);
  case '\\': return escape(s);
  case '.': return unknown();
  case '^':
  case '$': return nothing(s);
  default: return literal(s, c);
  }
}

/* Reads *, +, ?, {n}, {n,}, {n,m}, each perhaps lazy or possessive.  false: none there. */
static bool quantifier(struct parse *s, unsigned long *ret_min, unsigned long *ret_max) {
  const char *p = s->p;
  unsigned long min = *p == '+', max = *p == '?' ? 1 : 1000;
  if (*p == '{') {
    char *end;
    if (p[1] < '0' || p[1] > '9')
      return false;
    min = max = strtoul(p + 1, &end, 10);
    if (*end == ',')
      max = end[1] == '}' ? (end++, 1000ul) : strtoul(end + 1, &end, 10);
    if (*end != '}')
      return false;
    p = end;
  } else if (*p != '*' && *p != '+' && *p != '?') {
    return false;
  }
  p++;
  s->p = p + (*p == '?' || *p == '+');
  *ret_min = min;
  *ret_max = max;
  return true;
}

static struct part repeated(struct parse *s, struct part x) {
  unsigned long min, max;
  while (!s->failed && quantifier(s, &min, &max)) {
    if (min == 0 && max == 1 && x.exact)
      x = (struct part){.exact = set_union(s, x.exact, set_one(s, "", 0))};
    else if (min == 0)
      x = unknown();
    else if (min != 1 || max != 1)
      x = (struct part){.any = part_any(&x)};
    if (s->failed)
      return unknown();
  }
  return x;
}

static struct part sequence(struct parse *s) {
  const struct ua_literals *run = set_one(s, "", 0), *best = NULL;
  bool exact = true;
  while (!s->failed && *s->p && *s->p != '|' && *s->p != ')') {
    struct part x = repeated(s, atom(s));
    const struct ua_literals *longer = x.exact && !s->failed ? set_product(s, run, x.exact) : NULL;
    if (longer) {
      run = longer;
      continue;
    }
    exact = false;
    best = better(better(best, run), part_any(&x));
    run = x.exact ? x.exact : set_one(s, "", 0);
  }
  if (s->failed)
    return unknown();
  return exact ? (struct part){.exact = run} : (struct part){.any = better(best, run)};
}

static struct part alternatives(struct parse *s) {
  struct part all = sequence(s);
  const struct ua_literals *any = part_any(&all);
  while (!s->failed && *s->p == '|') {
    s->p++;
    struct part x = sequence(s);
    const struct ua_literals *x_any = part_any(&x);
    any = any && x_any ? set_union(s, any, x_any) : NULL;
    all.exact = all.exact && x.exact ? set_union(s, all.exact, x.exact) : NULL;
  }
  all.any = any;
  return all;
}

const struct ua_literals *ua_pattern_literals(struct ua_arena *a, const char *regex) {
  struct parse s = {.arena = a, .p = regex};
  struct part x = alternatives(&s);
  return s.failed || *s.p ? NULL : part_any(&x);
}
