/* The table of types.  Everything about a type that is not code is here; convert.c has the code. */
#include "types.h"

#include <stdio.h>
#include <sybdb.h>

enum {
  SYB_UUID = 36,
  SYB_VARIANT = 98
};

#define WIRE(...)                                                                                                                  \
  (const short[]) { __VA_ARGS__, 0 }
static const struct type types[] = {
    {"bit", KIND_BIT, "b", CURSOR_LATER, false, WIRE(SYBBIT)},
    {"tinyint", KIND_INT, "C", CURSOR_ANY, false, WIRE(SYBINT1)},
    {"smallint", KIND_INT, "s", CURSOR_ANY, false, WIRE(SYBINT2)},
    {"int", KIND_INT, "i", CURSOR_ANY, false, WIRE(SYBINT4)},
    {"bigint", KIND_INT, "l", CURSOR_ANY, false, WIRE(SYBINT8)},
    {"decimal", KIND_DECIMAL, NULL, CURSOR_ANY, false, WIRE(SYBDECIMAL, SYBNUMERIC)},
    {"numeric", KIND_DECIMAL, NULL, CURSOR_ANY, false, WIRE(SYBDECIMAL, SYBNUMERIC)},
    {"money", KIND_MONEY, "d:19,4", CURSOR_ANY, false, WIRE(SYBMONEY)},
    {"smallmoney", KIND_SMALLMONEY, "d:10,4", CURSOR_ANY, false, WIRE(SYBMONEY4)},
    {"float", KIND_FLOAT, "g", CURSOR_NEVER, false, WIRE(SYBFLT8)},
    {"real", KIND_REAL, "f", CURSOR_NEVER, false, WIRE(SYBREAL)},
    {"date", KIND_DATE, "tdD", CURSOR_ANY, true, WIRE(SYBMSDATE)},
    {"time", KIND_TIME, "ttu", CURSOR_LATER, false, WIRE(SYBMSTIME)},
    {"smalldatetime", KIND_SMALLDATETIME, "tsu:", CURSOR_ANY, true, WIRE(SYBDATETIME4)},
    {"datetime", KIND_DATETIME, "tsu:", CURSOR_ANY, true, WIRE(SYBDATETIME)},
    {"datetime2", KIND_DATETIME2, NULL, CURSOR_ANY, true, WIRE(SYBMSDATETIME2)},
    {"datetimeoffset", KIND_DATETIMEOFFSET, NULL, CURSOR_ANY, true, WIRE(SYBMSDATETIMEOFFSET)},
    {"char", KIND_TEXT, "u", CURSOR_LOOSE, false, WIRE(SYBCHAR, SYBTEXT)},
    {"varchar", KIND_TEXT, "u", CURSOR_LOOSE, false, WIRE(SYBCHAR, SYBTEXT)},
    {"nchar", KIND_TEXT, "u", CURSOR_LOOSE, false, WIRE(SYBCHAR, SYBTEXT)},
    {"nvarchar", KIND_TEXT, "u", CURSOR_LOOSE, false, WIRE(SYBCHAR, SYBTEXT)},
    {"text", KIND_TEXT, "u", CURSOR_NEVER, false, WIRE(SYBTEXT, SYBCHAR)},
    {"ntext", KIND_TEXT, "u", CURSOR_NEVER, false, WIRE(SYBTEXT, SYBNTEXT, SYBCHAR)},
    {"xml", KIND_TEXT, "u", CURSOR_NEVER, false, WIRE(SYBTEXT, SYBCHAR)},
    {"sql_variant", KIND_TEXT, "u", CURSOR_NEVER, false, WIRE(SYBCHAR, SYBTEXT)},
    {"binary", KIND_BINARY, "z", CURSOR_LOOSE, false, WIRE(SYBBINARY, SYBIMAGE)},
    {"varbinary", KIND_BINARY, "z", CURSOR_LOOSE, false, WIRE(SYBBINARY, SYBIMAGE)},
    {"image", KIND_BINARY, "z", CURSOR_NEVER, false, WIRE(SYBIMAGE, SYBBINARY)},
    {"timestamp", KIND_ROWVERSION, "w:8", CURSOR_ANY, false, WIRE(SYBBINARY)},
    {"rowversion", KIND_ROWVERSION, "w:8", CURSOR_ANY, false, WIRE(SYBBINARY)},
    {"uniqueidentifier", KIND_UUID, "w:16", CURSOR_LATER, false, WIRE(SYB_UUID)},
};
static const struct type unsupported = {NULL, KIND_UNSUPPORTED, NULL, CURSOR_NEVER, false, NULL};

static const struct type *type_of(const char *name) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(types[i].name, name) == 0)
      return &types[i];
  return &unsupported;
}

