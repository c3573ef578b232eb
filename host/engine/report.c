/* Events of a run, masked and sent.  One lock keeps frames whole. */
#include "engine/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/frame.h"
#include "base/mem.h"
#include "base/text.h"

enum { MASK_MIN_CHARS = 3 }; /* shorter secrets would mask half of every message */

void report_init(struct report *r, int fd) {
  *r = (struct report){.fd = fd};
  pthread_mutex_init(&r->lock, NULL);
}

void report_fini(struct report *r) {
  free(r->secrets);
  pthread_mutex_destroy(&r->lock);
}

void report_mask(struct report *r, const struct secrets *s) {
  r->secrets = xrealloc(r->secrets, (r->secrets_n + 1) * sizeof *r->secrets);
  r->secrets[r->secrets_n++] = s;
}

/* text with every occurrence of secret replaced, or NULL when there is none. */
static char *mask_one(const char *text, const char *secret) {
  if (strlen(secret) < MASK_MIN_CHARS)
    return NULL;
  const char *at = strstr(text, secret);
  if (!at)
    return NULL;
  char *head = xasprintf("%.*s***", (int)(at - text), text);
  char *tail = mask_one(at + strlen(secret), secret);
  char *whole = xasprintf("%s%s", head, tail ? tail : at + strlen(secret));
  free(head);
  free(tail);
  return whole;
}

static json_t *mask_string(const struct report *r, const json_t *j) {
  char *text = xstrdup(json_string_value(j));
  bool masked = false;
  for (size_t i = 0; i < r->secrets_n; i++)
    for (size_t k = 0; k < r->secrets[i]->n; k++) {
      char *m = mask_one(text, r->secrets[i]->texts[k]);
      if (!m)
        continue;
      free(text);
      text = m;
      masked = true;
    }
  json_t *ret = masked ? json_string(text) : NULL;
  free(text);
  return ret;
}

static void mask_tree(const struct report *r, json_t *j) {
  const char *key;
  json_t *value, *masked;
  size_t i;
  void *next;
  json_object_foreach_safe(j, next, key, value) {
    if (json_is_string(value) && (masked = mask_string(r, value)))
      json_object_set_new(j, key, masked);
    else
      mask_tree(r, value);
  }
  json_array_foreach(j, i, value) {
    if (json_is_string(value) && (masked = mask_string(r, value)))
      json_array_set_new(j, i, masked);
    else
      mask_tree(r, value);
  }
}

void report_unmasked(struct report *r, const char *name, json_t *fields) {
  json_t *j = json_object();
  json_object_set_new(j, "event", json_string(name));
  if (fields) {
    json_object_update(j, fields);
    json_decref(fields);
  }
  pthread_mutex_lock(&r->lock);
  if (r->fd >= 0 && frame_write(r->fd, j) < 0)
    r->fd = -1; /* nobody listens any more: the socket watcher ends the run */
  pthread_mutex_unlock(&r->lock);
  json_decref(j);
}

void report_event(struct report *r, const char *name, json_t *fields) {
  if (fields)
    mask_tree(r, fields);
  report_unmasked(r, name, fields);
}

json_t *report_text(const char *text, size_t n) {
  json_t *j = json_stringn(text, n);
  if (j)
    return j;
  cleanup_free char *mended = text_mended(text, n);
  return json_string(mended);
}

static void set_text(json_t *j, const char *key, const char *text) {
  if (text && *text)
    json_object_set_new(j, key, report_text(text, strlen(text)));
}

json_t *report_error(const struct err *e, const char *stage, const char *connector) {
  json_t *j = json_object();
  set_text(j, "class", err_class_name(e->error_class));
  set_text(j, "message", e->message);
  set_text(j, "remedy", e->remedy);
  set_text(j, "stage", stage);
  set_text(j, "connector", connector);
  set_text(j, "option", e->option);
  set_text(j, "vendor_state", e->vendor_state);
  if (e->vendor_code)
    json_object_set_new(j, "vendor_code", json_integer(e->vendor_code));
  if (e->row >= 0)
    json_object_set_new(j, "row", json_integer(e->row));
  if (e->column >= 0)
    json_object_set_new(j, "column", json_integer(e->column));
  return j;
}
