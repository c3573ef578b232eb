/* Notices as JSON.  Lengths are cut here, once: an error may quote half a document, and a log line a whole one. */
#include "serve/notice.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "base/units.h"

enum {
  MAX_TEXT = 2000,
  MAX_LINE = 500
};

/* At most max bytes of s, as UTF-8 without control characters: it goes to terminals and into headers.  To be freed. */
static char *shown(const char *s, size_t n, size_t max) {
  cleanup_free char *part = xasprintf("%.*s", (int)(n > max ? max : n), s);
  if (n > max)
    part[text_end(part)] = 0;
  char *text = text_mended(part, strlen(part));
  for (char *c = text; *c; c++)
    if ((unsigned char)*c < ' ' || *c == 0x7f)
      *c = ' ';
  return text;
}

static void put_text(json_t *j, const char *name, const char *text, size_t max) {
  if (!text || !*text)
    return;
  cleanup_free char *part = shown(text, strlen(text), max);
  json_object_set_new(j, name, json_sprintf("%s%s", part, strlen(text) > max ? "..." : ""));
}

static void put_time(json_t *j, const char *name, int64_t ns) {
  time_t s = (time_t)(ns / NS_PER_SEC);
  struct tm tm;
  char text[40];
  if (ns <= 0 || !gmtime_r(&s, &tm))
    return;
  strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
  json_object_set_new(j, name, json_string(text));
}

static void put_lines(json_t *j, const struct notice *n, int64_t most) {
  size_t first = n->lines_n > (size_t)most ? n->lines_n - (size_t)most : 0;
  json_t *list = json_array();
  for (size_t i = first; i < n->lines_n; i++) {
    size_t len = strlen(n->lines[i]);
    while (len > 0 && (n->lines[i][len - 1] == '\n' || n->lines[i][len - 1] == '\r'))
      len--;
    cleanup_free char *line = shown(n->lines[i], len, MAX_LINE);
    json_array_append_new(list, json_string(line));
  }
  json_object_set_new(j, "log", list);
}

json_t *notice_to_json(const struct notice *n, int64_t lines) {
  json_t *j = json_pack("{ss}", "event", notify_event_name(n->event)), *error = json_object();
  const struct {
    const char *name, *text;
    json_t *in;
  } texts[] = {{"pipeline", n->pipeline, j}, {"run", n->run, j},       {"state", n->state, j},         {"stage", n->stage, j},
               {"stream", n->stream, j},     {"shard", n->shard, j},   {"connector", n->connector, j}, {"message", n->message, j},
               {"remedy", n->remedy, j},     {"class", n->error_class, error}, {"code", n->error_code, error}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    put_text(texts[i].in, texts[i].name, texts[i].text, MAX_TEXT);
  if (json_object_size(error))
    json_object_set(j, "error", error);
  json_decref(error);
  if (n->rows_read || n->rows_written || n->rows_filtered || n->rows_rejected)
    json_object_set_new(j, "rows",
                        json_pack("{sI, sI, sI, sI}", "read", (json_int_t)n->rows_read, "written", (json_int_t)n->rows_written, "filtered",
                                  (json_int_t)n->rows_filtered, "rejected", (json_int_t)n->rows_rejected));
  if (n->attempt)
    json_object_set_new(j, "attempt", json_integer(n->attempt));
  const struct {
    const char *name;
    int64_t ns;
  } times[] = {{"at", n->at_ns}, {"due", n->due_ns}, {"started", n->started_ns}, {"ended", n->ended_ns}};
  for (size_t i = 0; i < sizeof times / sizeof *times; i++)
    put_time(j, times[i].name, times[i].ns);
  if (n->lines_n && lines > 0)
    put_lines(j, n, lines);
  return j;
}
