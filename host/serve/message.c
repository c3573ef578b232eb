/* What is sent, out of notices: a subject and a text for people, and the same as JSON for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/member.h"
#include "base/text.h"
#include "base/units.h"
#include "serve/notice.h"

enum {
  SUBJECT_ROOM = 160,
  DIGEST_MESSAGE = 300
};

/* What is said of each event, and where to look further. */
static const struct words {
  const char *name, *state; /* state NULL: whatever it is */
  const char *says;         /* "NAME ...", or alone where there is no pipeline */
  const char *one, *many;   /* in a digest: "1 ...", "3 ..." */
  const char *look[3];      /* commands; %P the pipeline, %R the run */
} words[] = {
    {"failure", "crashed", "crashed", "failure", "failures", {"etl info %R", "etl logs %P", "etl history %P"}},
    {"failure", NULL, "failed", "failure", "failures", {"etl info %R", "etl logs %P", "etl history %P"}},
    {"partial", NULL, "was loaded in part", "partial run", "partial runs", {"etl info %R", "etl logs %P", "etl quarantine list %P"}},
    {"recovery", NULL, "works again", "recovery", "recoveries", {"etl info %R"}},
    {"breaker", "open", "is paused by its circuit breaker", "change of a circuit breaker", "changes of circuit breakers", {"etl breaker %P", "etl history %P"}},
    {"breaker", "half_open", "is tried once by its circuit breaker", "change of a circuit breaker", "changes of circuit breakers", {"etl breaker %P"}},
    {"breaker", "closed", "is released by its circuit breaker", "change of a circuit breaker", "changes of circuit breakers", {"etl breaker %P"}},
    {"breaker", NULL, "has a circuit breaker that changed", "change of a circuit breaker", "changes of circuit breakers", {"etl breaker %P"}},
    {"missed", NULL, "missed its time", "missed time", "missed times", {"etl history %P", "etl schedule %P", "etl status"}},
    {"host", NULL, "the host needs attention", "notice of the host", "notices of the host", {"etl status"}},
    {"test", NULL, "this is a test", "test", "tests", {NULL}},
    {NULL, NULL, "something happened", "other", "others", {"etl status"}},
};

static const char *or_empty(const char *s) { return s ? s : ""; }

static const struct words *words_of(const json_t *notice) {
  const char *event = member_text(notice, "event"), *state = member_text(notice, "state");
  const struct words *w = words;
  while (w->name && (!event || strcmp(w->name, event) != 0 || (w->state && (!state || strcmp(w->state, state) != 0))))
    w++;
  return w;
}

/* "NAME (shard S) failed", without a line's end. */
static void put_headline(const json_t *notice, FILE *to) {
  const char *pipeline = member_text(notice, "pipeline"), *shard = member_text(notice, "shard");
  fprintf(to, "%s%s", or_empty(pipeline), pipeline ? " " : "");
  if (shard)
    fprintf(to, "(shard %s) ", shard);
  fputs(words_of(notice)->says, to);
}

static json_t *cut_subject(const char *text) {
  size_t n = text_within(text, SUBJECT_ROOM);
  return json_sprintf("%.*s%s", (int)n, text, text[n] ? "..." : "");
}

static json_t *subject_of_one(const json_t *notice) {
  char *text = NULL;
  size_t n;
  FILE *to = open_memstream(&text, &n);
  const char *message = member_text(notice, "message");
  fputs("[etl] ", to);
  put_headline(notice, to);
  if (message)
    fprintf(to, ": %s", message);
  fclose(to);
  json_t *subject = cut_subject(text);
  free(text);
  return subject;
}

/* ---- one ---------------------------------------------------------------------------------------------------------------------------- */

static void put_row(const char *name, const char *value, FILE *to) {
  if (value && *value)
    fprintf(to, "%-11s %s\n", name, value);
}

