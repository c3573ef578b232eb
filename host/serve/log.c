/* The log: records as lines, and the newest of them for whoever asks. */
#include "serve/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/member.h"
#include "base/text.h"
#include "base/units.h"
#include "serve/log_sink.h"

enum { KEPT = 1000 };
static const int64_t REOPEN_WAIT_NS = NS_PER_SEC / 10, CLOSE_WAIT_NS = 2 * NS_PER_SEC;

struct log {
  const struct clock *clock;
  char *file;
  struct log_sink *sink;
  bool json;
  enum log_level level;
  struct log_line kept[KEPT];
  int64_t seq, lost; /* lost: of files that were closed since */
  void (*follow)(void *arg, const struct log_line *line);
  void *follow_arg;
};

static const char *const level_names[] = {[LEVEL_DEBUG] = "debug", [LEVEL_INFO] = "info", [LEVEL_WARNING] = "warning", [LEVEL_ERROR] = "error"};

const char *log_level_name(enum log_level level) { return level_names[level]; }

int log_level_from_name(const char *name) {
  for (int i = 0; i <= LEVEL_ERROR; i++)
    if (strcmp(level_names[i], name) == 0)
      return i;
  return strcmp(name, "trace") == 0 ? LEVEL_DEBUG : -1;
}

char *time_text(char buf[TIME_TEXT], int64_t ns) {
  struct tm tm;
  time_t seconds = (time_t)(ns / NS_PER_SEC);
  char head[24];
  gmtime_r(&seconds, &tm);
  strftime(head, sizeof head, "%Y-%m-%dT%H:%M:%S", &tm);
  snprintf(buf, TIME_TEXT, "%s.%03dZ", head, (int)(ns % NS_PER_SEC / NS_PER_MS));
  return buf;
}

/* ---- its file ---------------------------------------------------------------------------------------------------------------------- */

int log_open(const struct log_settings *s, const struct clock *clock, struct err *e, struct log **ret) {
  struct log_sink *sink;
  if (log_sink_open(s->file, e, &sink) < 0)
    return -1;
  struct log *l = xcalloc(1, sizeof *l);
  *l = (struct log){.clock = clock, .sink = sink, .json = s->json, .level = s->level, .file = s->file ? xstrdup(s->file) : NULL};
  *ret = l;
  return 0;
}

int log_reopen(struct log *l, const struct log_settings *s, struct err *e) {
  struct log_sink *sink;
  if (log_sink_open(s->file, e, &sink) < 0)
    return -1;
  char *old = l->file;
  l->file = s->file ? xstrdup(s->file) : NULL; /* s->file may be the old one */
  free(old);
  log_sink_flush(l->sink, REOPEN_WAIT_NS);
  l->lost += log_sink_close(l->sink);
  l->sink = sink;
  l->json = s->json;
  l->level = s->level;
  return 0;
}

int log_reopen_same(struct log *l, struct err *e) {
  return log_reopen(l, &(struct log_settings){.file = l->file, .json = l->json, .level = l->level}, e);
}

void log_close(struct log *l) {
  if (!l)
    return;
  for (size_t i = 0; i < KEPT; i++)
    json_decref(l->kept[i].record);
  log_sink_flush(l->sink, CLOSE_WAIT_NS);
  log_sink_close(l->sink);
  free(l->file);
  free(l);
}

/* ---- records --------------------------------------------------------------------------------------------------------------------------- */

static void set(json_t *j, const char *key, const char *text) {
  if (!text || !*text)
    return;
  json_t *value = json_string(text);
  if (!value) {
    cleanup_free char *mended = text_mended(text, strlen(text));
    value = json_string(mended);
  }
  json_object_set_new(j, key, value);
}

static json_t *to_json(const struct log_record *r, const char *time) {
  json_t *j = json_object();
  set(j, "time", time);
  set(j, "level", level_names[r->level]);
  set(j, "pipeline", r->pipeline);
  set(j, "run", r->run);
  set(j, "stage", r->stage);
  set(j, "connector", r->connector);
  set(j, "shard", r->shard);
  set(j, "message", r->message);
  return j;
}

