/* Which columns each output takes: made at bind(), where names that are not there are refused with the nearest one. */
#include <stdlib.h>

#include "keep.h"
#include "names.h"
#include "split.h"

static void output_fini(struct split_output *o) {
  etl_schema_release(&o->out);
  free(o->from);
  free(o->distinct_at);
  free(o->not_null_at);
  free(o->where_at);
  o->from = o->distinct_at = o->not_null_at = o->where_at = NULL;
}

void split_plan_fini(struct split *s) {
  etl_schema_release(&s->in);
  for (size_t i = 0; i < s->outputs_n; i++)
    output_fini(&s->outputs[i]);
}

/* Indexes of n names, which lie `stride` bytes apart. */
static int32_t find(const struct split *s, const struct etl_stream *in, const char *option, const void *names, size_t n,
                    size_t stride, int64_t **ret) {
  int64_t *at = calloc(n + 1, sizeof *at);
  *ret = at;
  if (!at)
    return transformer_no_memory(s->host, "split");
  for (size_t i = 0; i < n; i++) {
    const char *name = *(char *const *)(const void *)((const char *)names + i * stride);
    at[i] = etl_schema_find(in->schema, name);
    if (at[i] < 0)
      return names_missing(s->host, in, "split", option, name);
  }
  return ETL_OK;
}

static int32_t plan_rows(const struct split *s, const struct etl_stream *in, struct split_output *o) {
  const struct ArrowSchema *schema = in->schema;
  struct etl_format f;
  int32_t rc = find(s, in, "distinct", o->distinct, o->distinct_n, sizeof *o->distinct, &o->distinct_at);
  if (rc == ETL_OK)
    rc = find(s, in, "where_not_null", o->not_null, o->not_null_n, sizeof *o->not_null, &o->not_null_at);
  if (rc == ETL_OK)
    rc = find(s, in, "where", o->where, o->where_n, sizeof *o->where, &o->where_at);
  for (size_t i = 0; rc == ETL_OK && i < o->distinct_n + o->where_n; i++) {
    const struct ArrowSchema *c = schema->children[i < o->distinct_n ? o->distinct_at[i] : o->where_at[i - o->distinct_n]];
    if (etl_format_parse(c, &f) < 0)
      rc = etl_failf(s->host, &ETL_ERROR(ETL_E_SCHEMA, .option = "outputs", .remedy = "choose rows by other columns"),
                     "split: output %s: values of column \"%s\" cannot be compared: its type %s is nested or unknown", o->stream, c->name, c->format);
  }
  return rc;
}

static const char *new_name(const struct split_output *o, const char *name) {
  for (size_t i = 0; i < o->renames_n; i++)
    if (strcmp(o->renames[i].name, name) == 0)
      return o->renames[i].text;
  return name;
}

static int32_t check_columns(const struct split *s, const struct etl_stream *in, const struct split_output *o, int64_t n) {
  for (size_t i = 0; i < o->renames_n; i++) {
    int64_t at = etl_schema_find(in->schema, o->renames[i].name);
    if (at < 0)
      return names_missing(s->host, in, "split", "rename", o->renames[i].name);
    bool taken = false;
    for (int64_t k = 0; k < n; k++)
      taken |= o->from[k] == at;
    if (!taken)
      return etl_failf(s->host, &ETL_ERROR(ETL_E_SCHEMA, .option = "outputs", .remedy = "add it to columns, or do not rename it"),
                       "split: output %s: column \"%s\" is renamed, but not among columns", o->stream, o->renames[i].name);
  }
  for (int64_t i = 0; i < n; i++) {
    const struct ArrowSchema *c = in->schema->children[o->from[i]];
    if (split_filters(o) && !keep_supported(c))
      return etl_failf(s->host, &ETL_ERROR(ETL_E_SCHEMA, .option = "outputs", .remedy = "leave that column out, or take all rows"),
                       "split: output %s: rows cannot be left out of column \"%s\": its type %s is nested or unknown", o->stream, c->name, c->format);
    for (int64_t k = 0; k < i; k++)
      if (strcmp(new_name(o, c->name), new_name(o, in->schema->children[o->from[k]]->name)) == 0)
        return etl_failf(s->host, &ETL_ERROR(ETL_E_SCHEMA, .option = "outputs", .remedy = "give one of them another name with rename"),
                         "split: output %s: two columns would be named \"%s\"", o->stream, new_name(o, c->name));
  }
  return ETL_OK;
}

