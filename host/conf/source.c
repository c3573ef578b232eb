/* The only place that knows libconfig.  Its trees are copied into conf_nodes and destroyed at once. */
#include "conf/source.h"

#include <libconfig.h>
#include <math.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/trust.h"
#include "conf/scan.h"

enum {
  TEXT_LIMIT = 16 * 1024 * 1024,
  DEPTH_LIMIT = 10 /* of files that include files, as libconfig has it */
};

struct reading {
  struct arena *arena;
  const char *path;
  const char *base_dir;
  const struct diags *d;
  size_t findings_from; /* those of this file in d */
  const char *file, *origin; /* of the setting before: those of a line share its text */
  unsigned line;
};

/* libconfig gives an included file's name as it was written, starting at the folder of the main file. */
static const char *shown_path(const char *file, const char *main_path, struct arena *a) {
  return !file || strcmp(file, main_path) == 0 ? main_path : text_join(a, text_dirname(a, main_path), file);
}

/* Was something said about that line?  Then the value that libconfig made of it is not worth another word. */
static bool already_reported(const struct reading *r, const char *origin) {
  for (size_t i = r->findings_from; r->d && i < r->d->n; i++)
    if (r->d->list[i].origin && strcmp(r->d->list[i].origin, origin) == 0)
      return true;
  return false;
}

/* The shortest text that reads back as v. */
static const char *float_text(struct arena *a, double v) {
  char buf[64];
  for (int digits = 6; digits <= 17; digits++) {
    snprintf(buf, sizeof buf, "%.*g", digits, v);
    if (strtod(buf, NULL) == v)
      break;
  }
  return arena_strdup(a, buf);
}

static void copy_scalar(const struct reading *r, const config_setting_t *s, struct conf_node *n) {
  switch (config_setting_type(s)) {
  case CONFIG_TYPE_INT:
  case CONFIG_TYPE_INT64:
    n->kind = CONF_INT;
    n->i = config_setting_get_int64(s);
    n->text = arena_printf(r->arena, "%lld", (long long)n->i);
    n->broken = already_reported(r, n->origin);
    break;
  case CONFIG_TYPE_FLOAT:
    n->kind = CONF_FLOAT;
    n->f = config_setting_get_float(s);
    n->text = float_text(r->arena, n->f);
    break;
  case CONFIG_TYPE_BOOL:
    n->kind = CONF_BOOL;
    n->i = config_setting_get_bool(s);
    n->text = n->i ? "true" : "false";
    break;
  default: {
    const char *text = config_setting_get_string(s);
    n->kind = CONF_STRING;
    n->text = arena_strdup(r->arena, text ? text : "");
  }
  }
}

static const char *origin_of(struct reading *r, const config_setting_t *s) {
  const char *file = config_setting_source_file(s);
  unsigned line = config_setting_source_line(s);
  if (config_setting_is_root(s))
    return shown_path(file, r->path, r->arena);
  if (!r->origin || r->file != file || r->line != line)
    r->origin = arena_printf(r->arena, "%s:%u", shown_path(file, r->path, r->arena), line);
  r->file = file;
  r->line = line;
  return r->origin;
}

static struct conf_node *copy_node(struct reading *r, const config_setting_t *s) {
  struct conf_node *n = arena_alloc_aligned(r->arena, sizeof *n, alignof(struct conf_node)); /* there are many */
  n->name = arena_strdup(r->arena, config_setting_name(s));
  n->origin = origin_of(r, s);
  n->base_dir = r->base_dir;
  if (!config_setting_is_aggregate(s)) {
    copy_scalar(r, s, n);
    return n;
  }
  n->kind = config_setting_is_group(s) ? CONF_GROUP : CONF_LIST;
  n->kids_n = (size_t)config_setting_length(s);
  n->kids = arena_alloc_aligned(r->arena, n->kids_n * sizeof *n->kids, alignof(struct conf_node *));
  for (size_t i = 0; i < n->kids_n; i++)
    n->kids[i] = copy_node(r, config_setting_get_elem(s, (unsigned)i));
  return n;
}

/* ---- a look before libconfig has one: it ends the process over a folder, waits for a pipe, and takes any bytes for text -------------------- */

struct look {
  const char *main_path;
  struct arena *arena;
  struct diags *d;
};