/* 2026-01-02T03:04:05.678Z info logins 0abc... load eu1: message */
static char *to_text(const json_t *record) {
  static const char *const context[] = {"pipeline", "run", "stage", "connector", "shard"};
  char *head = xasprintf("%s %-7s", member_text(record, "time"), member_text(record, "level"));
  bool any = false;
  for (size_t i = 0; i < sizeof context / sizeof *context; i++) {
    const char *text = member_text(record, context[i]);
    if (!text)
      continue;
    char *longer = xasprintf("%s %s", head, text);
    free(head);
    head = longer;
    any = true;
  }
  const char *message = member_text(record, "message");
  char *line = xasprintf("%s%s %s\n", head, any ? ":" : "", message ? message : "");
  free(head);
  for (char *p = line; p[1]; p++)
    if ((unsigned char)*p < ' ' || *p == 127) /* a connector's message does not begin lines of its own */
      *p = ' ';
  return line;
}

static void put(struct log *l, const json_t *record, int64_t stands_for) {
  char *text = l->json ? json_dumps(record, JSON_COMPACT) : to_text(record);
  cleanup_free char *line = xasprintf("%s%s", text, l->json ? "\n" : "");
  free(text);
  log_sink_write(l->sink, line, stands_for);
}

static void tell_lost(struct log *l, const char *time) {
  int64_t lost = log_sink_take_lost(l->sink) + l->lost;
  l->lost = 0;
  if (lost == 0)
    return;
  cleanup_free char *message = xasprintf("%lld records could not be written to the log: there was no room for it, it could not be written, or nobody read it",
                                         (long long)lost);
  json_t *j = to_json(&(struct log_record){.level = LEVEL_WARNING, .message = message}, time);
  put(l, j, lost);
  json_decref(j);
}

static const struct log_line *keep(struct log *l, json_t *record) {
  struct log_line *line = &l->kept[++l->seq % KEPT];
  json_decref(line->record);
  *line = (struct log_line){.seq = l->seq, .record = record};
  return line;
}

void log_write(struct log *l, const struct log_record *r) {
  char time[TIME_TEXT];
  if (r->level < l->level)
    return;
  time_text(time, l->clock->wall_ns(l->clock));
  const struct log_line *line = keep(l, to_json(r, time));
  tell_lost(l, time);
  put(l, line->record, 1);
  if (l->follow)
    l->follow(l->follow_arg, line);
}

void log_text(struct log *l, enum log_level level, const char *fmt, ...) {
  char text[2048];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  log_write(l, &(struct log_record){.level = level, .message = text});
}

void log_err(struct log *l, enum log_level level, const char *pipeline, const struct err *e) {
  cleanup_free char *text = xasprintf("%s%s%s", e->message, e->remedy[0] ? "; " : "", e->remedy);
  log_write(l, &(struct log_record){.level = level, .pipeline = pipeline, .message = text});
}

void log_each(const struct log *l, int64_t after, bool (*each)(void *arg, const struct log_line *line), void *arg) {
  int64_t first = l->seq >= KEPT ? l->seq - KEPT + 1 : 1;
  for (int64_t i = after + 1 > first ? after + 1 : first; i <= l->seq; i++)
    if (!each(arg, &l->kept[i % KEPT]))
      return;
}

int64_t log_newest(const struct log *l) { return l->seq; }

void log_follow(struct log *l, void (*follow)(void *arg, const struct log_line *line), void *arg) {
  l->follow = follow;
  l->follow_arg = arg;
}

int64_t log_lost(const struct log *l) { return log_sink_lost(l->sink) + l->lost; }

bool log_flush(struct log *l, int64_t within_ns) { return log_sink_flush(l->sink, within_ns); }
