/* types.h: columns on their way from Arrow to PostgreSQL: which type a new table gets, which types of a table that is there can take
 * them, and how a value is written in binary COPY. */
#ifndef POSTGRES_TYPES_H
#define POSTGRES_TYPES_H

#include "binary.h"
#include "etl/sdk.h"

/* Type OIDs are fixed: https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat */
enum pg_oid {
  OID_BOOL = 16,
  OID_BYTEA = 17,
  OID_INT8 = 20,
  OID_INT2 = 21,
  OID_INT4 = 23,
  OID_TEXT = 25,
  OID_JSON = 114,
  OID_FLOAT4 = 700,
  OID_FLOAT8 = 701,
  OID_BPCHAR = 1042,
  OID_VARCHAR = 1043,
  OID_DATE = 1082,
  OID_TIME = 1083,
  OID_TIMESTAMP = 1114,
  OID_TIMESTAMPTZ = 1184,
  OID_NUMERIC = 1700,
  OID_UUID = 2950,
  OID_JSONB = 3802,
  OID_CITEXT = 1 /* not fixed: an extension's; found by name */
};

enum {
  TYPE_TEXT = 96,
  PG_NAME_MAX = 63, /* bytes; the server cuts longer names */
  ENCODED_MAX = 48 /* bytes of an encoded value of fixed or bounded size, with its length */
};
struct column;
/* Writes length and value of row i, at most ENCODED_MAX bytes; returns what is behind them. */
typedef uint8_t *encode_fn(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
/* Whether the column of the target can hold value i, which is not NULL. */
typedef bool fits_fn(const struct column *c, const struct etl_view *v, int64_t i);

struct column {
  char *name;
  struct etl_format f;
  bool nullable;
  char source_type[TYPE_TEXT]; /* as the source names it; the Arrow format when it does not */
  char create_type[TYPE_TEXT]; /* in a table that etl makes */
  int64_t index;               /* in the rows */
  /* set by types_match() */
  char target_type[TYPE_TEXT];
  encode_fn *encode; /* NULL: bytes as they are */
  bool version_byte; /* jsonb: a 1 before the bytes */
  const char *loss;  /* what is lost; NULL: nothing */
  fits_fn *fits;     /* NULL: every value does */
  int64_t least, most; /* for fits, as it needs them */
  int64_t tick;        /* of a time: what the target's last digit is worth in the rows' units; 0: all of theirs have a place */
  /* set when matched with the table under a contract */
  bool can_be_null;  /* there */
  uint32_t change;   /* enum etl_change_kind, made or to be made; 0: none */
  char from_type[TYPE_TEXT]; /* ETL_CHANGE_TYPE_WIDENED: what it was */
};
struct columns {
  struct column *list;
  size_t n;    /* that are written */
  size_t left; /* behind them: left out */
};
/* From a stream's schema.  ETL_OK, or host->fail() with ETL_E_SCHEMA for a column that has no type here. */
int32_t columns_init(struct columns *c, const struct etl_host *h, const struct ArrowSchema *schema);
void columns_fini(struct columns *c); /* accepts a zeroed one */
const struct column *columns_find(const struct columns *c, const char *name);

/* Whether a column of the target with type oid (named type) can take c; sets how.  false: it cannot. */
bool types_match(struct column *c, uint32_t oid, const char *type);
/* For a table that is still to be made: as create_type. */
void types_match_created(struct column *c);
/* For a column that cannot take c as it is: values that fit are written, whichever these are. */
void types_narrow(struct column *c, uint32_t oid, const char *type);
/* Whether a type that can take c would round some of its values: it has fewer digits than the source says that there are. */
bool types_round(const struct column *c, uint32_t oid, const char *type);
/* What type could be altered to so that it takes all that c may hold, in ret; false: nothing, or it takes all already. */
bool types_widen(const struct column *c, uint32_t oid, const char *type, char ret[TYPE_TEXT]);

/* ---- fits.c -------------------------------------------------------------------------------------------------------------------------- */
fits_fn fits_range, fits_unsigned, fits_real, fits_characters, fits_numeric, fits_none;
/* Sets fits for a type whose range is smaller than that of the rows' format, or that has fewer digits behind a time's seconds. */
void fits_init(struct column *c, uint32_t oid, const char *type);
/* The two numbers in "numeric(10,2)", "character varying(20)"; how many there are. */
int type_numbers(const char *type, int64_t ret[2]);

/* ---- encode.c, numeric.c ------------------------------------------------------------------------------------------------------------- */
uint8_t *encode_bool(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_int2(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_int4(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_int8(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_float4(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_float8_as_float4(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_float8(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_date(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_date_as_timestamp(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_time(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_timestamp(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_uuid(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_int_as_numeric(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);
uint8_t *encode_decimal(uint8_t *out, const struct column *c, const struct etl_view *v, int64_t i);

#endif
