/* types.h: what text in a file means: the types of columns, guessed from samples or named by the user, and values from text straight into a
 * batch.  No state. */
#ifndef FILES_TYPES_H
#define FILES_TYPES_H

#include "failure.h"

enum type_kind { /* in the order in which a guess prefers them */
  TYPE_BOOL,
  TYPE_INT64,
  TYPE_DECIMAL,
  TYPE_FLOAT64,
  TYPE_DATE,
  TYPE_TIMESTAMP,
  TYPE_TIMESTAMPTZ,
  TYPE_TEXT,
  TYPE_JSON, /* from here on never guessed from text */
  TYPE_INT16,
  TYPE_INT32,
  TYPE_FLOAT32,
  TYPE_TIME,
  TYPE_UUID,
  TYPE_BINARY
};
struct type {
  enum type_kind kind;
  int32_t precision, scale; /* TYPE_DECIMAL */
  const char *format;       /* strptime()'s, for dates and timestamps; NULL: ISO 8601.  Borrowed */
};
/* "int64", "decimal(12,2)" ...; -1: no such type. */
int type_parse(const char *name, struct type *ret);
#define TYPE_NAMES "bool, int16, int32, int64, decimal(P,S), float32, float64, date, time, timestamp, timestamptz, text, json, uuid, binary"
void type_name(const struct type *t, char *to, size_t n);
/* Arrow format into to[n], and the extension name or NULL. */
const char *type_format(const struct type *t, char *to, size_t n);

/* Adds the text p[n] to column col of the row in hand.  0; 1: it is no such value; -1: no memory. */
int type_add(const struct type *t, struct etl_batch *b, int64_t col, const char *p, size_t n);

struct guess { /* what all samples of a column have in common */
  uint32_t not_kinds; /* bits (1 << kind) that a sample ruled out */
  uint64_t seen;
  int32_t scale;
  bool nested; /* a JSON list or object was among them */
};
void guess_add(struct guess *g, const char *p, size_t n);
void guess_add_only(struct guess *g, const char *p, size_t n, uint32_t kinds); /* of these kinds at most */
struct type guess_type(const struct guess *g);
enum type_kind guess_one(const char *p, size_t n); /* of one text */

bool text_is_utf8(const char *p, size_t n); /* false also for a NUL byte, which no sink takes */

#endif