static bool is_wide(const char *base) { return strcmp(base, "nchar") == 0 || strcmp(base, "nvarchar") == 0; }

/* The type as one writes it: "datetime2(7)", "nvarchar(50)", "varbinary(max)", "decimal(18,4)". */
static void declare(char *buf, size_t cap, const struct column *c, const char *base) {
  switch (c->type->kind) {
  case KIND_DECIMAL: snprintf(buf, cap, "%s(%d,%d)", base, c->precision, c->scale); return;
  case KIND_TIME:
  case KIND_DATETIME2:
  case KIND_DATETIMEOFFSET: snprintf(buf, cap, "%s(%d)", base, c->scale); return;
  case KIND_TEXT:
  case KIND_BINARY: break;
  case KIND_ROWVERSION: snprintf(buf, cap, "rowversion"); return;
  default: snprintf(buf, cap, "%s", base); return;
  }
  if (c->type->cursor == CURSOR_NEVER)
    snprintf(buf, cap, "%s", base);
  else if (column_is_max(c))
    snprintf(buf, cap, "%s(max)", base);
  else
    snprintf(buf, cap, "%s(%d)", base, is_wide(base) ? c->max_length / 2 : c->max_length);
}

int column_init(struct column *c, struct pool *pool, const char *name, const char *base_type, int max_length, int precision,
                int scale, bool nullable, struct failure *f) {
  char declared[SETTINGS_NAME_MAX + 32];
  *c = (struct column){.name = pool_strdup(pool, name),
                       .type = type_of(base_type),
                       .max_length = max_length,
                       .precision = precision,
                       .scale = scale,
                       .nullable = nullable,
                       .converted = strcmp(base_type, "sql_variant") == 0};
  declare(declared, sizeof declared, c, base_type);
  c->declared = pool_strdup(pool, declared);
  return c->name && c->declared ? 0 : failure_out_of_memory(f, "the columns");
}

const char *column_format(const struct column *c, enum datetime_unit unit, char *buf, size_t cap) {
  const char *letter = unit == UNIT_NS ? "n" : "u";
  switch (c->type->kind) {
  case KIND_DECIMAL: snprintf(buf, cap, "d:%d,%d", c->precision, c->scale); break;
  case KIND_DATETIME2: snprintf(buf, cap, "ts%s:", letter); break;
  case KIND_DATETIMEOFFSET: snprintf(buf, cap, "ts%s:UTC", letter); break;
  default: snprintf(buf, cap, "%s", c->type->format ? c->type->format : ""); break;
  }
  return buf;
}

const char *column_loss(const struct column *c, enum datetime_unit unit) {
  bool cut = c->scale == 7 && unit == UNIT_US;
  switch (c->type->kind) {
  case KIND_TIME: return c->scale == 7 ? "the seventh digit of the seconds is cut" : NULL;
  case KIND_DATETIME2:
    return cut               ? "the seventh digit of the seconds is cut (datetime_unit = \"ns\" keeps it)"
           : unit == UNIT_NS ? "rows with a value before 1677-09-21 or after 2262-04-11 are rejected"
                             : NULL;
  case KIND_DATETIMEOFFSET:
    return cut ? "the instant is kept, the offset is not; the seventh digit of the seconds is cut"
               : "the instant is kept, the offset is not";
  case KIND_TEXT: return c->converted ? "the server turns the value into text; its base type is not kept" : NULL;
  default: return NULL;
  }
}

int64_t column_tick_step(const struct column *c) {
  int64_t step = 1;
  switch (c->type->kind) {
  case KIND_DATE: return INT64_C(864000000000);
  case KIND_SMALLDATETIME: return INT64_C(600000000);
  case KIND_DATETIME: return 40000; /* 3.33 ms, the longer of its steps of 3 and 4 ms */
  default:
    for (int i = c->scale; i < 7; i++)
      step *= 10;
    return step;
  }
}

const char *column_cursor_refusal(const struct column *c, size_t position) {
  enum cursor_use use = c->type->cursor;
  if (c->type->kind == KIND_FLOAT || c->type->kind == KIND_REAL)
    return "a floating-point number has no exact text to read on from";
  if (use == CURSOR_NEVER || (use == CURSOR_LOOSE && column_is_max(c)))
    return "values of this type cannot be compared";
  if (position == 0 && use != CURSOR_ANY)
    return "the first cursor column must be a time, a number or a rowversion";
  return NULL;
}

bool column_is_wide(const struct column *c) { return c->type->name && is_wide(c->type->name); }

bool column_wire_ok(const struct column *c, int wire_type) {
  if (c->as_bytes)
    return wire_type == SYBBINARY || wire_type == SYBIMAGE;
  for (const short *w = c->type->wire; w && *w; w++)
    if (*w == wire_type)
      return true;
  return false;
}
