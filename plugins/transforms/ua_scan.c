/* Aho-Corasick over lower-cased bytes.  While building, nodes are a trie with child and sibling links; finishing renumbers them
 * breadth first, so that the children of a node stand side by side and a node needs 16 bytes.  The root has a table of its own. */
#include <stdlib.h>
#include <string.h>

#include "ua_scan.h"

struct node {
  uint32_t first; /* child (first of `children` side by side); while building: the first of a list */
  uint32_t fail;  /* the longest proper suffix that is a node; while building: the next sibling */
  uint32_t out;   /* 1 + index of the literal that ends here or, by fail links, in a suffix; 0 none */
  uint16_t children;
  uint8_t byte;
  uint8_t own; /* out is this node's own literal */
};
struct mark {
  uint32_t mark;
  uint32_t next; /* 1 + index; 0: end */
};
struct literal {
  uint32_t marks;   /* 1 + index into marks */
  uint32_t shorter; /* 1 + literal that is a suffix of this one; 0: none */
};
struct ua_scan {
  struct node *nodes;
  struct mark *marks;
  struct literal *literals;
  size_t nodes_n, nodes_cap, marks_n, marks_cap, literals_n, literals_cap;
  uint32_t root[256];
};

/* The array with room for one more after n; NULL: no memory, and the array as it was. */
static void *room(void *array, size_t n, size_t *cap, size_t size) {
  if (n < *cap)
    return array;
  size_t grown = *cap ? *cap * 2 : 256;
  void *p = realloc(array, grown * size);
  if (p)
    *cap = grown;
  return p;
}

static struct node *nodes_room(struct ua_scan *s) {
  struct node *p = room(s->nodes, s->nodes_n, &s->nodes_cap, sizeof *p);
  return p ? s->nodes = p : NULL;
}
static struct literal *literals_room(struct ua_scan *s) {
  struct literal *p = room(s->literals, s->literals_n, &s->literals_cap, sizeof *p);
  return p ? s->literals = p : NULL;
}
static struct mark *marks_room(struct ua_scan *s) {
  struct mark *p = room(s->marks, s->marks_n, &s->marks_cap, sizeof *p);
  return p ? s->marks = p : NULL;
}

struct ua_scan *ua_scan_new(void) {
  struct ua_scan *s = calloc(1, sizeof *s);
  if (!s || !nodes_room(s)) {
    free(s);
    return NULL;
  }
  s->nodes[s->nodes_n++] = (struct node){0};
  return s;
}

void ua_scan_free(struct ua_scan *s) {
  if (!s)
    return;
  free(s->nodes);
  free(s->marks);
  free(s->literals);
  free(s);
}

static uint32_t child_or_new(struct ua_scan *s, uint32_t at, uint8_t byte) {
  for (uint32_t c = s->nodes[at].first; c; c = s->nodes[c].fail)
    if (s->nodes[c].byte == byte)
      return c;
  if (!nodes_room(s))
    return 0;
  uint32_t made = (uint32_t)s->nodes_n++;
  s->nodes[made] = (struct node){.byte = byte, .fail = s->nodes[at].first};
  s->nodes[at].first = made;
  s->nodes[at].children++;
  return made;
}

int ua_scan_add(struct ua_scan *s, const char *p, size_t n, uint32_t mark) {
  uint32_t at = 0;
  for (size_t i = 0; i < n; i++)
    if (!(at = child_or_new(s, at, (uint8_t)p[i])))
      return -1;
  if (!s->nodes[at].out) {
    if (!literals_room(s))
      return -1;
    s->literals[s->literals_n++] = (struct literal){0};
    s->nodes[at].out = (uint32_t)s->literals_n;
    s->nodes[at].own = 1;
  }
  struct literal *l = &s->literals[s->nodes[at].out - 1];
  if (!marks_room(s))
    return -1;
  s->marks[s->marks_n++] = (struct mark){.mark = mark, .next = l->marks};
  l->marks = (uint32_t)s->marks_n;
  return 0;
}

static uint32_t step_down(const struct ua_scan *s, uint32_t at, uint8_t byte) {
  if (at == 0)
    return s->root[byte];
  const struct node *n = &s->nodes[at];
  for (uint32_t c = n->first; c < n->first + n->children; c++)
    if (s->nodes[c].byte == byte)
      return c;
  return 0;
}

static uint32_t step(const struct ua_scan *s, uint32_t at, uint8_t byte) {
  for (;; at = s->nodes[at].fail) {
    uint32_t c = step_down(s, at, byte);
    if (c || at == 0)
      return c;
  }
}

/* Copies the trie breadth first; old[i] is where node i came from. */
static int renumber(struct ua_scan *s) {
  struct node *wide = calloc(s->nodes_n, sizeof *wide);
  uint32_t *old = calloc(s->nodes_n, sizeof *old);
  if (!wide || !old) {
    free(wide);
    free(old);
    return -1;
  }
  wide[0] = s->nodes[0];
  for (uint32_t i = 0, end = 1; i < s->nodes_n; i++) {
    uint32_t first = end;
    for (uint32_t c = s->nodes[old[i]].first; c; c = s->nodes[c].fail) {
      old[end] = c;
      wide[end++] = s->nodes[c];
    }
    wide[i].first = first;
    wide[i].fail = 0;
  }
  free(old);
  free(s->nodes);
  s->nodes = wide;
  s->nodes_cap = s->nodes_n;
  return 0;
}

int ua_scan_finish(struct ua_scan *s) {
  if (renumber(s) < 0)
    return -1;
  for (uint32_t c = s->nodes[0].first; c < s->nodes[0].first + s->nodes[0].children; c++)
    s->root[s->nodes[c].byte] = c;
  for (uint32_t i = 0; i < s->nodes_n; i++) /* parents come first, so their fail links are there */
    for (uint32_t c = s->nodes[i].first; c < s->nodes[i].first + s->nodes[i].children; c++) {
      struct node *n = &s->nodes[c];
      n->fail = i ? step(s, s->nodes[i].fail, n->byte) : 0;
      uint32_t suffix = s->nodes[n->fail].out;
      if (n->own)
        s->literals[n->out - 1].shorter = suffix;
      else
        n->out = suffix;
    }
  return 0;
}

size_t ua_scan_seen_bytes(const struct ua_scan *s) { return s->literals_n / 8 + 1; }

static void found(const struct ua_scan *s, uint32_t out, uint64_t *bits, uint8_t *seen) {
  for (; out; out = s->literals[out - 1].shorter) {
    uint32_t l = out - 1;
    if (seen[l >> 3] >> (l & 7) & 1)
      return; /* then its suffixes were seen, too */
    seen[l >> 3] = (uint8_t)(seen[l >> 3] | 1u << (l & 7));
    for (uint32_t m = s->literals[l].marks; m; m = s->marks[m - 1].next)
      bits[s->marks[m - 1].mark >> 6] |= (uint64_t)1 << (s->marks[m - 1].mark & 63);
  }
}

void ua_scan_text(const struct ua_scan *s, const char *p, size_t n, uint64_t *bits, void *seen) {
  uint32_t at = 0;
  memset(seen, 0, ua_scan_seen_bytes(s));
  for (size_t i = 0; i < n; i++) {
    uint8_t c = (uint8_t)p[i];
    at = step(s, at, c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c);
    if (s->nodes[at].out)
      found(s, s->nodes[at].out, bits, seen);
  }
}
