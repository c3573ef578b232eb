/* Late variables.  A mark is LATE_MARK "name:-default" LATE_END; the default's own variables were looked up when the file was read, but for
 * those that are late, too. */
#include "conf/late.h"

#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/member.h"

static const struct {
  const char *name, *sample;
} plain[] = {{"run.id", "0"},
             {"run.due", "1970-01-01T00:00:00"},
             {"run.attempt", "1"},
             {"window.from", "1970-01-01T00:00:00"},
             {"window.to", "1970-01-01T00:00:00"}};
static const struct {
  const char *name, *sample;
} of_upstream[] = {{"status", "succeeded"}, {"run", "0"}, {"rows_read", "0"}, {"rows_written", "0"}, {"rows_rejected", "0"}};
enum { PLAIN = sizeof plain / sizeof *plain, OF_UPSTREAM = sizeof of_upstream / sizeof *of_upstream };

static bool begins(const char *s, size_t n, const char *with) { return n >= strlen(with) && memcmp(s, with, strlen(with)) == 0; }

bool late_is_one(const char *name, size_t n) { return begins(name, n, "run.") || begins(name, n, "window.") || begins(name, n, "upstream."); }

/* The sample of a known name; NULL: there is none of that name.  upstream.NAME.what: the last point parts, since names have points, too. */
static const char *sample_of(const char *name) {
  const char *what = strrchr(name, '.');
  for (size_t i = 0; i < PLAIN; i++)
    if (strcmp(plain[i].name, name) == 0)
      return plain[i].sample;
  for (size_t i = 0; begins(name, strlen(name), "upstream.") && i < OF_UPSTREAM; i++)
    if (what > name + strlen("upstream") && strcmp(what + 1, of_upstream[i].name) == 0)
      return of_upstream[i].sample;
  return NULL;
}

/* ---- texts -------------------------------------------------------------------------------------------------------------------------------- */

struct mark { /* one in a text */
  const char *begin, *end; /* of the whole */
  char *name, *dflt;       /* dflt NULL: none */
};

/* The LATE_END of the mark at m; NULL: there is none. */
static const char *end_of(const char *m) {
  for (int depth = 0; *m; m++) {
    depth += *m == LATE_MARK;
    if (*m == LATE_END && --depth == 0)
      return m;
  }
  return NULL;
}

static bool next_mark(const char *text, struct arena *a, struct mark *ret) {
  const char *m = strchr(text, LATE_MARK), *close = m ? end_of(m) : NULL;
  if (!close)
    return false;
  const char *dflt = memmem(m, (size_t)(close - m), ":-", 2), *name = m + 1;
  *ret = (struct mark){.begin = m,
                       .end = close + 1,
                       .name = arena_memdup(a, name, (size_t)((dflt ? dflt : close) - name)),
                       .dflt = dflt ? arena_memdup(a, dflt + 2, (size_t)(close - dflt) - 2) : NULL};
  return true;
}

static const char *fill_text(const char *text, const json_t *values, struct arena *a, struct err *e);

static const char *value_of(const struct mark *m, const json_t *values, struct arena *a, struct err *e) {
  const char *value = values ? member_text(values, m->name) : NULL;
  if (value && *value)
    return value;
  if (m->dflt)
    return fill_text(m->dflt, values, a, e);
  if (!values)
    return sample_of(m->name);
  err_set(e, ETL_E_CONFIG, "${%s} has no value in this run", m->name);
  err_remedy(e, "give it a default: ${%s:-value}", m->name);
  return NULL;
}

static const char *fill_text(const char *text, const json_t *values, struct arena *a, struct err *e) {
  struct mark m;
  const char *done = "";
  while (next_mark(text, a, &m)) {
    const char *value = value_of(&m, values, a, e);
    if (!value)
      return NULL;
    done = arena_printf(a, "%s%.*s%s", done, (int)(m.begin - text), text, value);
    text = m.end;
  }
  return *done ? arena_printf(a, "%s%s", done, text) : text;
}

