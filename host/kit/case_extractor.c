/* Cases about what an extractor tells of its source: streams, shards, pieces, and cursors that are none of its own. */
#include <string.h>

#include "kit/cases.h"
#include "kit/reader.h"

void case_discover(struct kit *k) {
  struct kit_instance i, other;
  struct lanes a, b, c;
  kit_open(k, &i, (struct kit_where){0});
  kit_open(k, &other, (struct kit_where){0});
  lanes_find(k, &i, k->arena, &a);
  lanes_find(k, &i, k->arena, &b);
  lanes_find(k, &other, k->arena, &c);
  kit_must(k, a.n == b.n && a.n == c.n, "struct etl_stream: name: stable over runs", "discover() and plan() tell %zu shards, then %zu, another instance %zu", a.n,
           b.n, c.n);
  for (size_t n = 0; n < a.n; n++)
    kit_must(k, strcmp(a.list[n].stream, b.list[n].stream) == 0 && strcmp(a.list[n].shard, b.list[n].shard) == 0 &&
                  strcmp(a.list[n].stream, c.list[n].stream) == 0 && strcmp(a.list[n].shard, c.list[n].shard) == 0,
             "struct etl_shard: id: stable over runs", "shard \"%s\" of \"%s\" is another one the next time", a.list[n].shard, a.list[n].stream);
  kit_close(&other);
  kit_close(&i);
  kit_must_be_released(k);
}

enum {
  PIECES = 4
};
struct pieces {
  struct kit *k;
  size_t n, named;
  struct {
    const char *id;
    struct etl_bytes cursor;
  } list[64];
};

static int32_t each_part(void *arg, const struct etl_part *p) {
  struct pieces *all = arg;
  struct kit *k = all->k;
  kit_must(k, ETL_HAS(p, etl_part, text) && p->id && p->flags == 0, "struct etl_part", "split() told a piece without id, or with flags");
  all->named += *p->id != 0;
  kit_must(k, all->named <= PIECES, "split: at most n pieces beside the piece \"\"", "split() told more than %d pieces", PIECES);
  for (size_t n = 0; n < all->n; n++)
    kit_must(k, strcmp(all->list[n].id, p->id) != 0, "struct etl_part: id: unique in the shard", "two pieces have the id \"%s\"", p->id);
  kit_must(k, p->cursor.p || !*p->id, "struct etl_part: cursor", "piece \"%s\" has no cursor", p->id);
  all->list[all->n].id = arena_strdup(k->arena, p->id);
  all->list[all->n++].cursor = (struct etl_bytes){p->cursor.p ? arena_memdup(k->arena, p->cursor.p, p->cursor.n) : NULL, p->cursor.n};
  return ETL_OK;
}

static bool cut(struct kit *k, struct kit_instance *i, const struct lane *lane, struct pieces *all) {
  struct given g = kit_given(k);
  const struct etl_stream stream = {.flags = lane->flags, .name = give_text(&g, lane->stream)};
  const struct etl_shard shard = {.id = give_text(&g, lane->shard), .token = {lane->token.p ? give(&g, lane->token.p, lane->token.n) : NULL, lane->token.n},
                                  .est_rows = -1, .est_bytes = -1};
  *all = (struct pieces){.k = k};
  KIT_OK(&i->host, "split()", k->extractor->split(i->self, GIVE(&g, etl_stream, &stream), GIVE(&g, etl_shard, &shard), PIECES, each_part, all));
  given_shut(&g);
  return all->n > 1;
}

static bool pieces_lane(struct kit *k, struct kit_instance *i, const struct lane *lane) {
  static const char where[] = "split: every row is in exactly one piece";
  struct pieces all;
  struct kit_sum sum = {0};
  struct reader r;
  bool rest = false;
  if (!cut(k, i, lane, &all))
    return false;
  for (size_t n = 0; n < all.n; n++) {
    rest = rest || !*all.list[n].id;
    reader_open(&r, k, i, lane, (struct reading){.cursor = all.list[n].cursor});
    reader_all(&r);
    sum.n += r.sum.n;
    sum.sum += r.sum.sum;
    reader_close(&r);
  }
  kit_must(k, rest == !(lane->flags & ETL_STREAM_WHOLE), "split: a stream with ETL_STREAM_WHOLE has no piece \"\"", "there is %s piece \"\"", rest ? "a" : "no");
  reader_open(&r, k, i, lane, (struct reading){0});
  reader_all(&r);
  kit_must(k, sum.n == r.sum.n, where, "the pieces have %llu rows, the shard \"%s\" %llu", (unsigned long long)sum.n, lane->shard, (unsigned long long)r.sum.n);
  kit_must(k, sum.sum == r.sum.sum, where, "the pieces have other rows than the shard \"%s\"", lane->shard);
  reader_close(&r);
  return true;
}

void case_pieces(struct kit *k) {
  struct kit_instance i;
  struct lanes lanes;
  unsigned found = 0;
  if (!ETL_HAS(k->extractor, etl_extractor, split) || !k->extractor->split)
    kit_skip(k, "it has no split()");
  kit_open(k, &i, (struct kit_where){0});
  lanes_find(k, &i, k->arena, &lanes);
  for (size_t l = 0; l < lanes.n; l++)
    found += pieces_lane(k, &i, &lanes.list[l]);
  kit_close(&i);
  kit_must_be_released(k);
  if (!found)
    kit_skip(k, "no shard is worth cutting: give it a larger source");
}

static void strange(struct kit *k, struct kit_instance *i, const struct lane *lane, const void *p, size_t n) {
  struct reader r;
  if (reader_try_open(&r, k, i, lane, (struct reading){.cursor = {p, n}, .limit_rows = 20}) != ETL_OK)
    return;
  int32_t status = ETL_OK;
  for (int calls = 0; calls < 50 && (status == ETL_OK || status == ETL_IDLE); calls++)
    status = reader_next(&r);
  reader_close(&r);
}

void case_strange_cursor(struct kit *k) {
  static const char *const texts[] = {"", "x", "-1", "1 -5 -5", "{}", "{\"v\": 99999999999999999999}", "null", "1", "\xff\xfe", "1\n2\n3"};
  struct kit_instance i;
  struct lanes lanes;
  struct reader r;
  char *large = arena_alloc(k->arena, 1 << 20);
  kit_open(k, &i, (struct kit_where){0});
  lanes_find(k, &i, k->arena, &lanes);
  for (size_t n = 0; n < sizeof texts / sizeof *texts; n++)
    strange(k, &i, &lanes.list[0], texts[n], strlen(texts[n]));
  memset(large, '7', 1 << 20);
  strange(k, &i, &lanes.list[0], large, 1 << 20);
  reader_open(&r, k, &i, &lanes.list[0], (struct reading){.limit_rows = 20});
  reader_all(&r);
  size_t n = r.cursor.p ? r.cursor.n : 0;
  char *own = arena_memdup(k->arena, n ? r.cursor.p : "", n);
  reader_close(&r);
  for (unsigned m = 0; m < 20 && n; m++) {
    char *bent = arena_memdup(k->arena, own, n);
    bent[kit_random(k, n)] = (char)kit_random(k, 256);
    strange(k, &i, &lanes.list[0], bent, m % 2 ? n : 1 + kit_random(k, n));
  }
  kit_close(&i);
  kit_must_be_released(k);
}
