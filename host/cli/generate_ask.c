/* The dialogue of `etl generate`: questions on stderr, answers from stdin, one a line. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "cli/event_text.h"
#include "cli/generate.h"

enum { CHOICES_SHOWN = 40 };

/* A line without its end, in the arena; NULL: there are no more. */
static const char *read_line(struct arena *a) {
  cleanup_free char *line = NULL;
  size_t room = 0;
  ssize_t n = getline(&line, &room, stdin);
  if (n < 0)
    return NULL;
  while (n > 0 && isspace((unsigned char)line[n - 1]))
    n--;
  return arena_memdup(a, line + strspn(line, " \t"), n > 0 ? (size_t)n - strspn(line, " \t") : 0);
}

/* dflt NULL: an answer is needed.  NULL: the user has gone. */
static const char *ask_text(struct arena *a, const char *question, const char *dflt) {
  for (;;) {
    fprintf(stderr, dflt && *dflt ? "%s [%s]: " : "%s: ", question, dflt);
    const char *text = read_line(a);
    if (!text || *text)
      return text;
    if (dflt)
      return dflt;
  }
}

/* By number or by name; free: also what is not in the list. */
static const char *ask_choice(struct arena *a, const char *question, const char *const *choices, size_t n, const char *dflt, bool free_text) {
  for (size_t i = 0; i < n && i < CHOICES_SHOWN; i++)
    fprintf(stderr, "  %2zu  %s\n", i + 1, words_clean(a, choices[i]));
  if (n > CHOICES_SHOWN)
    fprintf(stderr, "      and %zu more\n", n - CHOICES_SHOWN);
  for (;;) {
    const char *text = ask_text(a, question, dflt);
    if (!text)
      return NULL;
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (isdigit((unsigned char)*text) && !*end && number >= 1 && number <= n)
      return choices[number - 1];
    for (size_t i = 0; i < n; i++)
      if (strcmp(choices[i], text) == 0)
        return choices[i];
    if (free_text || n == 0 || strcmp(text, dflt ? dflt : "") == 0)
      return text;
    fprintf(stderr, "'%s' is not among them.\n", words_clean(a, text));
  }
}

static const char *ask_connection(struct conns *c, const char *question) {
  size_t n = 0;
  while (c->l.conf->connection_names[n])
    n++;
  return ask_choice(c->arena, question, c->l.conf->connection_names, n, NULL, false);
}

/* ---- the source's table --------------------------------------------------------------------------------------------------------------- */

static const json_t *stream_named(const struct conns *c, const char *name) {
  for (size_t i = 0; i < json_array_size(c->streams); i++)
    if (strcmp(member_text(json_array_get(c->streams, i), "stream"), name) == 0)
      return json_array_get(c->streams, i);
  return NULL;
}

/* A source that cannot be asked is no hindrance: the user knows what is there. */
static const char *ask_table(struct conns *c, const char *from) {
  if (conns_ask(c, from, json_pack("{s:s, s:b}", "act", "discover", "columns", 1)) != CLI_OK)
    fprintf(stderr, "Its tables cannot be listed; type the name.\n");
  size_t n = json_array_size(c->streams);
  const char **names = arena_alloc(c->arena, (n + 1) * sizeof *names);
  for (size_t i = 0; i < n; i++)
    names[i] = member_text(json_array_get(c->streams, i), "stream");
  return ask_choice(c->arena, "Which table", names, n, NULL, true);
}

/* "a, b" of a stream's key; "" when there is none. */
static const char *key_of(struct arena *a, const json_t *stream) {
  const json_t *key = json_object_get(stream, "key");
  const char *all = "";
  for (size_t i = 0; i < json_array_size(key); i++)
    all = arena_printf(a, "%s%s%s", all, i ? "," : "", json_string_value(json_array_get(key, i)));
  return all;
}

static const char *ask_cursor(struct conns *c, const char *table) {
  const json_t *columns = json_object_get(stream_named(c, table), "columns");
  if (json_array_size(columns))
    fprintf(stderr, "Its columns:");
  for (size_t i = 0; i < json_array_size(columns); i++)
    fprintf(stderr, "%s %s", i ? "," : "", words_clean(c->arena, member_text(json_array_get(columns, i), "name")));
  if (json_array_size(columns))
    fputc('\n', stderr);
  return ask_text(c->arena, "By which columns is what is new found, for instance updated_at,id (empty: read all each time)", "");
}

/* ---- all ------------------------------------------------------------------------------------------------------------------------------ */

static const char *ask_mode(struct conns *c, const struct plan_of_pipeline *p, const char *key) {
  static const char *const modes[] = {"append", "merge", "replace"};
  const char *dflt = p->key || (*key && p->cursor && *p->cursor) ? "merge" : p->from_files || (p->cursor && *p->cursor) ? "append" : "replace";
  return ask_choice(c->arena, "How is it written", modes, sizeof modes / sizeof *modes, dflt, true);
}

int generate_ask(struct conns *c, struct plan_of_pipeline *p) {
  struct arena *a = c->arena;
  if (!p->name)
    p->name = ask_text(a, "Name of the pipeline", NULL);
  if (p->name && !p->from)
    p->from = ask_connection(c, "Read from which connection");
  generate_kinds(c->l.conf, p);
  if (p->from && !p->table)
    p->table = ask_table(c, p->from);
  const char *key = p->table ? key_of(a, stream_named(c, p->table)) : "";
  if (p->table && !p->cursor)
    p->cursor = p->from_files ? "" : ask_cursor(c, p->table);
  if (p->cursor && !p->to)
    p->to = ask_connection(c, "Write to which connection");
  generate_kinds(c->l.conf, p);
  if (p->to && !p->target)
    p->target = ask_text(a, p->to_files ? "Into which file" : "Into which table", generate_target(p, a));
  if (p->target && !p->mode)
    p->mode = ask_mode(c, p, key);
  if (p->mode && !p->key)
    p->key = strcmp(p->mode, "merge") == 0 ? ask_text(a, "By which key", *key ? key : NULL) : "";
  if (p->key && !p->schedule)
    p->schedule = ask_text(a, "When is it run, for instance @hourly or 15 3 * * * (empty: by hand)", "");
  if (p->schedule)
    return CLI_OK;
  fputs("\netl: nothing was written\n", stderr);
  return CLI_CANCELLED;
}
