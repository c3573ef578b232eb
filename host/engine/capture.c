/* Lists of records. */
#include "engine/capture.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "etl/sdk.h"

static struct capture *capture_new(const char *stream, uint32_t status, const char *reason, int64_t n) {
  struct capture *c = xcalloc(1, sizeof *c);
  *c = (struct capture){.status = status, .stream = xstrdup(stream), .reason = reason ? xstrdup(reason) : NULL, .at_ns = clock_wall_ns(), .n = n};
  c->bytes = (int64_t)(sizeof *c + strlen(stream)) + n * (int64_t)sizeof *c->raw;
  return c;
}

static void capture_free(struct capture *c) {
  for (int64_t i = 0; c->changes && i < c->n; i++)
    free(c->changes[i].reason);
  free(c->changes);
  free(c->stream);
  free(c->reason);
  free(c->raw);
  if (c->counted)
    budget_free_mem(c->text);
  else
    free(c->text);
  free(c);
}

/* A copy of text (of n bytes); c is freed when there is no room. */
static struct capture *keep_text(struct capture *c, const char *text, size_t n, struct budget *budget) {
  c->counted = budget != NULL;
  c->text = budget ? budget_alloc(budget, n ? n : 1) : xcalloc(n + 1, 1);
  if (!c->text) {
    capture_free(c);
    return NULL;
  }
  if (n)
    memcpy(c->text, text, n);
  c->bytes += (int64_t)n;
  return c;
}

struct capture *capture_rows(const char *stream, const struct ArrowSchema *schema, const struct ArrowArray *rows, struct budget *budget) {
  uint64_t n;
  char *text = etl_rows_json(schema, rows, &n);
  if (!text)
    return NULL;
  struct capture *c = capture_new(stream, 0, NULL, rows->length);
  if (!budget) {
    c->text = text;
    c->bytes += (int64_t)n;
    return c;
  }
  c = keep_text(c, text, (size_t)n, budget);
  free(text);
  return c;
}

struct capture *capture_one(const char *stream, uint32_t status, const char *reason, const char *text, struct budget *budget) {
  struct capture *c = capture_new(stream, status, reason, 1);
  if (status)
    c->raw = xcalloc(1, sizeof *c->raw);
  return text ? keep_text(c, text, strlen(text) + 1, budget) : c;
}

struct capture *capture_left_out(const char *stream, const char *reason, const int64_t *numbers, const uint8_t *fates, int64_t n) {
  int64_t left = 0;
  for (int64_t i = 0; i < n; i++)
    left += fates[i] == ROW_LEFT_OUT;
  if (left == 0)
    return NULL;
  struct capture *c = capture_new(stream, ETL_CAPTURED_FILTERED, reason, left);
  c->raw = xcalloc((size_t)left, sizeof *c->raw);
  for (int64_t i = n - 1; i >= 0; i--)
    if (fates[i] == ROW_LEFT_OUT)
      c->raw[--left] = numbers[i];
  return c;
}

void capture_change(struct capture *c, int64_t record, uint32_t status, const char *reason) {
  if (!c->changes)
    c->changes = xcalloc((size_t)c->n, sizeof *c->changes);
  free(c->changes[record].reason);
  c->changes[record] = (struct capture_change){status, xstrdup(reason)};
}

void captures_add(struct captures *l, struct capture *c) {
  struct captures one = {.first = c, .last = c, .n = c->n, .bytes = c->bytes};
  captures_move(&one, l);
}

void captures_move(struct captures *from, struct captures *to) {
  if (!from->first)
    return;
  if (to->last)
    to->last->next = from->first;
  else
    to->first = from->first;
  to->last = from->last;
  to->n += from->n;
  to->bytes += from->bytes;
  *from = (struct captures){0};
}

void captures_clear(struct captures *l) {
  for (struct capture *c = l->first, *next; c; c = next) {
    next = c->next;
    capture_free(c);
  }
  *l = (struct captures){0};
}

int64_t *numbers_from(int64_t first, int64_t n) {
  int64_t *numbers = xcalloc((size_t)n + 1, sizeof *numbers);
  for (int64_t i = 0; i < n; i++)
    numbers[i] = first + i;
  return numbers;
}
