/* The log.  Each record is one write(), so that lines of several writers of a file do not mix. */
#include "serve/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/units.h"

enum { KEPT = 1000, FILE_MODE = 0640 };

struct log {
  const struct clock *clock;
  char *file;
  int fd;
  bool json, torn; /* the last line is there in part */
  enum log_level level;
  struct log_line kept[KEPT];
  int64_t seq, lost;
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

/* ---- the file ----------------------------------------------------------------------------------------------------------------------- */

static int open_file(const char *file, struct err *e) {
  int fd = file ? open(file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, FILE_MODE) : fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
  if (fd >= 0)
    return fd;
  err_set(e, ETL_E_CONFIG, "the log file '%s' cannot be opened: %s", file ? file : "(stderr)", strerror(errno));
  return err_remedy(e, "create its folder and let this user write there, or set 'log_file' of 'serve' to another place");
}

int log_open(const struct log_settings *s, const struct clock *clock, struct err *e, struct log **ret) {
  int fd = open_file(s->file, e);
  if (fd < 0)
    return -1;
  struct log *l = xcalloc(1, sizeof *l);
  *l = (struct log){.clock = clock, .fd = fd, .json = s->json, .level = s->level, .file = s->file ? xstrdup(s->file) : NULL};
  *ret = l;
  return 0;
}

int log_reopen(struct log *l, const struct log_settings *s, struct err *e) {
  int fd = open_file(s->file, e);
  if (fd < 0)
    return -1;
  char *old = l->file;
  l->file = s->file ? xstrdup(s->file) : NULL; /* s->file may be the old one */
  free(old);
  close(l->fd);
  l->fd = fd;
  l->torn = false;
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
  close(l->fd);
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
  char *head = xasprintf("%s %-7s", json_string_value(json_object_get(record, "time")), json_string_value(json_object_get(record, "level")));
  bool any = false;
  for (size_t i = 0; i < sizeof context / sizeof *context; i++) {
    const char *text = json_string_value(json_object_get(record, context[i]));
    if (!text)
      continue;
    char *longer = xasprintf("%s %s", head, text);
    free(head);
    head = longer;
    any = true;
  }
  const char *message = json_string_value(json_object_get(record, "message"));
  char *line = xasprintf("%s%s %s\n", head, any ? ":" : "", message ? message : "");
  free(head);
  for (char *p = line; p[1]; p++)
    if ((unsigned char)*p < ' ' || *p == 127) /* a connector's message does not begin lines of its own */
      *p = ' ';
  return line;
}

static bool put(struct log *l, const json_t *record) {
  char *text = l->json ? json_dumps(record, JSON_COMPACT) : to_text(record);
  cleanup_free char *line = xasprintf("%s%s%s", l->torn ? "\n" : "", text, l->json ? "\n" : "");
  free(text);
  size_t n = strlen(line);
  ssize_t done;
  do
    done = write(l->fd, line, n);
  while (done < 0 && errno == EINTR);
  if (done > 0)
    l->torn = done < (ssize_t)n;
  return done == (ssize_t)n;
}

static void tell_lost(struct log *l, const char *time) {
  cleanup_free char *message =
      xasprintf("%lld records could not be written to the log: there was no room for it, or it could not be written", (long long)l->lost);
  json_t *j = to_json(&(struct log_record){.level = LEVEL_WARNING, .message = message}, time);
  if (put(l, j))
    l->lost = 0;
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
  if (l->lost)
    tell_lost(l, time);
  if (!put(l, line->record))
    l->lost++;
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

int64_t log_lost(const struct log *l) { return l->lost; }