static void put_where(const json_t *notice, FILE *to) {
  static const char *const parts[][2] = {{"stage", ""}, {"connector", " "}, {"stream", ", stream "}, {"shard", ", shard "}};
  char *text = NULL;
  size_t n;
  FILE *where = open_memstream(&text, &n);
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    const char *value = member_text(notice, parts[i][0]);
    fflush(where);
    const char *before = parts[i][1];
    if (value)
      fprintf(where, "%s%s", n ? before : before + strspn(before, ", "), value);
  }
  fclose(where);
  put_row("Where", text, to);
  free(text);
}

static void put_error(const json_t *notice, FILE *to) {
  const json_t *error = json_object_get(notice, "error");
  const char *class = member_text(error, "class"), *code = member_text(error, "code"), *message = member_text(notice, "message");
  cleanup_free char *kind = xasprintf("%s%s%s", or_empty(class), code ? ", code " : "", or_empty(code));
  put_row(error ? "Error" : "Message", message, to);
  put_row("Class", kind, to);
  put_row("What to do", member_text(notice, "remedy"), to);
}

static void put_rows(const json_t *notice, FILE *to) {
  const json_t *rows = json_object_get(notice, "rows");
  json_int_t read, written, filtered, rejected;
  if (!rows || json_unpack((json_t *)(uintptr_t)rows, "{sI, sI, sI, sI}", "read", &read, "written", &written, "filtered", &filtered, "rejected",
                           &rejected) < 0)
    return;
  cleanup_free char *text = xasprintf("%lld read, %lld written, %lld filtered, %lld set aside", read, written, filtered, rejected);
  put_row("Rows", text, to);
}

static void put_command(const char *pattern, const json_t *notice, FILE *to) {
  const char *hole = strchr(pattern, '%');
  const char *value = !hole ? "" : hole[1] == 'P' ? member_text(notice, "pipeline") : member_text(notice, "run");
  if (value)
    fprintf(to, "  %.*s%s\n", (int)(hole ? (size_t)(hole - pattern) : strlen(pattern)), pattern, value);
}

static void put_look(const json_t *notice, const char *host, FILE *to) {
  const struct words *w = words_of(notice);
  if (w->look[0])
    fprintf(to, "\nTo look further, on %s:\n", host);
  for (size_t i = 0; i < sizeof w->look / sizeof *w->look && w->look[i]; i++)
    put_command(w->look[i], notice, to);
}

static json_t *text_of_one(const json_t *notice, const char *host) {
  char *text = NULL;
  size_t n, i;
  json_t *line;
  FILE *to = open_memstream(&text, &n);
  json_int_t attempt = member_number(notice, "attempt");
  put_headline(notice, to);
  fputs(".\n\n", to);
  put_row("Pipeline", member_text(notice, "pipeline"), to);
  put_row("Run", member_text(notice, "run"), to);
  if (attempt > 1)
    fprintf(to, "%-11s %lld\n", "Attempt", attempt);
  put_row("State", member_text(notice, "state"), to);
  put_row("Due", member_text(notice, "due"), to);
  put_row("Started", member_text(notice, "started"), to);
  put_row("Ended", member_text(notice, "ended"), to);
  put_where(notice, to);
  put_error(notice, to);
  put_rows(notice, to);
  const json_t *lines = json_object_get(notice, "log");
  if (json_array_size(lines))
    fprintf(to, member_text(notice, "run") ? "\nThe end of its log:\n" : "\nIn detail:\n");
  json_array_foreach(lines, i, line) fprintf(to, "  %s\n", json_string_value(line));
  put_look(notice, host, to);
  fclose(to);
  json_t *j = json_string(text);
  free(text);
  return j;
}

static void stamp(json_t *j, const char *id, const char *host, int64_t now_ns) {
  time_t s = (time_t)(now_ns / NS_PER_SEC);
  struct tm tm;
  char text[40];
  json_object_set_new(j, "id", json_string(id));
  json_object_set_new(j, "host", json_string(host));
  if (gmtime_r(&s, &tm) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm))
    json_object_set_new(j, "sent_at", json_string(text));
}

