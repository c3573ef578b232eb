/* A plan in sections.  Lanes are grouped a section: their statements may differ where their columns do not. */
#include "cli/plan_text.h"

#include <string.h>

#include "base/member.h"
#include "base/table.h"
#include "cli/event_text.h"

struct page {
  struct arena *arena;
  const struct colours *c;
  FILE *to;
};

static const char *member(const struct page *p, const json_t *j, const char *key) {
  return words_clean(p->arena, member_text(j, key));
}

static bool is_kind(const json_t *item, const char *kind) {
  const char *k = member_text(item, "kind");
  return k && strcmp(k, kind) == 0;
}

/* ---- groups of lanes
 * ----------------------------------------------------------------------------------------------------------------- */

/* The items of a list that are types (or that are none). */
static json_t *items_of(const json_t *list, bool types) {
  json_t *item, *kept = json_array();
  size_t i;
  json_array_foreach(list, i, item) if (is_kind(item, "type") == types) json_array_append(kept, item);
  return kept;
}

static json_t *pick_reading(const json_t *lane) {
  return json_pack("{s:O*, s:O*, s:O*, s:o}", "piece", json_object_get(lane, "piece"), "cursor", json_object_get(lane, "cursor"), "error", json_object_get(lane, "error"), "items",
                   items_of(json_object_get(lane, "extract"), false));
}

static json_t *pick_columns(const json_t *lane) {
  if (json_object_get(lane, "error"))
    return NULL;
  return json_pack("{s:o, s:O*, s:O*}", "extract", items_of(json_object_get(lane, "extract"), true), "transforms",
                   json_object_get(lane, "transforms"), "load", json_object_get(lane, "load"));
}

/* [{"lanes": "a, b", "what": what pick gave for both}]; lanes for which it gives NULL are in none. */
static json_t *group(const struct page *p, const json_t *lanes, json_t *(*pick)(const json_t *lane)) {
  json_t *groups = json_array(), *lane, *g;
  size_t i, k;
  json_array_foreach(lanes, i, lane) {
    json_t *what = pick(lane), *same = NULL;
    if (!what)
      continue;
    json_array_foreach(groups, k, g) if (json_equal(json_object_get(g, "what"), what)) same = g;
    const char *name = member(p, lane, "lane");
    if (same)
      json_object_set_new(same, "lanes", json_string(arena_printf(p->arena, "%s, %s", member_text(same, "lanes"), name)));
    else
      json_array_append_new(groups, json_pack("{s:s, s:O}", "lanes", name, "what", what));
    json_decref(what);
  }
  return groups;
}

/* ---- items
 * --------------------------------------------------------------------------------------------------------------------------- */

static void print_sql(const struct page *p, const json_t *item) {
  const char *text = member_text(item, "text"), *subject = member(p, item, "subject");
  if (*subject)
    fprintf(p->to, "  %s:\n", subject);
  for (const char *end; text && *text; text = *end ? end + 1 : end) {
    end = text + strcspn(text, "\n");
    const char *line = arena_memdup(p->arena, text, (size_t)(end - text));
    fprintf(p->to, "    %s%s%s\n", p->c->bold, words_clean(p->arena, line), p->c->off);
  }
}

static void print_item(const struct page *p, const json_t *item) {
  const char *subject = member(p, item, "subject");
  if (is_kind(item, "sql")) {
    print_sql(p, item);
    return;
  }
  if (member_true(item, "warn"))
    fprintf(p->to, "  %swarning%s: ", p->c->warn, p->c->off);
  else
    fprintf(p->to, "  %s: ", is_kind(item, "index") ? "index" : "note");
  fprintf(p->to, "%s%s%s\n", subject, *subject ? ": " : "", member(p, item, "text"));
}

static void print_items(const struct page *p, const json_t *items) {
  const json_t *item;
  size_t i;
  json_array_foreach(items, i, item) if (!is_kind(item, "type")) print_item(p, item);
}

static void print_reading(const struct page *p, const json_t *g) {
  const json_t *what = json_object_get(g, "what"), *error = json_object_get(what, "error");
  const char *cursor = member(p, what, "cursor"), *piece = member(p, what, "piece");
  fprintf(p->to, "\n%sRead %s%s\n", p->c->bold, member_text(g, "lanes"), p->c->off);
  if (*piece)
    fprintf(p->to, "  a piece of its own: %s\n", piece);
  else if (!error || json_array_size(json_object_get(what, "items")))
    fprintf(p->to, *cursor ? "  goes on behind the saved cursor %s\n" : "  from the start: nothing is committed yet\n", cursor);
  print_items(p, json_object_get(what, "items"));
  if (error) {
    fputs("  ", p->to);
    error_print(error, NULL, p->c, p->to);
  }
}

/* ---- columns
 * ------------------------------------------------------------------------------------------------------------------------- */

static const json_t *find_by(const json_t *list, const char *key, const char *value) {
  const json_t *j;
  size_t i;
  json_array_foreach(list, i, j) {
    const char *v = member_text(j, key);
    if (v && strcmp(v, value) == 0)
      return j;
  }
  return NULL;
}

/* "lossy: why", of the source's side, the target's, or both; "" when nothing is lost. */
static const char *losses(const struct page *p, const json_t *from, const json_t *to) {
  const json_t *const sides[] = {from, to};
  const char *text = "";
  for (size_t i = 0; i < 2; i++) {
    if (!member_true(sides[i], "lossy"))
      continue;
    const char *why = member(p, sides[i], "text");
    text = *text ? arena_printf(p->arena, "%s; %s", text, *why ? why : "lossy")
                 : arena_printf(p->arena, "lossy%s%s", *why ? ": " : "", why);
  }
  return text;
}

