/* One function an event that has a line to say; a table finds it. */
#include "cli/event_text.h"

#include <string.h>

#include "base/member.h"

static const char *member(struct arena *a, const json_t *j, const char *key) { return words_clean(a, member_text(j, key)); }

static enum event_weight tell_start(struct arena *a, const json_t *e, const char **ret) {
  const char *how = member_true(e, "dry_run")        ? ", dry run: nothing will be written"
                    : member_true(e, "full_refresh") ? ", full refresh"
                                                                       : "";
  *ret = arena_printf(a, "%s: run %s, %s%s", member(a, e, "pipeline"), member(a, e, "run"),
                      words_count(a, (int64_t)json_array_size(json_object_get(e, "lanes")), "lane"), how);
  return EVENT_NEWS;
}

static enum event_weight tell_retry(struct arena *a, const json_t *e, const char **ret) {
  *ret = arena_printf(a, "%s: %s; attempt %lld in %s", member(a, e, "lane"), member(a, json_object_get(e, "error"), "message"),
                      (long long)member_number(e, "attempt"), words_seconds(a, json_number_value(json_object_get(e, "delay_seconds"))));
  return EVENT_WARNING;
}

static enum event_weight tell_careful(struct arena *a, const json_t *e, const char **ret) {
  *ret = arena_printf(a, "%s: the sink refused a row; what was read since the last commit is read again, to find it: %s", member(a, e, "lane"),
                      member(a, json_object_get(e, "error"), "message"));
  return EVENT_WARNING;
}

/* "app.users: column added: email (text)" */
static enum event_weight tell_schema(struct arena *a, const json_t *e, const char **ret) {
  const char *change = member(a, e, "change"), *column = member(a, e, "column"), *from = member(a, e, "from"), *to = member(a, e, "to");
  const char *types = *from && *to ? arena_printf(a, " (%s to %s)", from, to) : *from || *to ? arena_printf(a, " (%s%s)", from, to) : "";
  *ret = arena_printf(a, "%s: %s%s%s%s", member(a, e, "table"), change, *column ? ": " : "", column, types);
  return strcmp(change, "table created") == 0 ? EVENT_NEWS : EVENT_WARNING;
}

static enum event_weight tell_lane(struct arena *a, const json_t *e, const char **ret) {
  const char *status = member(a, e, "status");
  const char *why = member(a, json_object_get(e, "error"), "message");
  *ret = arena_printf(a, "%s: %s, %s written%s%s", member(a, e, "lane"), status, words_count(a, member_number(e, "rows_written"), "row"),
                      *why ? ": " : "", why);
  return strcmp(status, "failed") == 0 ? EVENT_ERROR : EVENT_NEWS;
}

static enum event_weight tell_log(struct arena *a, const json_t *e, const char **ret) {
  static const struct {
    const char *level;
    enum event_weight weight;
  } weights[] = {
      {"trace", EVENT_SILENT}, {"debug", EVENT_SILENT}, {"info", EVENT_NEWS}, {"warning", EVENT_WARNING}, {"error", EVENT_ERROR}};
  const char *level = member(a, e, "level"), *lane = member(a, e, "lane"), *connector = member(a, e, "connector");
  enum event_weight weight = EVENT_NEWS;
  for (size_t i = 0; i < sizeof weights / sizeof *weights; i++)
    if (strcmp(weights[i].level, level) == 0)
      weight = weights[i].weight;
  const char *who = *lane ? lane : connector;
  *ret = arena_printf(a, "%s%s%s", who, *who ? ": " : "", member(a, e, "message"));
  return weight;
}

static enum event_weight tell_warning(struct arena *a, const json_t *e, const char **ret) {
  const char *lane = member(a, e, "lane"), *remedy = member(a, e, "remedy");
  *ret = arena_printf(a, "%s%s%s%s%s", lane, *lane ? ": " : "", member(a, e, "message"), *remedy ? "; " : "", remedy);
  return EVENT_WARNING;
}

enum event_weight event_text(struct arena *a, const json_t *event, const char **ret_text) {
  static const struct {
    const char *name;
    enum event_weight (*tell)(struct arena *, const json_t *, const char **);
  } tellers[] = {{"start", tell_start}, {"retry", tell_retry}, {"careful", tell_careful}, {"schema", tell_schema},
               {"lane", tell_lane}, {"log", tell_log}, {"warning", tell_warning}};
  const char *name = member_text(event, "event");
  for (size_t i = 0; name && i < sizeof tellers / sizeof *tellers; i++)
    if (strcmp(tellers[i].name, name) == 0)
      return tellers[i].tell(a, event, ret_text);
  return EVENT_SILENT;
}

/* "error class auth, code 18456, state 28P01": what there is of it. */
static const char *details(struct arena *a, const json_t *error) {
  static const struct {
    const char *key, *label;
  } fields[] = {{"class", "class"},   {"vendor_code", "code"},     {"vendor_state", "state"},
                {"option", "option"}, {"row", "row of the batch"}, {"column", "column"}};
  const char *text = "";
  for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
    const json_t *v = json_object_get(error, fields[i].key);
    if (json_is_integer(v))
      text = arena_printf(a, "%s%s%s %lld", text, *text ? ", " : "", fields[i].label, (long long)json_integer_value(v));
    else if (json_is_string(v))
      text = arena_printf(a, "%s%s%s %s", text, *text ? ", " : "", fields[i].label, words_clean(a, json_string_value(v)));
  }
  return text;
}

void error_print(const json_t *error, const char *who, const struct colours *c, FILE *to) {
  struct arena *a = arena_new();
  const char *stage = member(a, error, "stage"), *connector = member(a, error, "connector"), *remedy = member(a, error, "remedy");
  fprintf(to, "%serror%s%s%s", c->bad, c->off, who ? " in " : "", words_clean(a, who));
  if (*stage)
    fprintf(to, " (%s%s%s)", stage, *connector ? ", " : "", connector);
  fprintf(to, ": %s\n", member(a, error, "message"));
  if (*remedy)
    fprintf(to, "  what to do: %s\n", remedy);
  const char *found = details(a, error);
  if (*found)
    fprintf(to, "  %s%s%s\n", c->dim, found, c->off);
  arena_free(a);
}
