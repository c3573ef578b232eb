/* The table of types: what a column can be written to, the best first.  The first fitting row is what a new table gets. */
#include "types.h"

#include <stdio.h>
#include <stdlib.h>

static const char loss_ns[] = "digits finer than a microsecond are cut off";

static const struct rule {
  enum etl_logical logical;
  uint32_t width_max; /* widest value of the source that fits; 0: any */
  uint32_t oid;
  const char *create; /* NULL: never made, but taken if it is there; "%" : numeric(p,s) */
  encode_fn *encode;  /* NULL: bytes */
} rules[] = {
    {ETL_L_BOOL, 0, OID_BOOL, "boolean", encode_bool},
    {ETL_L_INT, 2, OID_INT2, "smallint", encode_int2},
    {ETL_L_INT, 4, OID_INT4, "integer", encode_int4},
    {ETL_L_INT, 8, OID_INT8, "bigint", encode_int8},
    {ETL_L_INT, 8, OID_NUMERIC, NULL, encode_int_as_numeric},
    {ETL_L_UINT, 1, OID_INT2, "smallint", encode_int2},
    {ETL_L_UINT, 2, OID_INT4, "integer", encode_int4},
    {ETL_L_UINT, 4, OID_INT8, "bigint", encode_int8},
    {ETL_L_UINT, 8, OID_NUMERIC, "numeric(20)", encode_int_as_numeric},
    {ETL_L_FLOAT, 4, OID_FLOAT4, "real", encode_float4},
    {ETL_L_FLOAT, 8, OID_FLOAT8, "double precision", encode_float8},
    {ETL_L_DECIMAL, 0, OID_NUMERIC, "%", encode_decimal},
    {ETL_L_STRING, 0, OID_TEXT, "text", NULL},
    {ETL_L_STRING, 0, OID_VARCHAR, NULL, NULL},
    {ETL_L_STRING, 0, OID_BPCHAR, NULL, NULL},
    {ETL_L_STRING, 0, OID_CITEXT, NULL, NULL},
    {ETL_L_STRING, 0, OID_JSON, NULL, NULL},
    {ETL_L_STRING, 0, OID_JSONB, NULL, NULL},
    {ETL_L_JSON, 0, OID_JSONB, "jsonb", NULL},
    {ETL_L_JSON, 0, OID_JSON, NULL, NULL},
    {ETL_L_JSON, 0, OID_TEXT, NULL, NULL},
    {ETL_L_BINARY, 0, OID_BYTEA, "bytea", NULL},
    {ETL_L_UUID, 0, OID_UUID, "uuid", encode_uuid},
    {ETL_L_DATE, 0, OID_DATE, "date", encode_date},
    {ETL_L_DATE, 0, OID_TIMESTAMP, NULL, encode_date_as_timestamp},
    {ETL_L_TIME, 0, OID_TIME, "time", encode_time},
    {ETL_L_TIMESTAMP, 0, OID_TIMESTAMP, "timestamp", encode_timestamp},
    {ETL_L_TIMESTAMP, 0, OID_TIMESTAMPTZ, "timestamptz", encode_timestamp},
};

/* Instants go to timestamptz, times without a zone to timestamp: a zone is never made up. */
static bool fits(const struct rule *r, const struct etl_format *f) {
  if (r->logical != f->logical || (r->width_max && f->width > r->width_max))
    return false;
  return f->logical != ETL_L_TIMESTAMP || (f->tz != NULL) == (r->oid == OID_TIMESTAMPTZ);
}

static void apply(struct column *c, const struct rule *r, const char *type) {
  c->encode = r->encode;
  c->version_byte = r->oid == OID_JSONB;
  c->loss = (c->f.logical == ETL_L_TIMESTAMP || c->f.logical == ETL_L_TIME) && c->f.per_second > 1000000 ? loss_ns : NULL;
  fits_init(c, r->oid, type);
}

bool types_match(struct column *c, uint32_t oid, const char *type) {
  uint32_t wanted = strcmp(type, "citext") == 0 ? (uint32_t)OID_CITEXT : oid;
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (rules[i].oid == wanted && fits(&rules[i], &c->f)) {
      apply(c, &rules[i], type);
      snprintf(c->target_type, sizeof c->target_type, "%s", type);
      return true;
    }
  return false;
}

static const struct rule *creating(const struct etl_format *f) {
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    if (rules[i].create && fits(&rules[i], f))
      return &rules[i];
  return NULL;
}

void types_match_created(struct column *c) {
  const struct rule *r = creating(&c->f);
  apply(c, r, c->create_type);
  snprintf(c->target_type, sizeof c->target_type, "%s", c->create_type);
}

static void name_source(struct column *c, const struct ArrowSchema *s) {
  uint64_t n = 0;
  const char *type = etl_schema_meta(s, ETL_META_SOURCE_TYPE, &n);
  snprintf(c->source_type, sizeof c->source_type, "%.*s", type ? (int)n : (int)strlen(s->format), type ? type : s->format);
}

static int32_t column_init(struct column *c, const struct etl_host *h, const struct ArrowSchema *s) {
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  c->name = strdup(s->name ? s->name : "");
  if (!c->name) {
    e.error_class = ETL_E_PERMANENT;
    return etl_failf(h, &e, "postgres: no memory for the columns");
  }
  if (strlen(c->name) > PG_NAME_MAX) {
    e.remedy = "give it a shorter name with the transformer columns";
    return etl_failf(h, &e, "postgres: the name of column \"%s\" is longer than the %d bytes that PostgreSQL takes", c->name, PG_NAME_MAX);
  }
  c->nullable = s->flags & ARROW_FLAG_NULLABLE;
  name_source(c, s);
  const struct rule *r = etl_format_parse(s, &c->f) == 0 ? creating(&c->f) : NULL;
  if (!r) {
    e.remedy = "leave the column out, or convert it with the transformer columns";
    return etl_failf(h, &e, "postgres: column \"%s\" (%s, Arrow format %s) has no type in PostgreSQL that this connector knows", c->name,
                     c->source_type, s->format);
  }
  if (*r->create == '%')
    snprintf(c->create_type, sizeof c->create_type, "numeric(%d,%d)", (int)c->f.precision, (int)c->f.scale);
  else
    snprintf(c->create_type, sizeof c->create_type, "%s", r->create);
  types_match_created(c);
  return ETL_OK;
}

int32_t columns_init(struct columns *c, const struct etl_host *h, const struct ArrowSchema *schema) {
  *c = (struct columns){.list = calloc((size_t)schema->n_children + 1, sizeof *c->list)};
  if (!c->list) {
    struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
    return etl_failf(h, &e, "postgres: no memory for the columns");
  }
  for (int64_t i = 0; i < schema->n_children; i++) {
    c->n++;
    c->list[i].index = i;
    int32_t rc = column_init(&c->list[i], h, schema->children[i]);
    if (rc != ETL_OK)
      return rc;
    c->list[i].f.tz = c->list[i].f.tz ? "zone" : NULL; /* the name belongs to a schema that goes away; that there is one matters */
  }
  return ETL_OK;
}

void columns_fini(struct columns *c) {
  for (size_t i = 0; i < c->n + c->left; i++)
    free(c->list[i].name);
  free(c->list);
  *c = (struct columns){0};
}

const struct column *columns_find(const struct columns *c, const char *name) {
  for (size_t i = 0; i < c->n; i++)
    if (strcmp(c->list[i].name, name) == 0)
      return &c->list[i];
  return NULL;
}
