/* split: one row of the source becomes rows of several tables.  Options, life cycle and descriptor. */
#include <stdlib.h>

#include "split.h"

enum {
  OPT_OUTPUTS
};
enum {
  OUT_STREAM,
  OUT_COLUMNS,
  OUT_RENAME,
  OUT_WHERE,
  OUT_WHERE_NOT_NULL,
  OUT_DISTINCT
};
static const struct etl_option *const output_options[] = {
    [OUT_STREAM] =
        OPTION("stream", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "identities",
               .doc = "Name of the new stream, by which the loader finds its table (its option tables, or {stream} in table)."),
    [OUT_COLUMNS] = OPTION("columns", ETL_T_LIST, .example = "[ \"id\", \"name\" ]",
                           .doc = "Columns of the input that the stream gets, in this order; without it all of them."),
    [OUT_RENAME] = OPTION("rename", ETL_T_MAP, .example = "{ id = \"user_id\"; }", .doc = "Old name = name in this stream."),
    [OUT_WHERE] = OPTION("where", ETL_T_MAP, .example = "{ kind = \"login\"; }",
                         .doc = "Only rows in which each of these columns has this value, written as PostgreSQL shows it "
                                "(true and false for bool); NULL never is one."),
    [OUT_WHERE_NOT_NULL] = OPTION("where_not_null", ETL_T_LIST, .example = "[ \"credential_id\" ]",
                                  .doc = "Only rows in which none of these columns is NULL."),
    [OUT_DISTINCT] =
        OPTION("distinct", ETL_T_LIST, .example = "[ \"id\" ]",
               .doc = "Of the rows of a batch that are equal in these columns only the last goes on; they become the key "
                      "of the stream. Over all batches the loader sees to it, with mode merge and this key."),
    NULL,
};
static const struct etl_option *const options[] = {
    [OPT_OUTPUTS] =
        OPTION("outputs", ETL_T_GROUPS, .flags = ETL_OPT_REQUIRED, .members = output_options,
               .example = "( { stream = \"identities\"; columns = [ \"id\", \"name\" ]; distinct = [ \"id\" ]; }, "
                          "{ stream = \"credentials\"; columns = [ \"id\", \"secret\" ]; rename = { id = \"user_id\"; }; } )",
               .doc = "The streams to make; the columns named in them are those of the input."),
    NULL,
};

static void names_free(char **names, size_t n) {
  for (size_t i = 0; i < n; i++)
    free(names[i]);
  free(names);
}

static void pairs_free(struct split_pair *pairs, size_t n) {
  for (size_t i = 0; i < n; i++) {
    free(pairs[i].name);
    free(pairs[i].text);
  }
  free(pairs);
}

static void split_close(void *self) {
  struct split *s = self;
  split_plan_fini(s);
  for (size_t i = 0; i < s->outputs_n; i++) {
    struct split_output *o = &s->outputs[i];
    free(o->stream);
    names_free(o->columns, o->columns_n);
    names_free(o->distinct, o->distinct_n);
    names_free(o->not_null, o->not_null_n);
    pairs_free(o->where, o->where_n);
    pairs_free(o->renames, o->renames_n);
  }
  free(s->outputs);
  row_key_fini(&s->key);
  free(s);
}

static int take_names(const struct etl_value *v, char ***ret, size_t *ret_n) {
  *ret = calloc(v->list_n + 1, sizeof **ret);
  for (; *ret && *ret_n < v->list_n; ++*ret_n)
    if (!((*ret)[*ret_n] = strdup(v->list[*ret_n].p)))
      return -1;
  return *ret ? 0 : -1;
}

static int take_pairs(const struct etl_value *v, struct split_pair **ret, size_t *ret_n) {
  struct split_pair *pairs = calloc(v->list_n / 2 + 1, sizeof *pairs);
  *ret = pairs;
  for (; pairs && *ret_n < v->list_n / 2; ++*ret_n) {
    struct split_pair p = {.name = strdup(v->list[2 * *ret_n].p), .text = strdup(v->list[2 * *ret_n + 1].p)};
    pairs[*ret_n] = p;
    if (!p.name || !p.text) {
      free(p.name);
      free(p.text);
      return -1;
    }
  }
  return pairs ? 0 : -1;
}

static int32_t open_output(struct split *s, const struct etl_group *g) {
  struct split_output *o = &s->outputs[s->outputs_n++];
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "outputs";
  e.remedy = "give each output a name of its own";
  o->stream = strdup(etl_group_str(g, OUT_STREAM));
  if (!o->stream || take_names(g->values[OUT_COLUMNS], &o->columns, &o->columns_n) < 0 ||
      take_names(g->values[OUT_WHERE_NOT_NULL], &o->not_null, &o->not_null_n) < 0 ||
      take_names(g->values[OUT_DISTINCT], &o->distinct, &o->distinct_n) < 0 ||
      take_pairs(g->values[OUT_WHERE], &o->where, &o->where_n) < 0 ||
      take_pairs(g->values[OUT_RENAME], &o->renames, &o->renames_n) < 0)
    return transformer_no_memory(s->host, "split");
  if (!*o->stream)
    return etl_failf(s->host, &e, "split: option outputs (%s): an empty name for stream", g->origin);
  for (size_t i = 0; i + 1 < s->outputs_n; i++)
    if (strcmp(s->outputs[i].stream, o->stream) == 0)
      return etl_failf(s->host, &e, "split: option outputs (%s): there are two outputs for stream \"%s\"", g->origin, o->stream);
  return ETL_OK;
}

static int32_t split_open(const struct etl_open *open, void **self) {
  struct split *s = calloc(1, sizeof *s);
  uint64_t n = etl_opt_groups_n(open, OPT_OUTPUTS);
  if (!s || !(s->outputs = calloc(n + 1, sizeof *s->outputs))) {
    free(s);
    return transformer_no_memory(open->host, "split");
  }
  s->host = open->host;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "outputs";
  e.remedy = options[OPT_OUTPUTS]->example;
  int32_t rc = n ? ETL_OK : etl_failf(s->host, &e, "split: option outputs: there is none");
  for (uint64_t i = 0; rc == ETL_OK && i < n; i++)
    rc = open_output(s, etl_opt_group(open, OPT_OUTPUTS, i));
  if (rc != ETL_OK) {
    split_close(s);
    return rc;
  }
  *self = s;
  return ETL_OK;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = split_open, .close = split_close};
static const struct etl_transformer transformer = {.struct_size = sizeof transformer, .bind = split_bind, .process = split_process};

ETL_CONNECTOR(
    ETL_KIND_TRANSFORMER, "split", ETL_VERSION, "MIT",
    .summary = "Makes several streams, for several tables, out of the columns and rows of one",
    .doc = "Every output sees every row; where, where_not_null and distinct choose among them. Columns are shared between the "
           "outputs and not copied, unless rows are left out. All tables are written in one transaction with the position of "
           "the source. A later stage is for the streams that its key `streams` names, or for all of them.",
    .options = options, .common = &common, .api = &transformer);