const char *late_shown(const char *text, struct arena *a) {
  const char *done = "", marks[] = {LATE_MARK, LATE_END, 0};
  for (size_t n; text[n = strcspn(text, marks)]; text += n + 1)
    done = arena_printf(a, "%s%.*s%s", done, (int)n, text, text[n] == LATE_MARK ? "${" : "}");
  return *done ? arena_printf(a, "%s%s", done, text) : text;
}

/* ---- trees -------------------------------------------------------------------------------------------------------------------------------- */

static bool has_marks(const struct conf_node *n) {
  bool has = n->kind == CONF_STRING && n->text && strchr(n->text, LATE_MARK);
  for (size_t i = 0; !has && i < n->kids_n; i++)
    has = has_marks(n->kids[i]);
  return has;
}

static const struct conf_node *fill_node(const struct conf_node *n, const json_t *values, struct arena *a, struct err *e) {
  if (!has_marks(n))
    return n;
  struct conf_node *copy = arena_memdup(a, n, sizeof *n);
  if (n->kind == CONF_STRING)
    return (copy->text = fill_text(n->text, values, a, e)) ? copy : NULL;
  copy->kids = arena_alloc(a, (n->kids_n + 1) * sizeof *copy->kids);
  for (size_t i = 0; i < n->kids_n; i++) {
    copy->kids[i] = (struct conf_node *)(uintptr_t)fill_node(n->kids[i], values, a, e);
    if (!copy->kids[i])
      return NULL;
  }
  return copy;
}

int late_fill(const struct conf_stage *in, const json_t *values, struct arena *a, struct err *e, struct conf_stage *ret) {
  const struct conf_node *filled = in->options ? fill_node(in->options, values, a, e) : NULL;
  if (in->options && !filled)
    return -1;
  *ret = *in;
  ret->options = filled;
  return 0;
}

/* ---- checking ------------------------------------------------------------------------------------------------------------------------------ */

static void check_name(const struct conf_pipeline *p, const char *name, const char *origin, struct arena *a, struct diags *d) {
  const char *known[PLAIN + 1] = {0}, *what = strrchr(name, '.');
  for (size_t i = 0; i < PLAIN; i++)
    known[i] = plain[i].name;
  const char *near = diag_nearest(name, known);
  if (!sample_of(name)) {
    diags_add(d, DIAG_ERROR, origin,
              "there is no variable ${%s}%s%s%s; there are run.id, run.due, run.attempt, window.from, window.to, and of a pipeline that this "
              "one comes after upstream.NAME.status, .run, .rows_read, .rows_written and .rows_rejected",
              name, near ? "; did you mean ${" : "", near ? near : "", near ? "}?" : "");
    return;
  }
  if (!begins(name, strlen(name), "upstream."))
    return;
  const char *of = arena_memdup(a, name + strlen("upstream."), (size_t)(what - name) - strlen("upstream."));
  for (size_t i = 0; i < p->after_n; i++)
    if (strcmp(p->after[i].name, of) == 0)
      return;
  diags_add(d, DIAG_ERROR, origin, "${%s} is of pipeline '%s', but this one does not come after it; add after = [ \"%s\" ];", name, of, of);
}

static void check_text(const struct conf_pipeline *p, const char *text, const char *origin, struct arena *a, struct diags *d) {
  struct mark m;
  for (; text && next_mark(text, a, &m); text = m.end) {
    check_name(p, m.name, origin, a, d);
    check_text(p, m.dflt, origin, a, d);
  }
}

static void check_node(const struct conf_pipeline *p, const struct conf_node *n, struct arena *a, struct diags *d) {
  if (n->kind == CONF_STRING)
    check_text(p, n->text, n->origin, a, d);
  for (size_t i = 0; i < n->kids_n; i++)
    check_node(p, n->kids[i], a, d);
}

void late_check(const struct conf_pipeline *p, struct arena *a, struct diags *d) {
  const struct conf_stage *const ends[] = {&p->extract, &p->load};
  for (size_t i = 0; i < 2; i++)
    if (ends[i]->options)
      check_node(p, ends[i]->options, a, d);
  for (size_t i = 0; i < p->transforms_n; i++)
    check_node(p, p->transforms[i].options, a, d);
}
