/* `etl quarantine`: rows that could not be taken: list, show, drop, replay. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/member.h"
#include "base/table.h"
#include "cli/answer.h"
#include "cli/event_text.h"

enum { LIST_LIMIT = 100 };

struct quarantine {
  struct arena *arena;
  json_t *rows;
  json_t *answer;
};

static const char *text(struct arena *a, const json_t *row, const char *key) { return words_clean(a, member_text(row, key)); }

static int64_t answered(const struct quarantine *q, const char *key) { return member_number(q->answer, key); }

static void tell_refused(const struct quarantine *q, const json_t *event) {
  const char *remedy = text(q->arena, event, "remedy");
  fprintf(stderr, "etl: row %s is refused again: %s%s%s\n", text(q->arena, event, "id"), text(q->arena, event, "message"), *remedy ? "; " : "",
          remedy);
}

static bool on_event(void *arg, json_t *event) {
  struct quarantine *q = arg;
  const char *name = member_text(event, "event");
  if (strcmp(name, "kept") == 0)
    json_array_append(q->rows, event);
  else if (strcmp(name, "answer") == 0)
    q->answer = json_incref(event);
  else if (strcmp(name, "refused") == 0)
    tell_refused(q, event);
  else
    return false;
  return true;
}

/* ids: those after the name; none: all. */
static int ask(const struct cli_args *a, struct launch *l, const char *act, int64_t limit, struct quarantine *q) {
  l->spec->command = SPEC_QUARANTINE;
  l->spec->ask = json_pack("{s:s, s:I}", "act", act, "limit", (json_int_t)limit);
  json_t *ids = json_array();
  for (size_t i = 1; cli_word(a, i); i++)
    json_array_append_new(ids, json_string(cli_word(a, i)));
  if (json_array_size(ids))
    json_object_set(l->spec->ask, "ids", ids);
  json_decref(ids);
  return answer_wait(l, on_event, q);
}

static const char *time_text(struct arena *a, const json_t *row) {
  time_t at = (time_t)json_number_value(json_object_get(row, "at"));
  struct tm tm;
  char buf[32];
  if (!gmtime_r(&at, &tm) || strftime(buf, sizeof buf, "%Y-%m-%d %H:%M:%SZ", &tm) == 0)
    return "";
  return arena_strdup(a, buf);
}

/* The row as JSON; a text that is none (a row that no schema describes) as a string. */
static json_t *raw_json(const json_t *row) {
  const char *raw = member_text(row, "raw");
  json_t *j = raw ? json_loads(raw, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL) : NULL;
  return j ? j : json_string(raw ? raw : "");
}

static void print_json(const struct quarantine *q) {
  size_t i;
  json_t *row;
  json_array_foreach(q->rows, i, row) {
    json_object_del(row, "event");
    json_object_set_new(row, "raw", raw_json(row));
    const char *columns = member_text(row, "columns");
    if (columns)
      json_object_set_new(row, "columns", json_loads(columns, 0, NULL));
  }
  json_dumpf(q->rows, stdout, JSON_INDENT(2));
  putchar('\n');
}

static void print_table(const struct quarantine *q, const char *pipeline) {
  static const char *const heads[] = {">ID", "AT", "LANE", "STAGE", "COLUMN", "REASON", NULL};
  size_t i;
  json_t *row;
  if (json_array_size(q->rows) == 0) {
    printf("No row of %s is set aside.\n", pipeline);
    return;
  }
  struct table *t = table_new(heads);
  json_array_foreach(q->rows, i, row) {
    table_cell(t, "%s", text(q->arena, row, "id"));
    table_cell(t, "%s", time_text(q->arena, row));
    table_cell(t, "%s/%s", text(q->arena, row, "stream"), text(q->arena, row, "shard"));
    table_cell(t, "%s", text(q->arena, row, "stage"));
    table_cell(t, "%s", text(q->arena, row, "column"));
    table_cell(t, "%s", text(q->arena, row, "message"));
  }
  table_print(t, stdout);
  table_free(t);
}

static void print_row(const struct quarantine *q, const json_t *row) {
  static const char *const keys[] = {"id",           "message", "stage", "connector",    "column", "class",
                                     "vendor_state", "stream",  "shard", "table_stream", "run"};
  for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
    if (*text(q->arena, row, keys[i]))
      printf("%-13s %s\n", keys[i], text(q->arena, row, keys[i]));
  printf("%-13s %lld\n", "epoch", (long long)member_number(row, "epoch"));
  printf("%-13s %s\n", "at", time_text(q->arena, row));
  json_t *raw = raw_json(row), *value;
  const char *key;
  if (json_is_object(raw))
    fputs("row\n", stdout);
  else
    printf("%-13s %s\n", "row", text(q->arena, row, "raw"));
  json_object_foreach(raw, key, value) {
    char *v = json_dumps(value, JSON_ENCODE_ANY);
    printf("  %s: %s\n", words_clean(q->arena, key), words_clean(q->arena, v));
    free(v);
  }
  json_decref(raw);
}

