/* Statements of the user, as far as they must be understood: which of them end a transaction, or begin one. */
#include "statements.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool in_word(char c) { return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80); }

/* Behind a comment, which may hold others. */
static const char *skip_comment(const char *p) {
  int depth = 0;
  do {
    int step = p[0] == '/' && p[1] == '*' ? 1 : p[0] == '*' && p[1] == '/' ? -1 : 0;
    depth += step;
    p += step ? 2 : 1;
  } while (*p && depth);
  return p;
}

static const char *skip_blanks(const char *p) {
  for (;;)
    if (isspace((unsigned char)*p))
      p++;
    else if (p[0] == '-' && p[1] == '-')
      p += strcspn(p, "\n");
    else if (p[0] == '/' && p[1] == '*')
      p = skip_comment(p);
    else
      return p;
}

/* Behind the quote that ends it; one that is doubled is two tokens, which does no harm. */
static const char *skip_quoted(const char *p, bool escapes) {
  char quote = *p++;
  while (*p && *p != quote)
    p += escapes && p[0] == '\\' && p[1] ? 2 : 1;
  return *p ? p + 1 : p;
}

/* $tag$ ... $tag$; of a $ that begins none the next character. */
static const char *skip_dollar(const char *p) {
  size_t n = 1;
  while (in_word(p[n]) && p[n] != '$')
    n++;
  if (p[n] != '$' || isdigit((unsigned char)p[1]))
    return p + 1;
  for (const char *end = p + n + 1; *end; end++)
    if (strncmp(end, p, n + 1) == 0)
      return end + n + 1;
  return p + strlen(p);
}

static const char *skip_token(const char *p) {
  bool escapes = (*p == 'E' || *p == 'e') && p[1] == '\'';
  if (*p == '\'' || *p == '"' || escapes)
    return skip_quoted(p + escapes, escapes);
  if (*p == '$')
    return skip_dollar(p);
  if (!in_word(*p))
    return p + 1;
  while (in_word(*p))
    p++;
  return p;
}

static bool is_word(const char *p, const char *word) { return strncasecmp(p, word, strlen(word)) == 0 && !in_word(p[strlen(word)]); }
static const char *next(const char *p) { return skip_blanks(skip_token(p)); }

static bool ends(const char *p) {
  static const char *const words[] = {"COMMIT", "END", "ABORT", "BEGIN", "START"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (is_word(p, words[i]))
      return true;
  if (is_word(p, "PREPARE"))
    return is_word(next(p), "TRANSACTION");
  if (!is_word(p, "ROLLBACK"))
    return false;
  p = next(p);
  if (is_word(p, "WORK") || is_word(p, "TRANSACTION"))
    p = next(p);
  return !is_word(p, "TO");
}

bool statements_end_transaction(const char *sql) {
  bool first = true;
  for (const char *p = skip_blanks(sql); *p; p = next(p)) {
    if (first && ends(p))
      return true;
    if (is_word(p, "ATOMIC")) /* the body of a function: what stands there is not for us */
      return false;
    first = *p == ';';
  }
  return false;
}
