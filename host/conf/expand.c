/* Variables in settings.  No value is ever shown in a message: it may be a secret. */
#include "conf/expand.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "base/trust.h"
#include "conf/late.h"

enum {
  FILE_LIMIT = 1024 * 1024
};

struct buffer {
  char *p;
  size_t n;
};
struct expansion {
  struct conf_node *node;
  struct arena *arena;
  struct diags *d;
};

static int expand_text(struct expansion *x, const char *s, size_t n, struct buffer *out);

static void append(struct buffer *b, const char *p, size_t n) {
  b->p = xrealloc(b->p, b->n + n + 1);
  if (n)
    memcpy(b->p + b->n, p, n);
  b->n += n;
  b->p[b->n] = '\0';
}

__attribute__((format(printf, 2, 3))) static int complain(const struct expansion *x, const char *fmt, ...) {
  char text[1024];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  diags_add(x->d, DIAG_ERROR, x->node->origin, "%s%s%s%s", x->node->name ? "'" : "", x->node->name ? x->node->name : "",
            x->node->name ? "': " : "", text);
  return -1;
}

static int expand_file(struct expansion *x, const char *s, size_t n, struct buffer *out) {
  struct buffer name = {0};
  if (expand_text(x, s, n, &name) < 0) {
    free(name.p);
    return -1;
  }
  const char *path = text_join(x->arena, x->node->base_dir ? x->node->base_dir : ".", name.p ? name.p : "");
  free(name.p);
  const char *why;
  struct stat st;
  struct err e;
  size_t len;
  cleanup_free char *text = file_read(path, FILE_LIMIT, &st, &len, &why);
  if (!text)
    return complain(x, "cannot read '%s': %s; create the file or name another in ${file:...}", path, why);
  if (trust_check(path, &st, TRUST_TEXT, &e) < 0)
    return complain(x, "%s; %s", e.message, e.remedy);
  if (memchr(text, '\0', len))
    return complain(x, "'%s' holds a zero byte, so it is no text", path);
  if (len && text[len - 1] == '\n')
    len--;
  if (len && text[len - 1] == '\r')
    len--;
  x->node->secret = true;
  append(out, text, len);
  return 0;
}

static bool valid_name(const char *s, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!(isalpha((unsigned char)s[i]) || s[i] == '_' || (i > 0 && isdigit((unsigned char)s[i]))))
      return false;
  return n > 0;
}

/* A variable of the run: its place is marked, its default is looked into now. */
static int leave_late(struct expansion *x, const char *s, size_t n, const char *dflt, struct buffer *out) {
  static const char mark = LATE_MARK, end = LATE_END;
  size_t head = dflt ? (size_t)(dflt + 2 - s) : n;
  append(out, &mark, 1);
  append(out, s, head);
  int rc = expand_text(x, s + head, n - head, out);
  append(out, &end, 1);
  return rc;
}

/* What stands between ${ and }. */
static int expand_reference(struct expansion *x, const char *s, size_t n, struct buffer *out) {
  if (n >= 5 && memcmp(s, "file:", 5) == 0)
    return expand_file(x, s + 5, n - 5, out);
  const char *dflt = memmem(s, n, ":-", 2);
  size_t name_n = dflt ? (size_t)(dflt - s) : n;
  if (late_is_one(s, name_n))
    return leave_late(x, s, n, dflt, out);
  if (!valid_name(s, name_n))
    return complain(x, "'${%.*s}' is no variable; write ${NAME}, ${NAME:-default} or ${file:PATH}, or $${ for a plain ${", (int)n,
                    s);
  const char *name = arena_memdup(x->arena, s, name_n), *value = getenv(name);
  if (value && (*value || !dflt)) {
    append(out, value, strlen(value));
    return 0;
  }
  if (dflt)
    return expand_text(x, dflt + 2, n - name_n - 2, out);
  return complain(x, "the environment variable %s is not set; set it (export %s=...) or give a default: ${%s:-value}", name, name,
                  name);
}

/* The } that belongs to a ${ whose inside begins at s; NULL: there is none. */
static const char *closing(const char *s, const char *end) {
  for (int depth = 0; s < end; s++) {
    if (*s == '}' && depth-- == 0)
      return s;
    if (end - s > 1 && s[0] == '$' && s[1] == '{')
      depth++;
  }
  return NULL;
}

static int expand_text(struct expansion *x, const char *s, size_t n, struct buffer *out) {
  const char *end = s + n;
  int rc = 0;
  while (s < end) {
    const char *dollar = memchr(s, '$', (size_t)(end - s));
    append(out, s, (size_t)((dollar ? dollar : end) - s));
    if (!dollar)
      break;
    if (end - dollar > 2 && memcmp(dollar, "$${", 3) == 0) {
      append(out, "${", 2);
      s = dollar + 3;
    } else if (end - dollar > 1 && dollar[1] == '{') {
      const char *close = closing(dollar + 2, end);
      if (!close)
        return complain(x, "a ${ has no closing }; for a plain ${ write $${");
      if (expand_reference(x, dollar + 2, (size_t)(close - dollar - 2), out) < 0)
        rc = -1;
      s = close + 1;
    } else {
      append(out, "$", 1);
      s = dollar + 1;
    }
  }
  return rc;
}

static int expand_string(struct conf_node *node, struct arena *a, struct diags *d) {
  if (!strchr(node->text, '$'))
    return 0;
  struct expansion x = {node, a, d};
  struct buffer out = {0};
  int rc = expand_text(&x, node->text, strlen(node->text), &out);
  if (rc == 0 && !text_is_utf8(out.p ? out.p : "", out.n))
    rc = complain(&x, "the value of a variable in it is not UTF-8");
  node->broken = rc < 0;
  if (rc == 0)
    node->text = arena_strdup(a, out.p ? out.p : "");
  if (out.p)
    explicit_bzero(out.p, out.n);
  free(out.p);
  return rc;
}

int expand_node(struct conf_node *n, struct arena *a, struct diags *d) {
  int rc = n->kind == CONF_STRING ? expand_string(n, a, d) : 0;
  for (size_t i = 0; i < n->kids_n; i++)
    if (expand_node(n->kids[i], a, d) < 0)
      rc = -1;
  return rc;
}
