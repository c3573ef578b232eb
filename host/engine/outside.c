/* Cursors as JSON.  What a position is, only the worker knows: the supervisor keeps a text for each lane. */
#include "engine/outside.h"

#include <stdlib.h>
#include <string.h>

#include "base/member.h"

static const char digits[] = "0123456789abcdef";

bool outside_applies(const struct run *r) { return r->spec->cursors && !(r->loader_caps & (ETL_CAP_STORES_CURSOR | ETL_CAP_ASIDE)); }

/* ---- reading ------------------------------------------------------------------------------------------------------------------------- */

static int digit(char c) {
  const char *at = c ? strchr(digits, c) : NULL;
  return at ? (int)(at - digits) : -1;
}

static int read_cursor(const char *hex, struct arena *a, struct etl_bytes *ret) {
  size_t n = strlen(hex) / 2;
  unsigned char *p = arena_alloc(a, n + 1);
  for (size_t i = 0; i < n; i++) {
    int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
    if (high < 0 || low < 0)
      return -1;
    p[i] = (unsigned char)(high << 4 | low);
  }
  *ret = (struct etl_bytes){p, n};
  return strlen(hex) % 2 ? -1 : 0;
}

static struct kept *read_one(const json_t *lane, struct arena *a) {
  const char *stream = member_text(lane, "stream"), *shard = member_text(lane, "shard");
  const char *state = member_text(lane, "state");
  json_t *j = state ? json_loads(state, 0, NULL) : NULL;
  const char *hex = member_text(j, "cursor");
  struct kept *k = arena_alloc(a, sizeof *k);
  *k = (struct kept){.stream = arena_strdup(a, stream),
                     .shard = arena_strdup(a, shard),
                     .note = arena_strdup(a, member_text(j, "note")),
                     .epoch = (uint64_t)member_number(lane, "epoch"),
                     .finished = member_true(j, "finished")};
  bool good = stream && shard && hex && read_cursor(hex, a, &k->cursor) == 0;
  json_decref(j);
  return good ? k : NULL;
}

int outside_read(struct run *r) {
  const json_t *lane;
  size_t i;
  struct kept **tail = &r->kept;
  struct err e;
  json_array_foreach(r->spec->cursors, i, lane) {
    struct kept *k = read_one(lane, r->arena);
    if (!k) {
      err_set(&e, ETL_E_PERMANENT, "the position of a lane of pipeline '%s' that the state store has cannot be read", r->spec->pipeline);
      err_remedy(&e, "its rows in the table cursors of the state store were changed, or are of a newer release; without them everything is read again");
      return run_fail(r, &e, NULL);
    }
    *tail = k;
    tail = &k->next;
  }
  return 0;
}

/* ---- telling ------------------------------------------------------------------------------------------------------------------------- */

static json_t *state_of(const struct etl_cursor *c) {
  cleanup_free char *hex = xcalloc(2 * c->cursor.n + 1, 1);
  const unsigned char *p = c->cursor.p;
  for (size_t i = 0; i < c->cursor.n; i++) {
    hex[2 * i] = digits[p[i] >> 4];
    hex[2 * i + 1] = digits[p[i] & 15];
  }
  json_t *j = json_pack("{s:s, s:s*, s:b}", "cursor", hex, "note", c->note, "finished", (c->flags & ETL_CURSOR_FINISHED) != 0);
  cleanup_free char *text = json_dumps(j, JSON_COMPACT);
  json_decref(j);
  return json_string(text);
}

void outside_tell(struct run *r, const struct etl_cursor *const *to, uint64_t n) {
  json_t *list = json_array();
  for (uint64_t i = 0; i < n; i++) {
    json_t *one = json_pack("{s:s, s:s, s:I}", "stream", to[i]->stream, "shard", to[i]->shard, "epoch", (json_int_t)to[i]->epoch);
    if (!(to[i]->flags & ETL_CURSOR_FORGET))
      json_object_set_new(one, "state", state_of(to[i]));
    json_array_append_new(list, one);
  }
  report_unmasked(&r->report, "committed", json_pack("{s:o}", "cursors", list));
}
