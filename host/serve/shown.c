/* Rows of the store as JSON.  Fields of one kind are one table. */
#include "serve/shown.h"

#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "base/text.h"
#include "base/zone.h"

enum kind { TEXT, NUMBER, TIME };
struct field {
  const char *key;
  enum kind kind;
  size_t at;
};

void shown_text(json_t *to, const char *key, const char *text) {
  if (!text || !*text)
    return;
  json_t *j = json_string(text);
  if (!j) {
    cleanup_free char *mended = text_mended(text, strlen(text));
    j = json_string(mended);
  }
  json_object_set_new(to, key, j);
}

void shown_time(json_t *to, const char *key, int64_t ns) {
  char text[ZONE_TEXT];
  if (ns > 0 && ns < INT64_MAX)
    json_object_set_new(to, key, json_string(zone_print(&zone_utc, ns, text)));
}

static json_t *from(const struct field *fields, const void *row) {
  json_t *j = json_object();
  for (const struct field *f = fields; f->key; f++) {
    const char *p = (const char *)row + f->at;
    if (f->kind == TEXT)
      shown_text(j, f->key, *(const char *const *)(const void *)p);
    else if (f->kind == TIME)
      shown_time(j, f->key, *(const int64_t *)(const void *)p);
    else
      json_object_set_new(j, f->key, json_integer(*(const int64_t *)(const void *)p));
  }
  return j;
}

#define F(key_, kind_, type_, member_)                 \
  {                                                    \
    key_, kind_, offsetof(struct type_, member_) \
  }

static json_t *error_of(const struct store_run *r) {
  static const struct field fields[] = {F("class", TEXT, store_run, error_class), F("vendor_state", TEXT, store_run, error_code),
                                        F("message", TEXT, store_run, error_message), F("remedy", TEXT, store_run, error_remedy),
                                        F("stage", TEXT, store_run, error_stage), F("connector", TEXT, store_run, error_connector), {0}};
  return r->error_message ? from(fields, r) : NULL;
}

json_t *shown_run(const struct store_run *r) {
  static const struct field fields[] = {F("run", TEXT, store_run, id),
                                        F("pipeline", TEXT, store_run, pipeline),
                                        F("trigger", TEXT, store_run, trigger),
                                        F("state", TEXT, store_run, state),
                                        F("due", TIME, store_run, due_ns),
                                        F("queued", TIME, store_run, queued_ns),
                                        F("not_before", TIME, store_run, not_before_ns),
                                        F("started", TIME, store_run, started_ns),
                                        F("ended", TIME, store_run, ended_ns),
                                        F("window_from", TIME, store_run, window_from_ns),
                                        F("window_to", TIME, store_run, window_to_ns),
                                        F("attempt", NUMBER, store_run, attempt),
                                        F("root", TEXT, store_run, root),
                                        F("host", TEXT, store_run, host),
                                        F("rows_read", NUMBER, store_run, rows_read),
                                        F("rows_written", NUMBER, store_run, rows_written),
                                        F("rows_filtered", NUMBER, store_run, rows_filtered),
                                        F("rows_rejected", NUMBER, store_run, rows_rejected),
                                        F("bytes", NUMBER, store_run, bytes),
                                        F("reason", TEXT, store_run, reason),
                                        F("cancel", TEXT, store_run, cancel),
                                        {0}};
  json_t *j = from(fields, r), *error = error_of(r), *options = r->options ? json_loads(r->options, 0, NULL) : NULL;
  if (r->started_ns && r->ended_ns)
    json_object_set_new(j, "seconds", json_real((double)(r->ended_ns - r->started_ns) / 1e9));
  if (error)
    json_object_set_new(j, "error", error);
  if (options)
    json_object_set_new(j, "options", options);
  return j;
}

json_t *shown_task(const struct store_task *t) {
  static const struct field fields[] = {F("stage", TEXT, store_task, stage),
                                        F("stream", TEXT, store_task, stream),
                                        F("shard", TEXT, store_task, shard),
                                        F("state", TEXT, store_task, state),
                                        F("attempts", NUMBER, store_task, attempts),
                                        F("rows_in", NUMBER, store_task, rows_in),
                                        F("rows_out", NUMBER, store_task, rows_out),
                                        F("bytes", NUMBER, store_task, bytes),
                                        F("started", TIME, store_task, started_ns),
                                        F("ended", TIME, store_task, ended_ns),
                                        {0}};
  static const struct field errors[] = {F("class", TEXT, store_task, error_class), F("vendor_state", TEXT, store_task, error_code),
                                        F("message", TEXT, store_task, error_message), F("remedy", TEXT, store_task, error_remedy), {0}};
  json_t *j = from(fields, t);
  if (t->error_message)
    json_object_set_new(j, "error", from(errors, t));
  return j;
}

json_t *shown_event(const struct store_event *e) {
  static const struct field fields[] = {F("time", TIME, store_event, at_ns),        F("level", TEXT, store_event, level),
                                        F("kind", TEXT, store_event, kind),         F("host", TEXT, store_event, host),
                                        F("pipeline", TEXT, store_event, pipeline), F("run", TEXT, store_event, run),
                                        F("stage", TEXT, store_event, stage),       F("shard", TEXT, store_event, shard),
                                        F("message", TEXT, store_event, message),   {0}};
  return from(fields, e);
}

json_t *shown_breaker(const struct store_breaker *b) {
  static const struct field fields[] = {F("pipeline", TEXT, store_breaker, pipeline), F("shard", TEXT, store_breaker, shard),
                                        F("state", TEXT, store_breaker, state),       F("failures", NUMBER, store_breaker, failures),
                                        F("opened", TIME, store_breaker, opened_ns),  F("changed", TIME, store_breaker, changed_ns),
                                        F("reason", TEXT, store_breaker, reason),     {0}};
  return from(fields, b);
}

json_t *shown_error(const struct err *e) {
  json_t *j = json_object();
  shown_text(j, "class", err_class_name(e->error_class));
  shown_text(j, "message", e->message);
  shown_text(j, "remedy", e->remedy);
  return j;
}

void shown_error_read(const json_t *j, struct err *ret) {
  const char *class = member_text(j, "class"), *message = member_text(j, "message");
  const char *remedy = member_text(j, "remedy");
  uint32_t error_class = class ? err_class_from_name(class) : 0;
  err_set(ret, error_class ? error_class : ETL_E_INTERNAL, "%s", message ? message : "the host answered with an error that it does not name");
  if (remedy)
    err_remedy(ret, "%s", remedy);
}
