/* What becomes of each column of a schema: the plan is made at bind(), where every impossible wish is refused with the column's
 * name; only values can be wrong later. */
#include <stdio.h>
#include <stdlib.h>

#include "columns.h"
#include "keep.h"
#include "names.h"

void columns_plan_fini(struct columns *c) {
  etl_schema_release(&c->in);
  etl_schema_release(&c->out);
  free(c->plan);
  c->plan = NULL;
  c->plan_n = 0;
}

static int32_t refuse(const struct columns *c, const char *option, int64_t column, const char *remedy, const char *message) {
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  e.option = option;
  e.column = (int32_t)column;
  e.remedy = remedy;
  return etl_failf(c->host, &e, "columns: option %s: %s", option, message);
}

/* The planned column that keeps input column `name`; NULL after an error was set. */
static struct out_column *planned(struct columns *c, const struct etl_stream *in, const char *option, const char *name,
                                  int32_t *ret_rc) {
  int64_t at = etl_schema_find(in->schema, name);
  char text[512];
  if (at < 0) {
    *ret_rc = names_missing(c->host, in, "columns", option, name);
    return NULL;
  }
  for (int64_t i = 0; i < c->plan_n; i++)
    if (c->plan[i].source == at)
      return &c->plan[i];
  snprintf(text, sizeof text, "column \"%s\" is not kept by select or drop", name);
  *ret_rc = refuse(c, option, at, "keep the column, or do not name it here", text);
  return NULL;
}

static void plan_source(struct columns *c, const struct ArrowSchema *in, int64_t source) {
  c->plan[c->plan_n++] = (struct out_column){.source = source, .name = in->children[source]->name};
}

static int32_t plan_kept(struct columns *c, const struct etl_stream *in) {
  const struct ArrowSchema *s = in->schema;
  c->plan = calloc((size_t)s->n_children + c->select.n + c->constants_n + 1, sizeof *c->plan);
  if (!c->plan)
    return columns_out_of_memory(c);
  for (size_t i = 0; i < c->select.n; i++) {
    int64_t at = etl_schema_find(s, c->select.v[i]);
    if (at < 0)
      return names_missing(c->host, in, "columns", "select", c->select.v[i]);
    plan_source(c, s, at);
  }
  for (size_t i = 0; i < c->drop.n; i++)
    if (etl_schema_find(s, c->drop.v[i]) < 0)
      return names_missing(c->host, in, "columns", "drop", c->drop.v[i]);
  for (int64_t at = 0; c->select.n == 0 && at < s->n_children; at++) {
    bool dropped = false;
    for (size_t i = 0; i < c->drop.n; i++)
      dropped |= strcmp(c->drop.v[i], s->children[at]->name) == 0;
    if (!dropped)
      plan_source(c, s, at);
  }
  return ETL_OK;
}

static int32_t plan_casts(struct columns *c, const struct etl_stream *in) {
  char text[512];
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < c->casts_n; i++) {
    struct out_column *o = planned(c, in, "cast", c->casts[i].column, &rc);
    struct etl_format f;
    if (!o)
      return rc;
    const struct ArrowSchema *column = in->schema->children[o->source];
    bool known = etl_format_parse(column, &f) == 0;
    o->cast = &c->casts[i].type;
    if (known && cast_possible(&f, o->cast))
      continue;
    snprintf(text, sizeof text, "column \"%s\" of type %s cannot become %s", column->name,
             known ? cast_name_of(&f) : column->format, o->cast->name);
    return refuse(c, "cast", o->source, known ? "cast to text is always possible" : "drop the column", text);
  }
  return rc;
}

/* hash and mask take text only: what the column is after its cast. */
static int32_t check_text(const struct columns *c, const struct etl_stream *in, const char *option, const struct out_column *o) {
  char text[512];
  struct etl_format f;
  const struct ArrowSchema *column = in->schema->children[o->source];
  bool known = etl_format_parse(column, &f) == 0;
  if (known && (o->cast ? o->cast->f.logical : f.logical) == ETL_L_STRING)
    return ETL_OK;
  snprintf(text, sizeof text, "column \"%s\" is not text (type %s)", column->name,
           o->cast ? o->cast->name
           : known ? cast_name_of(&f)
                   : column->format);
  return refuse(c, option, o->source, "cast it to text in the same stage", text);
}

static int32_t plan_hidden(struct columns *c, const struct etl_stream *in) {
  char text[512];
  int32_t rc = ETL_OK;
  for (size_t i = 0; rc == ETL_OK && i < c->hash.n; i++) {
    struct out_column *o = planned(c, in, "hash", c->hash.v[i], &rc);
    if (!o)
      return rc;
    o->hash = true;
    rc = check_text(c, in, "hash", o);
  }
  for (size_t i = 0; rc == ETL_OK && i < c->masks_n; i++) {
    struct out_column *o = planned(c, in, "mask", c->masks[i].column, &rc);
    if (!o)
      return rc;
    o->mask = &c->masks[i].mask;
    snprintf(text, sizeof text, "column \"%s\" is named by hash, too", c->masks[i].column);
    rc = o->hash ? refuse(c, "mask", o->source, "choose one of the two", text) : check_text(c, in, "mask", o);
  }
  return rc;
}

static void plan_constants(struct columns *c) {
  for (size_t i = 0; i < c->constants_n; i++)
    c->plan[c->plan_n++] = (struct out_column){.source = -1, .constant = &c->constants[i], .name = c->constants[i].column};
}

