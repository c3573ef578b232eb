/* store/priv.h: what the files of the store share.  Of one thread. */
#ifndef HOST_STORE_PRIV_H
#define HOST_STORE_PRIV_H

#include "store/driver.h"

struct store {
  struct driver *driver;
  char *host;
  struct arena *scratch; /* of the call under way */
  struct arena *waste;   /* of the statement under way */
  int64_t behind_ns;     /* what our clock lacks to the server's; leases are told by the server's, since hosts whose clocks differ judge each other's */
  bool reaped;           /* what was left behind before this host began has been looked for */
  struct store_lease *doubts; /* claims whose commit was not answered: given back by the next claim */
  size_t doubts_n;
};

#define PARAMS(...) (const struct value[]){__VA_ARGS__}, sizeof((const struct value[]){__VA_ARGS__}) / sizeof(struct value)
/* A statement; ret NULL: its answer does not matter. */
int store_do(struct store *s, enum sql sql, struct rows *ret, struct err *e, const struct value *params, size_t n);
/* The same outside of a transaction: for reading.  The answer lies in a. */
int store_ask(struct store *s, enum sql sql, struct arena *a, struct rows *ret, struct err *e, const struct value *params, size_t n);
/* A transaction: store_end() commits when rc is 0, else undoes; it gives rc, or -1. */
int store_begin(struct store *s, enum access access, struct err *e);
int store_end(struct store *s, int rc, struct err *e);

/* What a struct has in which column.  Times are columns of us and fields of ns. */
struct column {
  const char *name;
  enum { COLUMN_TEXT, COLUMN_INT, COLUMN_TIME, COLUMN_BOOL } kind;
  size_t offset;
};
extern const struct column run_columns[], task_columns[], event_columns[], pipeline_columns[], breaker_columns[], cursor_columns[], notice_columns[], host_columns[];
/* Each row becomes a struct of size, filled by the names of the columns; in a. */
void *columns_read(const struct column *columns, size_t size, const struct rows *rows, struct arena *a);
/* Their texts lie in the rows, which the next call takes if they are of store_do(): they go into a. */
void columns_keep(const struct column *columns, size_t size, void *structs, size_t n, struct arena *a);
/* store_ask() for such structs; ret: where the pointer to them goes. */
int store_fetch(struct store *s, enum sql sql, const struct column *columns, size_t size, struct arena *a, void *ret, size_t *ret_n, struct err *e,
                const struct value *params, size_t n);

/* Names as statements take them: a JSON array, in a. */
struct value names_value(const struct store_names *of, struct arena *a);
/* store_fetch() of some pipelines, or (of NULL) by another statement of all. */
int store_fetch_of(struct store *s, enum sql some, enum sql all, const struct store_names *of, const struct column *columns, size_t size, struct arena *a,
                   void *ret, size_t *ret_n, struct err *e);

int store_migrate(struct store *s, enum store_use use, const struct sql_text *versions, size_t n, struct err *e);

/* Within a transaction. */
int queue_add(struct store *s, const struct store_run *r, bool supersede, int64_t now_ns, bool *ret_added, struct err *e);
int tasks_add(struct store *s, const struct store_task *t, size_t n, struct err *e);
int events_add(struct store *s, const struct store_event *ev, size_t n, struct err *e);
int breakers_put(struct store *s, const struct store_breaker *b, size_t n, struct err *e);

#endif