static int refuse_copy(const char *name) {
  struct err e;
  err_set(&e, ETL_E_CONFIG, "%s is a copy, of which no configuration tells where its rows are", name);
  err_remedy(&e, "add the options of that `etl copy`: --from, --to, --table ...");
  return cli_report(&e);
}

static int with_pipeline(const struct cli_args *a, copy_act *act) {
  struct launch l = {0};
  struct quarantine q = {.arena = arena_new(), .rows = json_array()};
  const char *name = cli_word(a, 0);
  int status;
  if (cli_opt(a, "from") || cli_opt(a, "to"))
    status = copy_launch(a, name, act, &q);
  else if (copy_is_name(name))
    status = refuse_copy(name);
  else if ((status = launch_init(&l, a)) == CLI_OK)
    status = act(a, &l, &q);
  launch_fini(&l);
  json_decref(q.rows);
  json_decref(q.answer);
  arena_free(q.arena);
  return status;
}

static int list(const struct cli_args *a, struct launch *l, void *arg) {
  struct quarantine *q = arg;
  const char *output = cli_opt(a, "output"), *limit_text = cli_opt(a, "limit");
  int64_t limit = limit_text ? strtoll(limit_text, NULL, 10) : LIST_LIMIT;
  int status = ask(a, l, "list", limit ? limit + 1 : 0, q); /* one more, to know whether there are more */
  if (status != CLI_OK)
    return status;
  bool more = limit && json_array_size(q->rows) > (size_t)limit;
  if (more)
    json_array_remove(q->rows, (size_t)limit);
  if (output && strcmp(output, "json") == 0)
    print_json(q);
  else
    print_table(q, cli_word(a, 0));
  if (more)
    fprintf(stderr, "etl: these are the first %lld rows, and there are more; --limit 0 shows all\n", (long long)limit);
  return CLI_OK;
}

static int missing(const struct cli_args *a, const char *id) {
  struct err e;
  err_set(&e, ETL_E_PERMANENT, "there is no row %s in the quarantine of %s", id, cli_word(a, 0));
  err_remedy(&e, "see etl quarantine list %s", cli_word(a, 0));
  return cli_report(&e);
}

static int show(const struct cli_args *a, struct launch *l, void *arg) {
  struct quarantine *q = arg;
  const char *output = cli_opt(a, "output");
  int status = ask(a, l, "list", 0, q);
  if (status != CLI_OK)
    return status;
  if (json_array_size(q->rows) == 0)
    return missing(a, cli_word(a, 1));
  if (output && strcmp(output, "json") == 0)
    print_json(q);
  else
    print_row(q, json_array_get(q->rows, 0));
  return CLI_OK;
}

/* Exactly one of: ids, --all. */
static int check_ids(const struct cli_args *a) {
  struct err e;
  bool ids = cli_word(a, 1) != NULL;
  if (ids != cli_flag(a, "all"))
    return CLI_OK;
  err_set(&e, ETL_E_CONFIG, ids ? "--all and single rows do not go together" : "'etl %s' wants the ids of rows, or --all", a->command->name);
  err_remedy(&e, "etl quarantine list %s shows the ids", cli_word(a, 0));
  return cli_report(&e);
}

static int drop(const struct cli_args *a, struct launch *l, void *arg) {
  struct quarantine *q = arg;
  int status = ask(a, l, "drop", 0, q);
  if (status != CLI_OK)
    return status;
  printf("%s dropped\n", words_count(q->arena, answered(q, "dropped"), "row"));
  return !cli_flag(a, "all") && answered(q, "dropped") == 0 ? missing(a, cli_word(a, 1)) : CLI_OK;
}

static int replay(const struct cli_args *a, struct launch *l, void *arg) {
  struct quarantine *q = arg;
  int status = ask(a, l, "replay", 0, q);
  if (!q->answer)
    return status;
  int64_t missed = answered(q, "missing"), refused = answered(q, "refused");
  printf("%s replayed", words_count(q->arena, answered(q, "replayed"), "row"));
  if (refused)
    printf(", %s refused again", words_count(q->arena, refused, "row"));
  putchar('\n');
  if (missed)
    fprintf(stderr, "etl: %s of those named %s in the quarantine of %s\n", words_count(q->arena, missed, "row"), missed == 1 ? "is not" : "are not",
            cli_word(a, 0));
  return missed && status == CLI_OK ? CLI_FAILED : status;
}

int cmd_quarantine_list(const struct cli_args *a) { return with_pipeline(a, list); }
int cmd_quarantine_show(const struct cli_args *a) { return with_pipeline(a, show); }
int cmd_quarantine_drop(const struct cli_args *a) {
  int status = check_ids(a);
  return status == CLI_OK ? with_pipeline(a, drop) : status;
}
int cmd_quarantine_replay(const struct cli_args *a) {
  int status = check_ids(a);
  return status == CLI_OK ? with_pipeline(a, replay) : status;
}