static int32_t plan_names(struct columns *c, const struct etl_stream *in) {
  char text[512];
  int32_t rc = ETL_OK;
  struct out_column **targets = c->targets;
  for (size_t i = 0; i < c->renames_n; i++) { /* all are found by their old names first, so that two can change places */
    targets[i] = NULL;
    for (int64_t k = 0; k < c->plan_n; k++)
      if (c->plan[k].constant && strcmp(c->plan[k].name, c->renames[i].from) == 0)
        targets[i] = &c->plan[k];
    if (!targets[i] && !(targets[i] = planned(c, in, "rename", c->renames[i].from, &rc)))
      return rc;
  }
  for (size_t i = 0; i < c->renames_n; i++)
    targets[i]->name = c->renames[i].to;
  for (int64_t i = 0; i < c->plan_n; i++)
    for (int64_t k = 0; k < i; k++)
      if (strcmp(c->plan[i].name, c->plan[k].name) == 0) {
        snprintf(text, sizeof text, "two columns would be named \"%s\"", c->plan[i].name);
        return refuse(c, c->plan[i].constant ? "constant" : "rename", c->plan[i].source, "give one of them another name", text);
      }
  snprintf(text, sizeof text, "no column of stream %s is left", in->name);
  return c->plan_n ? ETL_OK : refuse(c, "drop", -1, "keep at least one column", text);
}

/* Rows may be rejected only by casts; then every kept column must be one that keep_rows() can copy. */
static int32_t check_rejecting(const struct columns *c, const struct etl_stream *in) {
  char text[512];
  for (int64_t i = 0; c->casts_n && i < c->plan_n; i++)
    if (c->plan[i].source >= 0 && !keep_supported(in->schema->children[c->plan[i].source])) {
      const struct ArrowSchema *column = in->schema->children[c->plan[i].source];
      snprintf(text, sizeof text, "rows that a cast rejects cannot be left out of column \"%s\": its type %s is nested or unknown",
               column->name, column->format);
      return refuse(c, "cast", c->plan[i].source, "drop that column, or cast in a stage without it", text);
    }
  return ETL_OK;
}

static int out_schema(const struct columns *c, const struct ArrowSchema *in, struct ArrowSchema *ret) {
  struct ArrowSchema s;
  int rc = 0;
  if (etl_schema_init(&s, c->plan_n) < 0)
    return -1;
  for (int64_t i = 0; i < c->plan_n && rc == 0; i++) {
    const struct out_column *o = &c->plan[i];
    if (o->constant) {
      rc = etl_schema_set(&s, i, o->name, o->constant->type.format, false, NULL, o->constant->type.extension);
      continue;
    }
    struct ArrowSchema column = *in->children[o->source];
    char source_type[128];
    uint64_t n = 0;
    const char *meta = etl_schema_meta(&column, ETL_META_SOURCE_TYPE, &n);
    snprintf(source_type, sizeof source_type, "%.*s", (int)n, meta ? meta : "");
    column.name = o->name;
    if (o->cast)
      rc = etl_schema_set(&s, i, o->name, o->cast->format, column.flags & ARROW_FLAG_NULLABLE, meta ? source_type : NULL,
                          o->cast->extension);
    else
      rc = etl_schema_set_copy(&s, i, &column);
    if (rc == 0 && (o->hash || o->mask) && !o->cast)
      rc = etl_schema_set(&s, i, o->name, "u", column.flags & ARROW_FLAG_NULLABLE, meta ? source_type : NULL, NULL);
  }
  if (rc < 0) {
    s.release(&s);
    return -1;
  }
  *ret = s;
  return 0;
}

/* The stream's key under its new names; NULL when part of it is gone. */
static int out_key(const struct columns *c, const struct etl_stream *in, const char ***ret_key) {
  size_t n = 0, found = 0;
  while (in->key && in->key[n])
    n++;
  const char **key = calloc(n + 1, sizeof *key);
  if (!key)
    return -1;
  for (size_t k = 0; k < n; k++)
    for (int64_t i = 0; i < c->plan_n; i++)
      if (c->plan[i].source >= 0 && strcmp(in->schema->children[c->plan[i].source]->name, in->key[k]) == 0)
        key[found++] = c->plan[i].name;
  if (n == 0 || found < n) {
    free(key);
    key = NULL;
  }
  *ret_key = key;
  return 0;
}

int32_t columns_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *), void *arg) {
  struct columns *c = self;
  struct ArrowSchema *s = &c->in;
  columns_plan_fini(c);
  if (etl_schema_copy(in->schema, s) < 0)
    return columns_out_of_memory(c);
  struct etl_stream stream = {
      .struct_size = sizeof stream, .flags = in->flags, .name = in->name, .doc = in->doc, .schema = s, .key = in->key};
  int32_t rc = plan_kept(c, &stream);
  if (rc == ETL_OK)
    rc = plan_casts(c, &stream);
  if (rc == ETL_OK)
    rc = plan_hidden(c, &stream);
  if (rc == ETL_OK) {
    plan_constants(c);
    rc = plan_names(c, &stream);
  }
  if (rc == ETL_OK)
    rc = check_rejecting(c, &stream);
  const char **key = NULL;
  if (rc == ETL_OK && (out_schema(c, s, &c->out) < 0 || out_key(c, &stream, &key) < 0))
    rc = columns_out_of_memory(c);
  stream.schema = &c->out;
  stream.key = key;
  if (rc == ETL_OK)
    rc = out(arg, &stream);
  free(key);
  return rc;
}
