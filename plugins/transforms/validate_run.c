/* A batch against the rules, one rule after another.  Nothing is copied unless rows are set aside. */
#include <stdio.h>
#include <stdlib.h>

#include "keep.h"
#include "shown.h"
#include "validate.h"

enum {
  CANCEL_EVERY_ROWS = 4096,
  CANCEL_EVERY_MATCHES = 16, /* each of which may take milliseconds */
  SHOWN_BYTES = 90
};
struct run { /* one batch */
  struct validate *v;
  struct ArrowArray *in;
  uint8_t *dead; /* a byte a row */
  int64_t rejected;
};

static void show(const struct etl_view *v, int64_t row, char ret[SHOWN_BYTES]) {
  char buf[VALUE_TEXT_BYTES], text[SHOWN_BYTES - 2];
  if (etl_view_null(v, row)) {
    snprintf(ret, SHOWN_BYTES, "NULL");
    return;
  }
  struct value x = value_load(v, row);
  snprintf(ret, SHOWN_BYTES, "\"%s\"", shown_text(text, sizeof text, value_text(&x, buf)));
}

static int32_t broken(struct run *run, struct rule *r, const struct etl_view *view, int64_t row, const char *why) {
  const struct etl_host *h = run->v->host;
  char shown[SHOWN_BYTES];
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  show(view, row, shown);
  if (etl_view_null(view, row))
    snprintf(shown, sizeof shown, "the value");
  if (!r->failed++)
    snprintf(r->first, sizeof r->first, "%s %s", shown, why);
  h->count(h, r->metric, 1);
  e.row = row;
  e.column = (int32_t)r->at;
  e.remedy = "correct the data at the source, or the rule; action = \"quarantine\" would set such rows aside";
  if (r->action == ACTION_FAIL)
    return etl_failf(h, &e, "validate: rule %s: row %lld: %s in column \"%s\" %s", r->name, (long long)row + 1, shown, r->column,
                     why);
  if (r->action == ACTION_WARN || run->dead[row])
    return ETL_OK;
  run->dead[row] = 1;
  run->rejected++;
  return etl_reject(h, &e, NULL, &run->v->schema, run->in, row, "validate: rule %s: %s in column \"%s\" %s", r->name, shown,
                    r->column, why);
}

static int32_t run_rule(struct run *run, struct rule *r) {
  const struct etl_host *h = run->v->host;
  struct etl_view view;
  char why[256];
  if (etl_view_init(&view, &run->v->schema, run->in, r->at) < 0)
    return transformer_no_memory(h, "validate");
  r->rows += run->in->length;
  for (int64_t row = 0; row < run->in->length; row++) {
    if (row % (r->regex ? CANCEL_EVERY_MATCHES : CANCEL_EVERY_ROWS) == 0 && h->cancelled(h))
      return ETL_STOPPED;
    int rc = rule_check(r, &view, row, why);
    int32_t status = rc == 0 ? ETL_OK : rc < 0 ? transformer_no_memory(h, "validate") : broken(run, r, &view, row, why);
    if (status != ETL_OK)
      return status;
  }
  return ETL_OK;
}

int32_t validate_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct validate *v = self;
  struct run run = {.v = v, .in = &in->rows};
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  struct etl_msg m = {
      .struct_size = sizeof m, .flags = ETL_M_ROWS, .stream = in->stream, .lag_ns = in->lag_ns, .src_bytes = in->src_bytes};
  run.dead = calloc((size_t)in->rows.length + 1, 1);
  int32_t rc = run.dead ? ETL_OK : transformer_no_memory(v->host, "validate");
  for (size_t i = 0; rc == ETL_OK && i < v->rules_n; i++)
    rc = run_rule(&run, &v->rules[i]);
  if (rc == ETL_OK && run.rejected == 0)
    etl_array_move(&in->rows, &m.rows);
  else if (rc == ETL_OK && keep_living(v->host, &v->schema, &in->rows, run.dead, &m.rows) < 0)
    rc = transformer_no_memory(v->host, "validate");
  free(run.dead);
  etl_array_release(&in->rows);
  if (rc == ETL_OK) {
    etl_tell_rows(v->host, NULL, (uint64_t)m.rows.length);
    rc = sink->emit(sink, &m);
  }
  etl_array_release(&m.rows);
  return rc;
}
