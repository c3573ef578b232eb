/* store/driver.h: what the store needs of a database.  Statements are numbers (sql.h); each driver prepares its own text of them once.
 * Of one thread.  Errors as store.h tells; after one within a transaction the caller rolls back. */
#ifndef HOST_STORE_DRIVER_H
#define HOST_STORE_DRIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/mem.h"
#include "store/sql.h"
#include "store/store.h"

struct value {
  bool is_text, is_null;
  int64_t i;
  const char *s;
};
#define INT(x) ((struct value){.i = (x)})
#define TEXT(x) value_text(x)
#define TIME(x) value_time(x) /* ns to us; 0 is NULL */
static inline struct value value_text(const char *s) { return (struct value){.is_text = true, .is_null = !s, .s = s}; }
static inline struct value value_time(int64_t ns) { return (struct value){.is_null = ns == 0, .i = ns / 1000}; }

struct rows { /* in an arena */
  const char **names;
  struct value *cells; /* row by row */
  size_t cols, n;
};
static inline const struct value *rows_at(const struct rows *r, size_t row, size_t col) { return &r->cells[row * r->cols + col]; }

struct driver;
enum access {
  ACCESS_READ,
  ACCESS_LIGHT, /* writes what may be lost with the power of the host's own machine: it comes again, or is found out */
  ACCESS_WRITE, /* is on disk when commit() returns */
};
struct driver_api {
  int (*begin)(struct driver *d, enum access access, struct err *e);
  int (*commit)(struct driver *d, struct err *e); /* -1: all is undone, or (RETRYABLE alone) nobody knows */
  void (*rollback)(struct driver *d);             /* no transaction is open: nothing happens */
  /* Texts and rows of the answer lie in a. */
  int (*run)(struct driver *d, enum sql sql, const struct value *params, size_t n, struct arena *a, struct rows *ret, struct err *e);
  int (*script)(struct driver *d, const struct sql_text *text, struct err *e); /* several statements */
  void (*close)(struct driver *d);
};
struct driver { /* the beginning of each driver's own */
  const struct driver_api *api;
  char *place;
  bool exclusive; /* while this host serves, no other one uses the store */
};
int driver_sqlite_open(const char *url, enum store_use use, struct err *e, struct driver **ret);
int driver_postgres_open(const char *url, enum store_use use, const char *host, struct err *e, struct driver **ret);

/* Takes the lock file of a store, made if it is not there: a descriptor, or -1 with who holds it (ETL_E_CONFIG). */
int lock_take(const char *path, const char *store, struct err *e);

#endif