/* to NULL: the loader says nothing of it. */
static void column_row(const struct page *p, struct table *t, const char *name, const json_t *from, const json_t *to,
                       const char *target) {
  const char *lost = losses(p, from, to);
  const char *say = *lost ? lost : member(p, to, "text"); /* a remark of the loader that is no loss */
  table_cell(t, "%s", name);
  table_cell(t, "%s", from ? member(p, from, "from") : "");
  table_cell(t, "%s", target);
  table_cell(t, "%s%s%s", *lost ? p->c->warn : "", say, *lost ? p->c->off : "");
}

/* A column that a transformer makes has no source, and one that it drops no target.  A loader that does not explain itself is given
 * Arrow's types as they come to it. */
static void print_mapping(const struct page *p, const json_t *what) {
  static const char *const heads[] = {"COLUMN", "SOURCE", "TARGET", "LOST ON THE WAY", NULL};
  const json_t *extract = json_object_get(what, "extract"), *item, *from;
  const json_t *transforms = json_object_get(what, "transforms");
  const json_t *last =
      json_object_get(json_array_get(transforms, json_array_size(transforms) - 1), "columns"); /* NULL: no transforms */
  json_t *load = items_of(json_object_get(what, "load"), true);
  struct table *t = table_new(heads);
  size_t i;
  json_array_foreach(load, i, item) {
    const char *name = member_text(item, "subject");
    column_row(p, t, member(p, item, "subject"), name ? find_by(extract, "subject", name) : NULL, item, member(p, item, "to"));
  }
  if (json_array_size(load) == 0)
    json_array_foreach(last, i, item) {
      from = find_by(extract, "subject", member_text(item, "name"));
      column_row(p, t, member(p, item, "name"), from, NULL, member(p, item, "type"));
    }
  json_array_foreach(extract, i, item) {
    const char *name = member_text(item, "subject");
    bool direct = json_array_size(load) == 0 && !last;
    if (direct || !name || (!find_by(load, "subject", name) && !find_by(last, "name", name)))
      column_row(p, t, member(p, item, "subject"), item, NULL, direct ? member(p, item, "to") : "(dropped or renamed)");
  }
  table_print(t, p->to);
  table_free(t);
  json_decref(load);
}

/* ---- transformers
 * -------------------------------------------------------------------------------------------------------------------- */

/* Columns before and behind a transformer.  The source's own are "subject" and "to" of its items. */
struct side {
  const json_t *list;
  const char *name_key, *type_key;
};

/* After a word, the names of `of` that are not in `in` (or, changed: that are there with another type); "" if there are none. */
static const char *differing(const struct page *p, const char *word, const struct side *of, const struct side *in, bool changed) {
  const char *text = "";
  const json_t *j;
  size_t i;
  json_array_foreach(of->list, i, j) {
    const char *name = member_text(j, of->name_key), *type = member_text(j, of->type_key);
    const json_t *other = name ? find_by(in->list, in->name_key, name) : NULL;
    const char *other_type = member_text(other, in->type_key);
    if (changed ? type && other_type && strcmp(type, other_type) != 0 : name && !other)
      text = arena_printf(p->arena, "%s%s%s", text, *text ? ", " : word, words_clean(p->arena, name));
  }
  return text;
}

static void print_transforms(const struct page *p, const json_t *what) {
  struct side before = {json_object_get(what, "extract"), "subject", "to"};
  const json_t *t;
  size_t i;
  json_array_foreach(json_object_get(what, "transforms"), i, t) {
    struct side after = {json_object_get(t, "columns"), "name", "type"};
    const char *parts[] = {differing(p, "adds ", &after, &before, false), differing(p, "drops ", &before, &after, false),
                           differing(p, "changes the type of ", &before, &after, true)};
    const char *text = "";
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
      if (*parts[k])
        text = arena_printf(p->arena, "%s%s%s", text, *text ? "; " : "", parts[k]);
    fprintf(p->to, "  transform %zu, %s: %s\n", i + 1, member(p, t, "connector"), *text ? text : "keeps the columns");
    before = after;
  }
}

static void print_columns(const struct page *p, const json_t *g, bool only) {
  const json_t *what = json_object_get(g, "what");
  const char *of = only ? "" : " of ", *lanes = only ? "" : member_text(g, "lanes");
  if (json_array_size(json_object_get(what, "extract")) + json_array_size(json_object_get(what, "transforms"))) {
    fprintf(p->to, "\n%sColumns%s%s%s\n", p->c->bold, of, lanes, p->c->off);
    print_transforms(p, what);
    print_mapping(p, what);
  }
  if (json_array_size(json_object_get(what, "load"))) {
    fprintf(p->to, "\n%sWrite%s%s%s\n", p->c->bold, *lanes ? " " : "", lanes, p->c->off);
    print_items(p, json_object_get(what, "load"));
  }
}

void plan_print(const json_t *plan, const struct colours *c, FILE *to) {
  struct page p = {.arena = arena_new(), .c = c, .to = to};
  const json_t *lanes = json_object_get(plan, "lanes"), *guarantee = json_object_get(plan, "guarantee"), *g;
  json_t *reading = group(&p, lanes, pick_reading), *columns = group(&p, lanes, pick_columns);
  size_t i;
  fprintf(to, "Plan of %s for %s.  Nothing was written.\n", member(&p, plan, "pipeline"),
          words_count(p.arena, (int64_t)json_array_size(lanes), "lane"));
  json_array_foreach(reading, i, g) print_reading(&p, g);
  json_array_foreach(columns, i, g) print_columns(&p, g, json_array_size(columns) == 1);
  fprintf(to, "\n%sGuarantee: %s%s: %s\n", c->bold, member(&p, guarantee, "level"), c->off, member(&p, guarantee, "why"));
  json_decref(reading);
  json_decref(columns);
  arena_free(p.arena);
}
