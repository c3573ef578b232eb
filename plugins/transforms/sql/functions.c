/* Functions that SQLite lacks: regexp, with the patterns of PCRE2.  A pattern is compiled once for a statement if it is the same in
 * all rows. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "sql/sql_db.h"

enum {
  MATCH_LIMIT = 100000, /* steps: a pattern that runs away fails its row */
  MATCH_KIB = 1024
};

struct pattern {
  pcre2_code *code;
  pcre2_match_data *data;
  pcre2_match_context *limits;
};

static void pattern_free(void *arg) {
  struct pattern *p = arg;
  pcre2_match_context_free(p->limits);
  pcre2_match_data_free(p->data);
  pcre2_code_free(p->code);
  sqlite3_free(p);
}

static struct pattern *pattern_new(sqlite3_context *ctx, sqlite3_value *text) {
  int error = 0;
  PCRE2_SIZE at = 0;
  struct pattern *p = sqlite3_malloc(sizeof *p);
  if (!p) {
    sqlite3_result_error_nomem(ctx);
    return NULL;
  }
  const unsigned char *source = sqlite3_value_text(text);
  *p = (struct pattern){.code = pcre2_compile(source, (PCRE2_SIZE)sqlite3_value_bytes(text), PCRE2_UTF, &error, &at, NULL)};
  if (!p->code) {
    char why[128], message[256];
    pcre2_get_error_message(error, (PCRE2_UCHAR *)why, sizeof why);
    sqlite3_snprintf(sizeof message, message, "regexp: %s at character %llu of the pattern", why, (unsigned long long)at);
    sqlite3_result_error(ctx, message, -1);
    pattern_free(p);
    return NULL;
  }
  (void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); /* without it matching is slower, no more */
  p->data = pcre2_match_data_create_from_pattern(p->code, NULL);
  p->limits = pcre2_match_context_create(NULL);
  if (!p->data || !p->limits) {
    pattern_free(p);
    sqlite3_result_error_nomem(ctx);
    return NULL;
  }
  pcre2_set_match_limit(p->limits, MATCH_LIMIT);
  pcre2_set_heap_limit(p->limits, MATCH_KIB);
  return p;
}

static void regexp(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
  (void)argc;
  if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
    return; /* NULL */
  struct pattern *kept = sqlite3_get_auxdata(ctx, 0), *p = kept ? kept : pattern_new(ctx, argv[0]);
  if (!p)
    return;
  if (!kept)
    sqlite3_set_auxdata(ctx, 0, p, pattern_free);
  if (sqlite3_value_type(argv[1]) == SQLITE_NULL)
    return; /* a pattern that is none is told all the same */
  p = sqlite3_get_auxdata(ctx, 0); /* gone if there was no memory to keep it */
  const unsigned char *text = sqlite3_value_text(argv[1]);
  int rc = p && text ? pcre2_match(p->code, text, (PCRE2_SIZE)sqlite3_value_bytes(argv[1]), 0, 0, p->data, p->limits) : PCRE2_ERROR_NOMEMORY;
  if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH) {
    sqlite3_result_int(ctx, rc >= 0);
  } else {
    char why[128], message[256];
    pcre2_get_error_message(rc, (PCRE2_UCHAR *)why, sizeof why);
    sqlite3_snprintf(sizeof message, message, "regexp: %s", why);
    sqlite3_result_error(ctx, message, -1);
  }
}

int sql_functions(sqlite3 *db) {
  return sqlite3_create_function(db, "regexp", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL, regexp, NULL, NULL);
}
