/* load.h: what the loaders share: instances that write parts and commit them through the manifest.  A format (csv, jsonl) turns rows into
 * text. */
#ifndef FILES_LOAD_H
#define FILES_LOAD_H

#include "manifest.h"
#include "output.h"
#include "pool.h"
#include "types.h"

enum { /* the options that both loaders have, at the same indexes */
  WRITE_PATH,
  WRITE_FOLDER,
  WRITE_MODE,
  WRITE_COMPRESSION,
  WRITE_OWN
};
extern const struct etl_option write_options[WRITE_OWN];
/* All of them, for the table of a connector. */
#define WRITE_OPTIONS                                                                                \
  [WRITE_PATH] = &write_options[WRITE_PATH], [WRITE_FOLDER] = &write_options[WRITE_FOLDER],          \
  [WRITE_MODE] = &write_options[WRITE_MODE], [WRITE_COMPRESSION] = &write_options[WRITE_COMPRESSION]
enum { /* of csv */
  WRITE_HEADER = WRITE_OWN,
  WRITE_DELIMITER,
  WRITE_QUOTE,
  WRITE_QUOTING,
  WRITE_NULL,
  WRITE_CSV_N
};
enum quoting {
  QUOTING_TEXT,
  QUOTING_NEEDED,
  QUOTING_ALL
};
extern const char *const quoting_choices[];

struct write_settings {
  struct pool pool;
  const char *path;   /* with its placeholders, below the folder; NULL: none was given */
  const char *folder; /* where the manifest's folder is: what stands in front of the first placeholder */
  bool standard_output, replace, by_run; /* by_run: the name has {run} */
  enum compression compression;
  /* csv */
  bool header;
  char delimiter, quote;
  enum quoting quoting;
  const char *null;
};
struct write_format {
  const char *name;
  bool csv;
  void (*head)(const struct write_settings *s, const struct ArrowSchema *schema, struct text *t);
  /* Adds row i.  0; -1: it cannot be written: *ret_column and *ret_why say what (a constant text); what was added is taken back. */
  int (*row)(const struct write_settings *s, const struct ArrowSchema *schema, const struct etl_view *views, int64_t i, struct text *t,
             int32_t *ret_column, const char **ret_why);
};
int write_settings_init(struct write_settings *s, const struct etl_open *o, bool csv, struct failure *f);
/* The name of a file; malloc()ed.  again: from 2 on, another name for the same epoch. */
char *write_name(const struct write_settings *s, const char *stream, const char *shard, const char *run, uint64_t epoch, unsigned again);

struct target { /* where the rows of one stream go */
  struct target *next;
  char *stream;
  struct ArrowSchema schema;
  struct text head, columns, text; /* columns: the header, also where it is not written */
  char *part, *path, *name; /* of the part that is open; its path; what it will be called */
  struct output out;
  uint64_t head_bytes;
};
struct loader {
  const struct etl_host *host;
  const struct write_format *format;
  struct write_settings settings;
  struct manifest manifest;
  struct target *targets;
  char *pipeline, *run;
  char *lane_stream, *lane_shard; /* of the epoch in hand */
  uint64_t owner, epoch;
  bool testing, careful, swapped; /* swapped: the run's files have taken their place */
};
const char *loader_scope(const struct loader *l); /* "", or the run that still builds its files aside */

/* epoch.c */
int target_find(struct loader *l, const char *stream, struct target **ret, struct failure *f);
int target_set_schema(struct loader *l, struct target *t, const struct ArrowSchema *schema, struct failure *f);
int32_t target_write(struct loader *l, struct target *t, const struct ArrowArray *rows, struct failure *f); /* ETL_FAILED without f: the host knows */
int epoch_commit(struct loader *l, const struct etl_cursor *const *to, uint64_t to_n, struct failure *f);
void epoch_abort(struct loader *l);
void targets_fini(struct loader *l);
/* print.c: what is in t->text goes to standard output, behind the header if that was not printed yet. */
int target_print(struct target *t, struct failure *f);
/* swap.c: parts of the scope become the files; those of one name are put behind each other. */
int run_swap(struct loader *l, struct failure *f);

/* load.c: the ABI */
#define LOADER_DOC                                                                                                                       \
  "Rows are written to hidden parts in the folder .etl-PIPELINE beside the files; a commit is one rename of the manifest in that "        \
  "folder, which holds where the lanes stand.  So files appear whole and once, whatever is killed when.  Keep the folder: without it a "  \
  "pipeline begins anew.  Standard output has no such place: rows may come twice there after a failure."
int32_t loader_open(const struct write_format *format, const struct etl_open *o, void **self);
int32_t loader_check(void *self);
void loader_close(void *self);
const void *loader_ext(void *self, const char *id); /* load_explain.c */
extern const struct etl_readback loader_readback;           /* readback.c */
extern const struct etl_loader loader_api;

#endif
