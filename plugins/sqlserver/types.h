/* types.h: SQL Server's types: what each becomes in Arrow, what is lost, and whether it can be a cursor.  Constant data. */
#ifndef SQLSERVER_TYPES_H
#define SQLSERVER_TYPES_H

#include "errors.h"
#include "settings.h"

enum kind { /* how a value arrives from db-lib */
  KIND_UNSUPPORTED,
  KIND_BIT,
  KIND_INT, /* 1 to 8 bytes */
  KIND_DECIMAL,
  KIND_MONEY,
  KIND_SMALLMONEY,
  KIND_FLOAT,
  KIND_REAL,
  KIND_DATE,
  KIND_TIME,
  KIND_SMALLDATETIME,
  KIND_DATETIME,
  KIND_DATETIME2,
  KIND_DATETIMEOFFSET,
  KIND_TEXT,
  KIND_BINARY,
  KIND_ROWVERSION,
  KIND_UUID
};
enum cursor_use {
  CURSOR_NEVER,
  CURSOR_LATER, /* second or later column; equal values have equal bytes */
  CURSOR_LOOSE, /* second or later column; values with different bytes may compare equal (collations, trailing blanks and zeros) */
  CURSOR_ANY
};
struct type {
  const char *name; /* as sys.types has it */
  enum kind kind;
  const char *format; /* Arrow; NULL: depends on precision or unit */
  enum cursor_use cursor;
  bool counts_time;
  const short *wire; /* db-lib's types that may carry it; ends with 0 */
};

struct column { /* a column as the server declares it */
  const char *name;
  const struct type *type; /* never NULL: KIND_UNSUPPORTED at worst */
  const char *declared;    /* "datetime2(7)" */
  int max_length;          /* bytes; -1: (max) */
  int precision, scale;
  bool nullable;
  bool converted; /* the SELECT converts it to text (sql_variant) */
  bool as_bytes;  /* the SELECT gives its UTF-16 as varbinary (nchar, nvarchar), see utf16.h */
};

/* By name, with the server's sizes.  system_type_id tells CLR types.  declared is made in pool. */
int column_init(struct column *c, struct pool *pool, const char *name, const char *base_type, int max_length, int precision,
                int scale, bool nullable, struct failure *f);
/* Arrow format into buf; the constant text of what the mapping loses, or NULL. */
const char *column_format(const struct column *c, enum datetime_unit unit, char *buf, size_t cap);
const char *column_loss(const struct column *c, enum datetime_unit unit);
bool column_is_wide(const struct column *c); /* nchar, nvarchar */
static inline bool column_is_max(const struct column *c) { return c->max_length == -1; }
/* The cursor column counts so many ticks of 100 ns (of temporal.h) at a time. */
int64_t column_tick_step(const struct column *c);
/* May it be cursor column `position` (from 0)?  Otherwise the reason. */
const char *column_cursor_refusal(const struct column *c, size_t position);
bool column_wire_ok(const struct column *c, int wire_type);

#endif