json_t *message_of_one(const json_t *notice, const char *id, const char *host, int64_t now_ns) {
  json_t *j = json_deep_copy(notice);
  stamp(j, id, host, now_ns);
  json_object_set_new(j, "subject", subject_of_one(notice));
  json_object_set_new(j, "text", text_of_one(notice, host));
  return j;
}

/* ---- many --------------------------------------------------------------------------------------------------------------------------- */

static const char *counted(const char *event, json_int_t n) {
  const struct words *w = words;
  while (w->name && strcmp(w->name, event) != 0)
    w++;
  return n == 1 ? w->one : w->many;
}

/* "30 failures, 7 recoveries" */
static void put_counts(const json_t *of, FILE *to) {
  const char *event;
  json_t *n;
  bool first = true;
  json_object_foreach((json_t *)(uintptr_t)of, event, n) {
    fprintf(to, "%s%lld %s", first ? "" : ", ", json_integer_value(n), counted(event, json_integer_value(n)));
    first = false;
  }
}

static json_t *sum_of(const json_t *counts) {
  json_t *sum = json_object(), *of, *n;
  const char *pipeline, *event;
  json_object_foreach((json_t *)(uintptr_t)counts, pipeline, of)
    json_object_foreach(of, event, n)
      json_object_set_new(sum, event, json_integer(json_integer_value(n) + member_number(sum, event)));
  return sum;
}

static json_t *subject_of_many(const json_t *counts, int64_t held) {
  char *text = NULL;
  size_t n;
  FILE *to = open_memstream(&text, &n);
  json_t *sum = sum_of(counts);
  fprintf(to, "[etl] %" PRId64 " notice%s held back: ", held, held == 1 ? "" : "s");
  put_counts(sum, to);
  fclose(to);
  json_decref(sum);
  json_t *subject = cut_subject(text);
  free(text);
  return subject;
}

static void put_short(const json_t *notice, FILE *to) {
  const char *message = or_empty(member_text(notice, "message")), *run = member_text(notice, "run");
  size_t n = text_within(message, DIGEST_MESSAGE);
  fprintf(to, "  %s  ", or_empty(member_text(notice, "at")));
  put_headline(notice, to);
  fprintf(to, "%s%.*s%s%s%s\n", *message ? ": " : "", (int)n, message, message[n] ? "..." : "", run ? "  etl info " : "", or_empty(run));
}

static json_t *text_of_many(const json_t *list, const json_t *counts, int64_t held, const char *host, const char *since) {
  char *text = NULL;
  size_t n, i;
  json_t *of, *notice;
  const char *pipeline;
  FILE *to = open_memstream(&text, &n);
  fprintf(to, "%" PRId64 " notice%s of %s came since %s, more than this target takes one by one.\n\n", held, held == 1 ? "" : "s", host, since);
  json_object_foreach((json_t *)(uintptr_t)counts, pipeline, of) {
    fprintf(to, "%s: ", *pipeline ? pipeline : "the host");
    put_counts(of, to);
    fputc('\n', to);
  }
  fprintf(to, (size_t)held > json_array_size(list) ? "\nThe newest of them:\n" : "\nOne by one:\n");
  json_array_foreach(list, i, notice) put_short(notice, to);
  fprintf(to, "\nTo look further, on %s:\n  etl status\n", host);
  fclose(to);
  json_t *j = json_string(text);
  free(text);
  return j;
}

json_t *message_of_many(const json_t *list, const json_t *counts, int64_t held, const char *id, const char *host, int64_t since_ns,
                        int64_t now_ns) {
  json_t *j = json_pack("{ss, sI, sO, sO}", "event", "digest", "held_back", (json_int_t)held, "counts", counts, "notices", list);
  stamp(j, id, host, since_ns);
  cleanup_free char *since = xstrdup(or_empty(member_text(j, "sent_at")));
  stamp(j, id, host, now_ns);
  json_object_set_new(j, "since", json_string(since));
  json_object_set_new(j, "subject", subject_of_many(counts, held));
  json_object_set_new(j, "text", text_of_many(list, counts, held, host, since));
  return j;
}
