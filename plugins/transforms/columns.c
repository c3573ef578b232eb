/* columns: keeps, drops, converts, hides, adds and renames columns.  Options, life cycle and descriptor. */
#include <stdio.h>
#include <stdlib.h>

#include "columns.h"
#include "transformer.h"

static const struct etl_option *const options[] = {
    [OPT_SELECT] = OPTION("select", ETL_T_LIST, .example = "[ \"login_id\", \"email\" ]",
                          .doc = "Columns to keep, in this order; without it all are kept. Not together with drop."),
    [OPT_DROP] = OPTION("drop", ETL_T_LIST, .example = "[ \"password_hash\" ]", .doc = "Columns to leave out."),
    [OPT_CAST] =
        OPTION("cast", ETL_T_MAP, .example = "{ price = \"decimal(10,2)\"; born = \"date\"; }",
               .doc = "Column = new type: text, bool, int16, int32, int64, float64, decimal(precision,scale), date, timestamp, "
                      "timestamptz, bytea, uuid, json. Numbers are rounded half away from zero, times finer than a microsecond are "
                      "cut; a time without a zone is taken as UTC where one is needed. A value that does not fit rejects its row."),
    [OPT_HASH] =
        OPTION("hash", ETL_T_LIST, .example = "[ \"email\" ]",
               .doc = "Text columns to replace by the hexadecimal SHA-256 of salt and value, so that equal values stay equal; in "
                      "PostgreSQL: encode(sha256(convert_to(salt || value, 'UTF8')), 'hex')."),
    [OPT_SALT] =
        OPTION("salt", ETL_T_STRING, .flags = ETL_OPT_SECRET, .example = "${file:/run/secrets/salt}",
               .doc = "Secret put before each value of hash, required with it: without one, addresses and names are soon guessed."),
    [OPT_MASK] = OPTION("mask", ETL_T_MAP, .example = "{ phone = \"keep_last:4\"; email = \"email\"; ip_address = \"ip\"; }",
                        .doc = "Text column = rule: all (***), keep_first:N and keep_last:N (other characters become *), email "
                               "(a***@example.org), ip (the /24 or /48 network). A value that a rule does not fit becomes ***."),
    [OPT_CONSTANT] = OPTION("constant", ETL_T_MAP, .example = "{ tenant = \"acme\"; batch = \"42::int64\"; }",
                            .doc = "New column = value, the same in every row: text, or another type written behind two colons."),
    [OPT_RENAME] = OPTION("rename", ETL_T_MAP, .example = "{ usr_nm = \"user_name\"; }", .doc = "Old name = new name."),
    NULL,
};

int32_t columns_out_of_memory(const struct columns *c) { return transformer_no_memory(c->host, "columns"); }

static void names_free(struct column_names *l) {
  for (size_t i = 0; i < l->n; i++)
    free(l->v[i]);
  free(l->v);
}

static void columns_close(void *self) {
  struct columns *c = self;
  columns_plan_fini(c);
  names_free(&c->select);
  names_free(&c->drop);
  names_free(&c->hash);
  for (size_t i = 0; i < c->casts_n; i++)
    free(c->casts[i].column);
  for (size_t i = 0; i < c->masks_n; i++)
    free(c->masks[i].column);
  for (size_t i = 0; i < c->constants_n; i++) {
    free(c->constants[i].column);
    free(c->constants[i].text);
  }
  for (size_t i = 0; i < c->renames_n; i++) {
    free(c->renames[i].from);
    free(c->renames[i].to);
  }
  free(c->casts);
  free(c->masks);
  free(c->constants);
  free(c->renames);
  free(c->targets);
  hasher_free(c->hasher);
  free(c);
}

static int32_t option_fail(const struct etl_host *h, unsigned option, const char *remedy, const char *what, const char *subject) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = options[option]->name;
  e.remedy = remedy;
  return etl_failf(h, &e, "columns: option %s: %s%s%s%s", e.option, what, *subject ? " \"" : "", subject, *subject ? "\"" : "");
}

