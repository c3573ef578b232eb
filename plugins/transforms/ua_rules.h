/* ua_rules.h: the regular expressions of one regexes.yaml, compiled.  Shared by all instances of the process that name the same
 * file, and constant after loading but for the machine code, which is made when an expression is first tried. */
#ifndef TRANSFORMS_UA_RULES_H
#define TRANSFORMS_UA_RULES_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdatomic.h>

#include "etl/sdk.h"
#include "ua_scan.h"

enum ua_parser {
  UA_BROWSER,
  UA_OS,
  UA_DEVICE,
  UA_PARSERS
};
enum {
  UA_PARTS = 5
}; /* of one parser: family, major, minor, patch, patch_minor; or device, brand, model */

struct ua_rule {
  pcre2_code *code;
  char *regex;                   /* its text; NULL once the scan is built */
  atomic_bool ready;             /* machine code was tried to make */
  const char *replace[UA_PARTS]; /* NULL: the default */
};
struct ua_rules {
  char *path;
  unsigned users;
  struct ua_rules *next;
  struct ua_rule *rules; /* parser after parser, in the file's order */
  size_t n;
  size_t from[UA_PARSERS + 1]; /* rules of parser p: from[p] up to from[p + 1] */
  char **texts;                /* replacements */
  size_t texts_n;
  struct ua_scan *scan; /* marks the rules worth trying */
  uint64_t *always;     /* bits: rules that must always be tried */
  pthread_mutex_t jit;
};
/* 64-bit words of a bit per rule. */
static inline size_t ua_rules_words(const struct ua_rules *r) { return r->n / 64 + 1; }
/* Fails with ETL_E_CONFIG naming path, line and reason. */
int32_t ua_rules_get(const struct etl_host *h, const char *path, struct ua_rules **ret_rules);
void ua_rules_put(struct ua_rules *r); /* accepts NULL */
/* The expression, ready to be matched.  Any thread. */
const pcre2_code *ua_rule_code(struct ua_rules *r, struct ua_rule *rule);

/* ua_yaml.c: reads the file into rules, without their scan. */
int32_t ua_yaml_load(const struct etl_host *h, struct ua_rules *r);

#endif
