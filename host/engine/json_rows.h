/* engine/json_rows.h: rows that were set aside, back from JSON into batches: the inverse of etl_row_json().  Any thread. */
#ifndef HOST_ENGINE_JSON_ROWS_H
#define HOST_ENGINE_JSON_ROWS_H

#include "base/err.h"
#include "base/mem.h"
#include "etl/sdk.h"

/* A schema from [["name", "format", "extension"], ...] (etl_rejected.columns).  0, or -1 with e. */
int json_rows_schema(const char *columns, struct ArrowSchema *ret, struct err *e);
/* Adds the row to b, which is for schema s.  -1 with e, and b is as before: a value was cut, is of a type that nobody knows, or does not
 * fit its column.  Without memory for it the class of e is ETL_E_PERMANENT. */
int json_rows_add(struct etl_batch *b, const struct ArrowSchema *s, const char *raw, struct err *e);

/* ---- engine/json_values.c: one value of the row in hand.  NULL it is in, else why it cannot be. */
struct json_value;
extern const char json_value_no_memory[]; /* is said when the value itself is good */
const char *json_value_add(struct etl_batch *b, int64_t column, const struct json_value *v, struct arena *a);

#endif
