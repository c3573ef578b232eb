/* `etl preview`: what the first rows would be, as a table, as JSON or as CSV. */
#include <stdlib.h>
#include <string.h>

#include "base/member.h"
#include "cli/answer.h"
#include "cli/event_text.h"
#include "cli/rows_text.h"

enum { PREVIEW_ROWS = 20 };

struct preview {
  struct rows_text *streams; /* in the order they came */
  size_t n;
};

static struct rows_text *stream_of(struct preview *p, const char *name) {
  for (size_t i = 0; i < p->n; i++)
    if (strcmp(p->streams[i].stream, name) == 0)
      return &p->streams[i];
  p->streams = xrealloc(p->streams, (p->n + 1) * sizeof *p->streams);
  p->streams[p->n] = (struct rows_text){.stream = xstrdup(name), .rows = json_array()};
  return &p->streams[p->n++];
}

static bool on_event(void *arg, json_t *event) {
  struct preview *p = arg;
  const char *name = member_text(event, "event"), *stream = member_text(event, "stream");
  if (strcmp(name, "columns") == 0 && stream) {
    struct rows_text *t = stream_of(p, stream);
    json_decref(t->columns);
    t->columns = json_incref(json_object_get(event, "columns"));
  } else if (strcmp(name, "row") == 0 && stream) {
    json_array_append(stream_of(p, stream)->rows, json_object_get(event, "row"));
  } else {
    return strcmp(name, "answer") == 0;
  }
  return true;
}

static int several(const struct preview *p) {
  struct err e;
  err_set(&e, ETL_E_CONFIG, "there are rows of several streams (%s, %s ...), and a CSV file has one table", p->streams[0].stream,
          p->streams[1].stream);
  err_remedy(&e, "choose one with --stream");
  return cli_report(&e);
}

static void keep_only(struct preview *p, const char *stream) {
  size_t kept = 0;
  for (size_t i = 0; i < p->n; i++)
    if (strcmp(p->streams[i].stream, stream) == 0)
      p->streams[kept++] = p->streams[i];
    else
      rows_text_fini(&p->streams[i]);
  p->n = kept;
}

static int refuse_stream(const char *stream, const char *others) {
  struct err e;
  err_set(&e, ETL_E_CONFIG, "no row is of a stream '%s'", stream);
  err_remedy(&e, "those that were read are of: %s", others);
  return cli_report(&e);
}

static int print(struct preview *p, const char *format) {
  if (format && strcmp(format, "json") == 0) {
    rows_text_json(p->streams, p->n, stdout);
    return CLI_OK;
  }
  if (format && strcmp(format, "csv") == 0) {
    if (p->n > 1)
      return several(p);
    if (p->n)
      rows_text_csv(&p->streams[0], stdout);
    return CLI_OK;
  }
  if (p->n == 0)
    puts("There is no row to read.");
  for (size_t i = 0; i < p->n; i++) {
    if (p->n > 1)
      printf("%s%s:\n", i ? "\n" : "", p->streams[i].stream);
    rows_text_table(&p->streams[i], stdout);
  }
  return CLI_OK;
}

/* Of the stream alone that the user named, if any. */
static int print_asked(struct preview *p, const char *stream, const char *format) {
  cleanup_free char *others = xstrdup("");
  for (size_t i = 0; i < p->n && stream; i++) {
    char *more = xasprintf("%s%s%s", others, *others ? ", " : "", p->streams[i].stream);
    free(others);
    others = more;
  }
  if (stream)
    keep_only(p, stream);
  return stream && p->n == 0 && *others ? refuse_stream(stream, others) : print(p, format);
}

static int preview(const struct cli_args *a, struct launch *l) {
  const char *limit = cli_opt(a, "limit");
  struct preview p = {0};
  int64_t rows = limit ? strtoll(limit, NULL, 10) : PREVIEW_ROWS;
  if (rows == 0) {
    struct err e;
    err_set(&e, ETL_E_CONFIG, "--limit 0 would show nothing");
    err_remedy(&e, "give a number of rows");
    return cli_report(&e);
  }
  l->spec->command = SPEC_PREVIEW;
  l->spec->ask = json_pack("{s:I, s:b}", "limit", (json_int_t)rows, "raw", (int)cli_flag(a, "raw"));
  int status = answer_wait(l, on_event, &p);
  if (status == CLI_OK)
    status = print_asked(&p, cli_opt(a, "stream"), cli_opt(a, "format"));
  for (size_t i = 0; i < p.n; i++)
    rows_text_fini(&p.streams[i]);
  free(p.streams);
  return status;
}

int cmd_preview(const struct cli_args *a) {
  struct launch l;
  int status = launch_init(&l, a);
  if (status == CLI_OK)
    status = preview(a, &l);
  launch_fini(&l);
  return status;
}
