/* validate: rows must be what they are expected to be.  Options, life cycle and descriptor. */
#include <stdlib.h>

#include "keep.h"
#include "validate.h"

enum {
  OPT_RULES
};
static const char *const action_choices[] = {"fail", "quarantine", "warn", NULL};
static const struct etl_option *const rule_options[] = {
    [RULE_NAME] = OPTION("name", ETL_T_STRING, .example = "known_country",
                         .doc = "Name of the rule in messages and counters; without it the column's."),
    [RULE_COLUMN] =
        OPTION("column", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "country", .doc = "The column that is checked."),
    [RULE_NOT_NULL] =
        OPTION("not_null", ETL_T_BOOL, .dflt = "false", .doc = "NULL breaks the rule; all other checks let it through."),
    [RULE_MIN] =
        OPTION("min", ETL_T_STRING, .example = "0",
               .doc = "Least value: a number, a date, a time stamp, or text (compared byte by byte), as the column's type is."),
    [RULE_MAX] = OPTION("max", ETL_T_STRING, .example = "2030-12-31", .doc = "Greatest value."),
    [RULE_LENGTH_MIN] = OPTION("length_min", ETL_T_INT, .min = 0, .max = INT32_MAX, .example = "1",
                               .doc = "Least length: characters of text, bytes of binary."),
    [RULE_LENGTH_MAX] = OPTION("length_max", ETL_T_INT, .min = 0, .max = INT32_MAX, .example = "64", .doc = "Greatest length."),
    [RULE_REGEX] = OPTION("regex", ETL_T_STRING, .example = "^[a-z]+@[a-z.]+$",
                          .doc = "Regular expression (PCRE2) that text has to match somewhere; ^ and $ bind it to the whole."),
    [RULE_IN] = OPTION("in", ETL_T_LIST, .example = "[ \"open\", \"closed\" ]",
                       .doc = "The values there may be, written as PostgreSQL shows them."),
    [RULE_REFERENCE] = OPTION("reference", ETL_T_PATH, .example = "codes.csv",
                              .doc = "CSV file, its first line a header, with the values there may be; read when the run starts."),
    [RULE_REFERENCE_COLUMN] = OPTION("reference_column", ETL_T_STRING, .example = "code",
                                     .doc = "Its column with the values; without it the one that is called as the rule's column."),
    [RULE_UNIQUE] =
        OPTION("unique", ETL_T_BOOL, .dflt = "false",
               .doc = "A value that came among the last unique_rows different ones of its lane breaks the rule. Over whole "
                      "tables uniqueness is the target's to see to: a primary key, or mode merge."),
    [RULE_UNIQUE_ROWS] = OPTION("unique_rows", ETL_T_INT, .flags = ETL_OPT_ADVANCED, .dflt = "1000000", .min = 2, .max = 100000000,
                                .doc = "How many different values unique remembers at least, of each lane."),
    [RULE_ACTION] =
        OPTION("action", ETL_T_ENUM, .dflt = "fail", .choices = action_choices,
               .doc = "What becomes of a row that breaks the rule: fail ends the run, quarantine sets the row aside, warn lets it "
                      "through, counts it and says so at the end."),
    NULL,
};
static const struct etl_option *const options[] = {
    [OPT_RULES] = OPTION("rules", ETL_T_GROUPS, .flags = ETL_OPT_REQUIRED, .members = rule_options,
                         .example = "( { column = \"email\"; not_null = true; regex = \"@\"; action = \"quarantine\"; }, "
                                    "{ column = \"price\"; min = \"0\"; } )",
                         .doc = "Each names one column and what has to hold for its values."),
    NULL,
};

static void validate_close(void *self) {
  struct validate *v = self;
  for (size_t i = 0; i < v->rules_n; i++) {
    const struct rule *r = &v->rules[i];
    if (r->failed)
      etl_logf(v->host, ETL_LOG_WARN, "validate: rule %s: %lld of %lld rows break it; the first: %s", r->name, (long long)r->failed,
               (long long)r->rows, r->first);
    rule_fini(&v->rules[i]);
  }
  etl_schema_release(&v->schema);
  free(v->rules);
  free(v);
}

static int32_t validate_open(const struct etl_open *o, void **self) {
  struct validate *v = calloc(1, sizeof *v);
  uint64_t n = etl_opt_groups_n(o, OPT_RULES);
  if (!v || !(v->rules = calloc(n + 1, sizeof *v->rules))) {
    free(v);
    return transformer_no_memory(o->host, "validate");
  }
  v->host = o->host;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "rules";
  e.remedy = options[OPT_RULES]->example;
  int32_t rc = n ? ETL_OK : etl_failf(o->host, &e, "validate: option rules: there is none");
  for (; rc == ETL_OK && v->rules_n < n; v->rules_n++) {
    rc = rule_open(o->host, etl_opt_group(o, OPT_RULES, v->rules_n), &v->rules[v->rules_n]);
    v->rejects |= v->rules[v->rules_n].action == ACTION_QUARANTINE;
  }
  if (rc != ETL_OK) {
    validate_close(v);
    return rc;
  }
  *self = v;
  return ETL_OK;
}

static int32_t check_rejecting(const struct validate *v) {
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  e.option = "rules";
  e.remedy = "drop or cast that column before this stage, or choose another action";
  for (int64_t i = 0; v->rejects && i < v->schema.n_children; i++) {
    const struct ArrowSchema *c = v->schema.children[i];
    if (!keep_supported(c))
      return etl_failf(v->host, &e, "validate: rows cannot be left out of column \"%s\": its type %s is nested or unknown", c->name,
                       c->format);
  }
  return ETL_OK;
}

static int32_t validate_bind(void *self, const struct etl_stream *in, int32_t (*out)(void *, const struct etl_stream *),
                             void *arg) {
  struct validate *v = self;
  etl_schema_release(&v->schema);
  if (etl_schema_copy(in->schema, &v->schema) < 0)
    return transformer_no_memory(v->host, "validate");
  int32_t rc = check_rejecting(v);
  for (size_t i = 0; rc == ETL_OK && i < v->rules_n; i++)
    rc = rule_bind(&v->rules[i], v->host, in);
  return rc == ETL_OK ? out(arg, in) : rc;
}

static const struct etl_common common = {.struct_size = sizeof common, .open = validate_open, .close = validate_close};
static const struct etl_transformer transformer = {
    .struct_size = sizeof transformer, .bind = validate_bind, .process = validate_process};

ETL_CONNECTOR(
    ETL_KIND_TRANSFORMER, "validate", ETL_VERSION, "MIT",
    .summary = "Checks that columns hold what is expected, and fails, sets rows aside or warns",
    .doc = "Every rule is counted as validate_NAME_failed. A row that breaks several rules with action = quarantine is set aside "
           "once, for the first of them.",
    .options = options, .common = &common, .api = &transformer);
