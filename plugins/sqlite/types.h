/* types.h: types of columns, as SQLite's tables declare them and as Arrow has them.  Any thread. */
#ifndef SQLITE_TYPES_H
#define SQLITE_TYPES_H

#include <sqlite3.h>

#include "etl/sdk.h"

enum { TYPE_BYTES = 64 };

/* The Arrow format (and extension, or NULL) of a declared type; false: the type says nothing about the values. */
bool type_of_declared(const char *declared, char ret_format[TYPE_BYTES], const char **ret_extension);
/* The type that a table made here declares for such a column; false: SQLite cannot hold it. */
bool type_declared(const struct ArrowSchema *column, char ret[TYPE_BYTES]);

/* Adds the value of column i of stmt's row to column col of b, which is of type f and whose row was begun.  NULL, or why the value is
 * none of that type (*ret_no_memory: there was no memory). */
const char *type_read(sqlite3_stmt *stmt, int i, const struct etl_format *f, struct etl_batch *b, int64_t col, bool *ret_no_memory);
/* Binds the value at row to parameter i.  Borrows text and blobs from the batch.  SQLite's code; SQLITE_MISMATCH: it is NaN, of which SQLite
 * would make NULL. */
int type_bind(sqlite3_stmt *stmt, int i, const struct etl_view *v, int64_t row);

#endif