static int32_t names_copy(struct columns *c, const struct etl_open *o, unsigned option, struct column_names *ret) {
  uint64_t n = etl_opt_list_n(o, option);
  ret->v = calloc(n + 1, sizeof *ret->v);
  for (; ret->v && ret->n < n; ret->n++) {
    const char *name = etl_opt_list(o, option, ret->n);
    for (size_t i = 0; i < ret->n; i++)
      if (strcmp(ret->v[i], name) == 0)
        return option_fail(c->host, option, "name each column once", "it has twice", name);
    if (!(ret->v[ret->n] = strdup(name)))
      break;
  }
  return ret->n == n && ret->v ? ETL_OK : columns_out_of_memory(c);
}

/* Entry i of a map: its name copied to *ret_name, its text borrowed.  Names are unique: libconfig sees to that. */
static const char *map_entry(const struct etl_open *o, unsigned option, size_t i, char **ret_name) {
  *ret_name = strdup(etl_opt_list(o, option, 2 * i));
  return etl_opt_list(o, option, 2 * i + 1);
}

static int32_t open_casts(struct columns *c, const struct etl_open *o) {
  size_t n = etl_opt_list_n(o, OPT_CAST) / 2;
  c->casts = calloc(n + 1, sizeof *c->casts);
  for (size_t i = 0; i < n; i++) {
    const char *type = c->casts ? map_entry(o, OPT_CAST, i, &c->casts[i].column) : NULL;
    if (!type || !c->casts[c->casts_n++].column)
      return columns_out_of_memory(c);
    if (cast_type_parse(type, &c->casts[i].type) < 0)
      return option_fail(c->host, OPT_CAST, cast_type_names, "there is no type", type);
  }
  return ETL_OK;
}

static int32_t open_masks(struct columns *c, const struct etl_open *o) {
  size_t n = etl_opt_list_n(o, OPT_MASK) / 2;
  c->masks = calloc(n + 1, sizeof *c->masks);
  for (size_t i = 0; i < n; i++) {
    const char *rule = c->masks ? map_entry(o, OPT_MASK, i, &c->masks[i].column) : NULL;
    if (!rule || !c->masks[c->masks_n++].column)
      return columns_out_of_memory(c);
    if (mask_parse(rule, &c->masks[i].mask) < 0)
      return option_fail(c->host, OPT_MASK, mask_names, "there is no rule", rule);
  }
  return ETL_OK;
}

static int32_t open_renames(struct columns *c, const struct etl_open *o) {
  size_t n = etl_opt_list_n(o, OPT_RENAME) / 2;
  c->renames = calloc(n + 1, sizeof *c->renames);
  c->targets = calloc(n + 1, sizeof *c->targets);
  for (size_t i = 0; i < n; i++) {
    const char *to = c->renames ? map_entry(o, OPT_RENAME, i, &c->renames[i].from) : NULL;
    if (!to || !c->targets || !c->renames[c->renames_n++].from || !(c->renames[i].to = strdup(to)))
      return columns_out_of_memory(c);
    if (!*to)
      return option_fail(c->host, OPT_RENAME, "give it a name", "an empty name for column", c->renames[i].from);
  }
  return ETL_OK;
}

