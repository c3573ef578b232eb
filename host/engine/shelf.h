/* engine/shelf.h: the rows of a pipeline that were set aside, wherever they are kept: in the sink (extension etl.quarantine/1 of the loader),
 * or in the files of engine/quarantine.h.  The run thread. */
#ifndef HOST_ENGINE_SHELF_H
#define HOST_ENGINE_SHELF_H

#include "engine/run.h"

struct shelved { /* one row; texts are borrowed */
  const char *id; /* a number of the sink, or "FILE:SEQ" */
  const char *run;
  int64_t at_ns; /* since 1970-01-01 UTC */
  struct etl_rejected row;
};
struct shelf {
  struct run *r;
  const struct etl_quarantine *sink; /* NULL: in files */
  bool by_epoch; /* in files: r->kept says which of them hold; the others' epochs were never committed */
};
struct shelf_wanted {
  const char *const *ids; /* NULL: all */
  size_t ids_n;
  const char *after; /* only rows behind this one; NULL: from the first */
  uint64_t limit;    /* 0: none */
};

/* r->load is loaded and r->control open.  0, or -1 with r->err. */
int shelf_open(struct run *r, struct shelf *ret);
/* Tells rows in order, oldest first; each: not 0 ends it.  0, or -1 with e; an id that is not there is no error. */
int shelf_list(const struct shelf *s, const struct shelf_wanted *w, int (*each)(void *arg, const struct shelved *), void *arg, struct err *e);
/* Deletes rows; ids NULL: all.  in: whose transaction it is in, for rows in the sink. */
int shelf_drop(const struct shelf *s, struct instance *in, const char *const *ids, size_t n, uint64_t *ret_dropped, struct err *e);

/* After somebody else may have committed: what the sink holds by now.  0, or -1 with r->err. */
int shelf_ask(const struct shelf *s);

/* ---- engine/shelf_files.c: the same for files ---- */
int shelf_files_list(const struct shelf *s, const struct shelf_wanted *w, int (*each)(void *arg, const struct shelved *), void *arg, struct err *e);
int shelf_files_drop(const struct shelf *s, const char *const *ids, size_t n, uint64_t *ret_dropped, struct err *e);

#endif
