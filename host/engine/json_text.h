/* engine/json_text.h: JSON read piece by piece from a text, with numbers as they are written: a number of 64 bits or a minus zero survives,
 * and members come in their order, also those with the same name.  Any thread. */
#ifndef HOST_ENGINE_JSON_TEXT_H
#define HOST_ENGINE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/mem.h"

struct json_text {
  const char *at;
  struct arena *arena; /* for texts */
  unsigned depth;      /* 0 at the start: objects that are open */
};
enum json_kind {
  JSON_TEXT_STRING = 1,
  JSON_TEXT_NUMBER,
  JSON_TEXT_TRUE,
  JSON_TEXT_FALSE,
  JSON_TEXT_NULL,
  JSON_TEXT_HEX,   /* {"$hex": "00ff"}: text is what the digits say */
  JSON_TEXT_CUT,   /* {"$cut": ..., "$bytes": n} */
  JSON_TEXT_OTHER  /* any other object */
};
struct json_value {
  enum json_kind kind;
  const char *text; /* string: decoded; number: as written; a NUL behind it */
  size_t n;
};
/* Takes c after white space. */
bool json_text_take(struct json_text *j, char c);
/* Is c next, after white space? */
bool json_text_sees(struct json_text *j, char c);
/* 0, or -1: it is no JSON, a list, or objects nested deeper than anything that is ever kept. */
int json_text_value(struct json_text *j, struct json_value *ret);
/* Hexadecimal digits into bytes of the arena; NULL: they are none. */
const char *json_text_hex(struct arena *a, const char *digits, size_t n);

#endif