/* "42::int64" is 42 of type int64; a suffix that is no type belongs to the text. */
static int32_t open_constant(struct columns *c, struct column_constant *k) {
  char *colons = NULL;
  for (char *p = k->text; (p = strstr(p, "::")); p += 2)
    colons = p;
  if (colons && cast_type_parse(colons + 2, &k->type) == 0)
    *colons = 0;
  else if (cast_type_parse("text", &k->type) < 0)
    return columns_out_of_memory(c);
  struct ArrowSchema s;
  struct etl_batch b = {0};
  const char *why = NULL;
  enum cast_result rc = CAST_NO_MEMORY;
  if (etl_schema_init(&s, 1) < 0)
    return columns_out_of_memory(c);
  if (etl_schema_set(&s, 0, "", k->type.format, false, NULL, k->type.extension) == 0 && etl_batch_init(&b, c->host, &s, 1) == 0 &&
      etl_batch_row(&b) == 0)
    rc = cast_add_text((struct etl_bytes){k->text, strlen(k->text)}, &k->type, &b, &why);
  etl_batch_fini(&b);
  s.release(&s);
  if (rc == CAST_BAD) {
    char what[160];
    snprintf(what, sizeof what, "its value is not of type %s (%.100s) for column", k->type.name, why);
    return option_fail(c->host, OPT_CONSTANT, "correct the value, or the type behind the two colons", what, k->column);
  }
  return rc == CAST_OK ? ETL_OK : columns_out_of_memory(c);
}

static int32_t open_constants(struct columns *c, const struct etl_open *o) {
  size_t n = etl_opt_list_n(o, OPT_CONSTANT) / 2;
  c->constants = calloc(n + 1, sizeof *c->constants);
  for (size_t i = 0; i < n; i++) {
    const char *text = c->constants ? map_entry(o, OPT_CONSTANT, i, &c->constants[i].column) : NULL;
    if (!text || !c->constants[c->constants_n++].column || !(c->constants[i].text = strdup(text)))
      return columns_out_of_memory(c);
    int32_t rc = open_constant(c, &c->constants[i]);
    if (rc != ETL_OK)
      return rc;
  }
  return ETL_OK;
}

static int32_t open_hash(struct columns *c, const struct etl_open *o) {
  int32_t rc = names_copy(c, o, OPT_HASH, &c->hash);
  if (rc != ETL_OK || c->hash.n == 0)
    return rc;
  const char *salt = etl_secret(o->host, o->values[OPT_SALT]);
  if (!*salt)
    return option_fail(c->host, OPT_SALT, "set salt to a secret, for instance \"${file:/run/secrets/salt}\"",
                       "it is missing or empty, and hash needs it", "");
  c->hasher = hasher_new(salt);
  return c->hasher ? ETL_OK : columns_out_of_memory(c);
}

static int32_t columns_open(const struct etl_open *o, void **self) {
  struct columns *c = calloc(1, sizeof *c);
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  if (!c)
    return etl_failf(o->host, &e, "columns: no memory");
  c->host = o->host;
  int32_t rc = names_copy(c, o, OPT_SELECT, &c->select);
  if (rc == ETL_OK)
    rc = names_copy(c, o, OPT_DROP, &c->drop);
  if (rc == ETL_OK && c->select.n && c->drop.n)
    rc = option_fail(o->host, OPT_DROP, "leave the columns out of select instead", "it cannot be used together with select", "");
  if (rc == ETL_OK)
    rc = open_casts(c, o);
  if (rc == ETL_OK)
    rc = open_hash(c, o);
  if (rc == ETL_OK)
    rc = open_masks(c, o);
  if (rc == ETL_OK)
    rc = open_constants(c, o);
  if (rc == ETL_OK)
    rc = open_renames(c, o);
  if (rc != ETL_OK) {
    columns_close(c);
    return rc;
  }
  *self = c;
  return ETL_OK;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = columns_open, .close = columns_close};
static const struct etl_transformer transformer = {
    .struct_size = sizeof transformer, .bind = columns_bind, .process = columns_process};

ETL_CONNECTOR(
    ETL_KIND_TRANSFORMER, "columns", ETL_VERSION, "MIT",
    .summary = "Selects, drops, casts, hashes, masks, adds and renames columns",
    .doc =
        "In this order, whatever the order of the options: select or drop; cast; hash and mask; constant; rename. All options but "
        "rename speak of columns by their names in the input; rename also knows those of constant. NULL stays NULL.",
    .options = options, .common = &common, .api = &transformer);
