/* The lanes in a manifest. */
#include <stdlib.h>

#include "manifest.h"

static bool lane_is(const json_t *lane, const char *key, const char *text) {
  return strcmp(json_string_value(json_object_get(lane, key)), text) == 0;
}

json_t *manifest_lane(const struct manifest *m, const char *scope, const char *stream, const char *shard) {
  json_t *lane;
  size_t i;
  json_array_foreach(json_object_get(m->root, "lanes"), i, lane)
    if (lane_is(lane, "scope", scope) && lane_is(lane, "stream", stream) && lane_is(lane, "shard", shard))
      return lane;
  return NULL;
}

void manifest_drop_lanes(struct manifest *m, const char *scope, bool others) {
  json_t *lanes = json_object_get(m->root, "lanes");
  for (size_t i = json_array_size(lanes); i-- > 0;) {
    const json_t *lane = json_array_get(lanes, i);
    bool same = lane_is(lane, "scope", scope);
    if (others ? !same && !lane_is(lane, "scope", "") : same)
      json_array_remove(lanes, i);
  }
}

static void drop_lane(struct manifest *m, const json_t *lane) {
  json_t *lanes = json_object_get(m->root, "lanes");
  for (size_t i = json_array_size(lanes); i-- > 0;)
    if (json_array_get(lanes, i) == lane)
      json_array_remove(lanes, i);
}

/* Cursors are opaque bytes: hexadecimal, so that any of them is JSON. */
static char *to_hex(struct etl_bytes b) {
  char *hex = malloc((size_t)b.n * 2 + 1);
  for (uint64_t i = 0; hex && i < b.n; i++) {
    uint8_t byte = ((const uint8_t *)b.p)[i];
    hex[2 * i] = "0123456789abcdef"[byte >> 4];
    hex[2 * i + 1] = "0123456789abcdef"[byte & 15];
  }
  if (hex)
    hex[b.n * 2] = 0;
  return hex;
}

static size_t from_hex(char *hex) {
  size_t n = strlen(hex) / 2;
  for (size_t i = 0; i < n; i++) {
    char two[3] = {hex[2 * i], hex[2 * i + 1], 0};
    hex[i] = (char)strtoul(two, NULL, 16);
  }
  return n;
}

int manifest_set_lane(struct manifest *m, const char *scope, const struct etl_cursor *c, json_t *files, struct failure *f) {
  json_t *old = manifest_lane(m, scope, c->stream, c->shard);
  if (old)
    drop_lane(m, old);
  if (c->flags & ETL_CURSOR_FORGET) {
    json_decref(files);
    return 0;
  }
  char *hex = to_hex(c->cursor);
  json_t *lane =
      hex ? json_pack("{s:s, s:s, s:s, s:I, s:s, s:b, s:s*, s:o}", "scope", scope, "stream", c->stream, "shard", c->shard, "epoch",
                      (json_int_t)c->epoch, "cursor", hex, "finished", (c->flags & ETL_CURSOR_FINISHED) != 0, "note", c->note, "files", files)
          : NULL;
  free(hex);
  return lane && json_array_append_new(json_object_get(m->root, "lanes"), lane) == 0 ? 0 : failure_memory(f, "the manifest");
}

int manifest_tell(const struct manifest *m, const char *scope, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg, int32_t *ret_rc,
                  struct failure *f) {
  const json_t *lane;
  size_t i;
  *ret_rc = ETL_OK;
  json_array_foreach(json_object_get(m->root, "lanes"), i, lane) {
    if (!lane_is(lane, "scope", scope) || *ret_rc != ETL_OK)
      continue;
    char *cursor = strdup(json_string_value(json_object_get(lane, "cursor")));
    if (!cursor)
      return failure_memory(f, "a cursor");
    size_t n = from_hex(cursor);
    struct etl_cursor c = {.struct_size = sizeof c,
                           .flags = json_is_true(json_object_get(lane, "finished")) ? ETL_CURSOR_FINISHED : 0,
                           .stream = json_string_value(json_object_get(lane, "stream")),
                           .shard = json_string_value(json_object_get(lane, "shard")),
                           .epoch = (uint64_t)json_integer_value(json_object_get(lane, "epoch")),
                           .cursor = {cursor, n},
                           .note = json_string_value(json_object_get(lane, "note"))};
    *ret_rc = each(arg, &c);
    free(cursor);
  }
  return 0;
}