static int32_t plan_columns(const struct split *s, const struct etl_stream *in, struct split_output *o) {
  int64_t n = o->columns_n ? (int64_t)o->columns_n : in->schema->n_children;
  int32_t rc = ETL_OK;
  if (o->columns_n)
    rc = find(s, in, "columns", o->columns, o->columns_n, sizeof *o->columns, &o->from);
  else if (!(o->from = calloc((size_t)n + 1, sizeof *o->from)))
    return transformer_no_memory(s->host, "split");
  for (int64_t i = 0; !o->columns_n && i < n; i++)
    o->from[i] = i;
  if (rc == ETL_OK)
    rc = check_columns(s, in, o, n);
  if (rc != ETL_OK)
    return rc;
  if (etl_schema_init(&o->out, n) < 0)
    return transformer_no_memory(s->host, "split");
  for (int64_t i = 0; i < n; i++) {
    struct ArrowSchema column = *in->schema->children[o->from[i]];
    column.name = new_name(o, column.name);
    if (etl_schema_set_copy(&o->out, i, &column) < 0)
      return transformer_no_memory(s->host, "split");
  }
  return ETL_OK;
}

/* The names that these columns of the input have in the output, ends with NULL; NULL without an error when one is not taken. */
static int output_key(const struct split_output *o, const char *const *names, size_t n, const char ***ret) {
  const char **key = calloc(n + 1, sizeof *key);
  size_t found = 0;
  if (!key)
    return -1;
  for (size_t i = 0; i < n; i++)
    found += etl_schema_find(&o->out, key[i] = new_name(o, names[i])) >= 0;
  if (n == 0 || found < n) {
    free(key);
    key = NULL;
  }
  *ret = key;
  return 0;
}

static int32_t declare(const struct split *s, const struct etl_stream *in, const struct split_output *o,
                       int32_t (*out)(void *, const struct etl_stream *), void *arg) {
  const char **key = NULL;
  size_t n = 0;
  while (in->key && in->key[n])
    n++;
  if (o->distinct_n ? output_key(o, (const char *const *)o->distinct, o->distinct_n, &key) < 0
                    : output_key(o, in->key, n, &key) < 0)
    return transformer_no_memory(s->host, "split");
  if (o->distinct_n && !key)
    return etl_failf(s->host, &ETL_ERROR(ETL_E_SCHEMA, .option = "outputs", .remedy = "add the columns of distinct to columns"),
                     "split: output %s: a column of distinct is not among columns", o->stream);
  struct etl_stream stream = {
      .struct_size = sizeof stream, .flags = in->flags, .name = o->stream, .doc = in->doc, .schema = &o->out, .key = key};
  int32_t rc = out(arg, &stream);
  free(key);
  return rc;
}

int32_t split_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *), void *arg) {
  struct split *s = self;
  int32_t rc = ETL_OK;
  split_plan_fini(s);
  if (etl_schema_copy(in->schema, &s->in) < 0)
    return transformer_no_memory(s->host, "split");
  for (size_t i = 0; rc == ETL_OK && i < s->outputs_n; i++) {
    rc = plan_rows(s, in, &s->outputs[i]);
    if (rc == ETL_OK)
      rc = plan_columns(s, in, &s->outputs[i]);
    if (rc == ETL_OK)
      rc = declare(s, in, &s->outputs[i], out, arg);
  }
  return rc;
}
