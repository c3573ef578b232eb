/* validate.h: the validate transformer between its options (validate.c), its rules (validate_rule.c) and the work on a batch
 * (validate_run.c).  One instance a lane, used by one thread at a time. */
#ifndef TRANSFORMS_VALIDATE_H
#define TRANSFORMS_VALIDATE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "keymap.h"
#include "row_key.h"
#include "transformer.h"
#include "value.h"

enum {
  RULE_NAME,
  RULE_COLUMN,
  RULE_NOT_NULL,
  RULE_MIN,
  RULE_MAX,
  RULE_LENGTH_MIN,
  RULE_LENGTH_MAX,
  RULE_REGEX,
  RULE_IN,
  RULE_REFERENCE,
  RULE_REFERENCE_COLUMN,
  RULE_UNIQUE,
  RULE_UNIQUE_ROWS,
  RULE_ACTION
};
enum action {
  ACTION_FAIL,
  ACTION_QUARANTINE,
  ACTION_WARN
};
struct bound { /* of a rule, in the column's units */
  bool set;
  __int128 number;
  double f;
  struct etl_bytes text; /* borrowed from the rule */
};
struct rule {
  /* as configured */
  char *name, *column, *min, *max, *reference;
  char metric[96];
  bool not_null, unique;
  int64_t length_min, length_max; /* -1: none */
  pcre2_code *regex;
  pcre2_match_data *match;
  pcre2_match_context *limits;
  struct keymap *allowed; /* in, as text */
  struct keymap *known;   /* reference, as text */
  size_t unique_rows;
  enum action action;
  /* for the schema in force */
  int64_t at;
  struct bound low, high;
  /* while it runs */
  struct keymap *recent, *older; /* values that came */
  struct row_key key;
  int64_t rows, failed;
  char first[512]; /* the first that failed, for the warning at the end */
};
struct validate {
  const struct etl_host *host;
  struct rule *rules;
  size_t rules_n;
  bool rejects;
  struct ArrowSchema schema;
};

int32_t rule_open(const struct etl_host *h, const struct etl_group *g, struct rule *r);
void rule_fini(struct rule *r);
/* Finds the column and reads the bounds as values of it. */
int32_t rule_bind(struct rule *r, const struct etl_host *h, const struct etl_stream *in);
/* Why the row's value breaks the rule, into why[256]: 1; 0: it does not; -1: no memory. */
int rule_check(struct rule *r, const struct etl_view *v, int64_t row, char why[256]);
int32_t validate_process(void *self, struct etl_msg *in, const struct etl_sink *sink);

#endif
