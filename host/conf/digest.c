/* Settings as they are after variables were looked up: a secret that is another one makes another digest. */
#include "conf/digest.h"

#include <string.h>
#include <xxhash.h>

static uint64_t text(const char *s, uint64_t seed) { return XXH64(s ? s : "", s ? strlen(s) + 1 : 0, seed); }

static uint64_t node(const struct conf_node *n, uint64_t seed);

/* Settings of a group in any order, elements of a list in theirs. */
static uint64_t kids(const struct conf_node *n, uint64_t seed) {
  uint64_t sum = n->kids_n;
  for (size_t i = 0; i < n->kids_n; i++)
    sum = n->kind == CONF_GROUP ? sum + node(n->kids[i], seed) : node(n->kids[i], sum);
  return XXH64(&sum, sizeof sum, seed);
}

static uint64_t node(const struct conf_node *n, uint64_t seed) {
  return kids(n, text(n->text, text(n->name, seed + (uint64_t)n->kind)));
}

static uint64_t stage(const struct conf_stage *s, uint64_t seed) {
  seed = text(s->plugin, seed);
  return s->options ? node(s->options, seed) : seed;
}

uint64_t conf_digest(const struct conf_pipeline *p, const struct conf_node *root) {
  uint64_t sum = stage(&p->load, stage(&p->extract, node(root, 0)));
  for (size_t i = 0; i < p->transforms_n; i++)
    sum = stage(&p->transforms[i], sum);
  return sum;
}