/* -1: libconfig is not to see it. */
static int check_text(const struct look *l, const char *path, const char *text, size_t n) {
  unsigned open_line = scan_open_text(text);
  if (strlen(text) < n) {
    diags_add(l->d, DIAG_ERROR, path, "the file holds a zero byte, so it is no text");
  } else if (!text_is_utf8(text, n)) {
    diags_add(l->d, DIAG_ERROR, path, "the file is not UTF-8; convert it, for instance with: iconv -f latin1 -t utf-8");
  } else {
    scan_numbers(path, text, l->d);
    if (!open_line)
      return 0;
    diags_add(l->d, DIAG_ERROR, arena_printf(l->arena, "%s:%u", path, open_line), "syntax error: the text that begins here has no closing quote");
  }
  return -1;
}

static int check_included(const struct look *l, const char *path, const char *text, int depth);

/* One file, and those that it includes; origin: where that is, NULL for the main one.  Its text; NULL: libconfig is not to see it. */
static char *take_file(const struct look *l, const char *path, const char *origin, int depth) {
  const char *why;
  struct stat st;
  struct err e;
  size_t n;
  char *text = file_read(path, TEXT_LIMIT, &st, &n, &why);
  if (!text && origin)
    diags_add(l->d, DIAG_ERROR, origin, "cannot read '%s': %s; the path after @include starts at the folder of '%s'", path, why, l->main_path);
  else if (!text)
    diags_add(l->d, DIAG_ERROR, path, "cannot read the file: %s", why);
  else if (trust_check(path, &st, TRUST_TEXT, &e) < 0)
    diags_add(l->d, DIAG_ERROR, path, "%s; %s", e.message, e.remedy);
  if (text && (check_text(l, path, text, n) < 0 || check_included(l, path, text, depth) < 0)) {
    free(text);
    text = NULL;
  }
  return text;
}

static int check_included(const struct look *l, const char *path, const char *text, int depth) {
  const char *at = text, *name;
  unsigned line = 1;
  int rc = 0;
  while (depth < DEPTH_LIMIT && (name = scan_include(&at, &line, l->arena))) {
    const char *file = arena_printf(l->arena, "%s/%s", text_dirname(l->arena, l->main_path), name); /* as libconfig has it, also of "/x" */
    cleanup_free char *included = take_file(l, file, arena_printf(l->arena, "%s:%u", path, line), depth + 1);
    if (!included)
      rc = -1;
  }
  return rc;
}

/* ---- reading -------------------------------------------------------------------------------------------------------------------------------- */

static void explain_parse_error(const config_t *c, const char *path, struct arena *a, struct diags *d) {
  const char *file = shown_path(config_error_file(c), path, a);
  const char *origin = arena_printf(a, "%s:%d", file, config_error_line(c));
  const char *why = config_error_text(c) ? config_error_text(c) : "cannot be read";
  const char *ignored;
  struct stat st;
  size_t n;
  cleanup_free char *text = file_read(file, TEXT_LIMIT, &st, &n, &ignored);
  if (text && strstr(why, "duplicate")) {
    if (scan_duplicates(file, text, d) == 0)
      diags_add(d, DIAG_ERROR, origin,
                "a setting on this line is set twice, here and in a file that is included; remove one of them");
  } else if (strstr(why, "include")) {
    diags_add(d, DIAG_ERROR, origin, "%s; the path after @include starts at the folder of '%s'", why, path);
  } else {
    diags_add(d, DIAG_ERROR, origin, "%s: %s", why,
              text ? scan_hint(text, (unsigned)config_error_line(c), a) : "the file cannot be read");
  }
}

int source_read(const char *path, const char *base_dir, struct arena *a, struct diags *d, struct conf_node **ret_root) {
  size_t findings = d->n, errors = d->errors;
  cleanup_free char *text = take_file(&(struct look){path, a, d}, path, NULL, 0);
  if (!text)
    return -1;
  config_t c;
  config_init(&c);
  config_set_include_dir(&c, text_dirname(a, path));
  if (config_read_string(&c, text) == CONFIG_FALSE) {
    explain_parse_error(&c, path, a, d);
  } else {
    struct reading r = {a, path, base_dir, d, findings};
    *ret_root = copy_node(&r, config_root_setting(&c));
  }
  config_destroy(&c);
  return d->errors > errors ? -1 : 0;
}

int source_read_value(const char *text, struct arena *a, struct conf_node **ret_value) {
  cleanup_free char *setting = xasprintf("x = %s;", text);
  config_t c;
  config_init(&c);
  int rc = -1;
  if (config_read_string(&c, setting) != CONFIG_FALSE && config_setting_length(config_root_setting(&c)) == 1) {
    struct reading r = {.arena = a, .path = "default"};
    *ret_value = copy_node(&r, config_setting_get_elem(config_root_setting(&c), 0));
    rc = 0;
  }
  config_destroy(&c);
  return rc;
}
