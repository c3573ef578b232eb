/* etl/plugin.h: the binary interface between the host and its connectors.  The only file a connector needs.
 *
 * ABI major 1, minor 0.  LP64 Linux, C99 or C++11.  Rows travel as Arrow C data:
 * https://arrow.apache.org/docs/format/CDataInterface.html
 *
 * Marks on functions.  They are part of the ABI.
 *   [load]      once per process, alone: no other call into this .so is running
 *   [instance]  never two at once on one instance or reader; the OS thread may differ from call to call (the host orders
 *               them), so keep nothing in thread-local storage between calls
 *   [any]       any thread, at any time, also while an [instance] call runs
 * Two instances run in parallel unless the connector sets ETL_CAP_ONE_AT_A_TIME.
 *
 * Growth.  Every struct that crosses the line begins with struct_size, set by the side that allocated it.  Fields are only ever
 * appended.  Read or write nothing past struct_size.  Lists are arrays of POINTERS, never of structs, so that elements can
 * grow; they end with NULL unless a count stands beside them.  Enums travel as uint32_t; an unknown value is answered with
 * ETL_E_UNSUPPORTED.  Whatever does not fit becomes an extension, found by name.
 *
 * Ownership.  Nobody frees what the other side allocated.  Arrow structs follow the Arrow C data interface (move = copy the struct,
 * set the source's release to NULL).  Added here because Arrow is silent: release may be called on ANY thread, also after close().
 * Strings given IN live until the call returns; those given OUT (to an `each` callback or in a message) until that callback or the next
 * call on the same object.  The host copies what it keeps.
 *
 * Return values.  int32_t functions return enum etl_status.  Before ETL_FAILED a connector calls host->fail(). */
#ifndef ETL_PLUGIN_H
#define ETL_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ETL_ABI_MAJOR 1u
#define ETL_ABI_MINOR 0u
#define ETL_MAGIC     0x314E49474C505445ull /* "ETPLGIN1" read as bytes on little endian */

/* Is field f of *p there?  The other side may be older.  For callbacks test the pointer as well. */
#define ETL_HAS(p, T, f) ((p)->struct_size >= offsetof(struct T, f) + sizeof(((struct T *)0)->f))

#ifndef ARROW_C_DATA_INTERFACE /* frozen by its specification: safe to embed */
#define ARROW_C_DATA_INTERFACE
#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE           2
#define ARROW_FLAG_MAP_KEYS_SORTED    4
struct ArrowSchema {
  const char *format;
  const char *name;
  const char *metadata;
  int64_t flags;
  int64_t n_children;
  struct ArrowSchema **children;
  struct ArrowSchema *dictionary;
  void (*release)(struct ArrowSchema *);
  void *private_data;
};
struct ArrowArray {
  int64_t length;
  int64_t null_count;
  int64_t offset;
  int64_t n_buffers;
  int64_t n_children;
  const void **buffers;
  struct ArrowArray **children;
  struct ArrowArray *dictionary;
  void (*release)(struct ArrowArray *);
  void *private_data;
};
#endif

/* Keys of Arrow field metadata with a meaning here.  All optional. */
#define ETL_META_SOURCE_TYPE "etl.source_type"      /* the type as the source names it: "datetime2(7)"; shown by `etl plan` */
#define ETL_META_EXTENSION   "ARROW:extension:name" /* Arrow's own key: "arrow.uuid" on "w:16", "arrow.json" on "u" */

struct etl_bytes { /* frozen: never grows, so it is passed by value */
  const void *p;   /* NULL: nothing there */
  uint64_t n;
};

enum etl_status {
  ETL_OK = 0,
  ETL_DONE = 1,    /* this reader has no more rows, ever */
  ETL_IDLE = 2,    /* nothing within wait_ms; call again */
  ETL_STOPPED = 3, /* gave up because cancel was asked for */
  ETL_FAILED = -1  /* host->fail() has the reason */
};

enum etl_error_class { /* only the retry policy reads it */
  ETL_E_CONFIG = 1,    /* wrong options: do not retry, show the option */
  ETL_E_AUTH,          /* secret refused: refresh it, retry once */
  ETL_E_RETRYABLE,     /* network, lock, quota: back off, go on from the last committed epoch */
  ETL_E_DATA,          /* a value cannot be read, converted or stored */
  ETL_E_SCHEMA,        /* the schema cannot be taken */
  ETL_E_INDOUBT,       /* commit() does not know its outcome: open anew and ask committed() */
  ETL_E_FENCED,        /* a newer run owns this lane: stop, do not retry */
  ETL_E_PERMANENT,     /* retrying will not help */
  ETL_E_UNSUPPORTED,   /* asked for something this connector does not do */
  ETL_E_INTERNAL       /* bug in the connector */
};

struct etl_error { /* filled by the connector, copied by host->fail() */
  uint32_t struct_size;
  uint32_t error_class;
  int64_t vendor_code;      /* errno, SQL error number, HTTP status ...; 0 none */
  const char *vendor_state; /* SQLSTATE or the like; may be NULL */
  const char *message;      /* UTF-8, one line: what happened, to what, why; no secrets (the host masks known ones) */
  const char *remedy;       /* what the user can do about it; may be NULL */
  const char *option;       /* offending option (ETL_E_CONFIG); may be NULL */
  int64_t row;              /* row in the batch in hand, -1 unknown */
  int32_t column;           /* top-level column, -1 unknown */
  uint32_t retry_after_ms;  /* hint for ETL_E_RETRYABLE, 0 none */
};

struct etl_bad_row { /* one rejected row; etl_reject() of the SDK fills it from a batch */
  uint32_t struct_size;
  uint32_t error_class;
  int64_t row; /* counts in the batch in hand, before any filter; -1 unknown */
  int64_t vendor_code;
  int32_t column;     /* top-level column, -1 unknown */
  uint32_t reserved0; /* names an alignment hole: 0 */
  const char *message;
  struct etl_bytes raw;             /* the row as a JSON object {"column": value}, UTF-8; any other bytes are kept as text */
  const char *vendor_state;         /* SQLSTATE or the like; may be NULL */
  const char *stream;               /* the row's; NULL: the one in hand */
  const struct ArrowSchema *schema; /* of raw, borrowed: it tells what the JSON values were; NULL: raw is no row of a schema */
};
enum etl_change_kind {
  ETL_CHANGE_COLUMN_ADDED = 1, /* the target has a new column */
  ETL_CHANGE_TYPE_WIDENED,     /* a column of the target can hold more */
  ETL_CHANGE_COLUMN_MISSING,   /* the rows do no longer have a column of the target */
  ETL_CHANGE_COLUMN_LEFT_OUT,  /* the rows have a column that the target does not get (contract discard_value) */
  ETL_CHANGE_TABLE_CREATED
};
struct etl_schema_change { /* what a loader did, or did not, because the schema of the rows is another than the target's */
  uint32_t struct_size;
  uint32_t kind;
  const char *stream;
  const char *table;  /* as the sink names it */
  const char *column; /* NULL: the table */
  const char *from;   /* types as the sink names them; may be NULL */
  const char *to;
};

/* ---- services of the host --------------------------------------------------------------------------------------------
 * One table per instance and one per reader: the host tags everything with pipeline, run, stage and lane.  Valid from open() to the
 * end of close().  All [any], unless said otherwise. */
enum etl_log_level { ETL_LOG_TRACE = 0, ETL_LOG_DEBUG, ETL_LOG_INFO, ETL_LOG_WARN, ETL_LOG_ERROR };
enum etl_clock { ETL_CLOCK_WALL = 0 /* since 1970-01-01 UTC */, ETL_CLOCK_MONOTONIC };

struct etl_host {
  uint32_t struct_size;
  uint32_t abi_major;
  uint32_t abi_minor;
  uint32_t reserved0;
  const char *host_version;
  /* One record of the run's log.  n bytes of UTF-8, no newline.  Never for an error that fail() reports too. */
  void (*log)(const struct etl_host *, uint32_t level, const char *msg, uint64_t n);
  /* Adds to a counter, sets a gauge of the run; metric: [a-z0-9_]+. */
  void (*count)(const struct etl_host *, const char *metric, int64_t add);
  void (*gauge)(const struct etl_host *, const char *metric, double value);
  /* 1: stop soon.  A plain load, cheap enough for every row. */
  int32_t (*cancelled)(const struct etl_host *);
  /* Waits; ETL_OK, or ETL_STOPPED as soon as cancel is asked for. */
  int32_t (*sleep_ms)(const struct etl_host *, uint64_t ms);
  /* Nanoseconds of an enum etl_clock.  Tests fake it. */
  int64_t (*now_ns)(const struct etl_host *, uint32_t clock);
  /* The text behind a secret's reference (etl_value.str of an ETL_OPT_SECRET).  Borrowed until close(), NUL ended, n without the
   * NUL; then wiped.  Never log it.  ETL_FAILED if ref is unknown (no fail() needed before returning that). */
  int32_t (*secret)(const struct etl_host *, const char *ref, struct etl_bytes *out);
  /* [instance] Memory of the present call: freed when it returns.  align: a power of two up to 64.  NULL: out of memory. */
  void *(*scratch)(const struct etl_host *, uint64_t size, uint64_t align);
  /* Memory for batches: 64-byte aligned, counted against the run's budget.  NULL when the budget is spent: then fail() with
   * ETL_E_PERMANENT and say how much was asked for.  buf_free is [any], takes NULL, and stays callable after close(). */
  void *(*buf_alloc)(const struct etl_host *, uint64_t size);
  void (*buf_free)(void *p);
  /* Keeps the reason of a failure.  Copies; returns ETL_FAILED, so that `return host->fail(host, &e)` reads well.  The first call
   * before a return counts. */
  int32_t (*fail)(const struct etl_host *, const struct etl_error *);
  /* [instance] Sets one row aside: it is kept with the epoch that it would have been in.  Copies.  ETL_OK: skip the row and go on;
   * ETL_FAILED: the limit is reached (fail() was done), return it. */
  int32_t (*bad_row)(const struct etl_host *, const struct etl_bad_row *);
  /* A host extension by name ("etl.x/1"); NULL if absent. */
  const void *(*ext)(const struct etl_host *, const char *id);
  /* Loaders: tells the user of a schema change, once each.  Copies. */
  void (*schema_change)(const struct etl_host *, const struct etl_schema_change *);
};

/* ---- options: the host parses, converts, checks and prints them; the connector gets typed values -------------------------- */
enum etl_type {
  ETL_T_STRING = 1,
  ETL_T_INT,
  ETL_T_FLOAT,
  ETL_T_BOOL,
  ETL_T_DURATION, /* written "250ms", "10s", "5m", "2h", "1d"; value in ns */
  ETL_T_SIZE,     /* written "64KiB", "16MiB", "1GiB", or plain bytes; value in bytes */
  ETL_T_ENUM,     /* one of choices; value is the index */
  ETL_T_PATH,     /* file path; a relative one is taken from the folder of the configuration file */
  ETL_T_URL,
  ETL_T_LIST,  /* of strings; one string alone is a list of one */
  ETL_T_MAP,   /* a libconfig group of name = string; list holds name, value, name, value ... */
  ETL_T_GROUPS /* a libconfig list of groups: shards, tables, columns */
};
enum etl_option_flags {
  ETL_OPT_REQUIRED = 1,
  ETL_OPT_SECRET = 2,
  ETL_OPT_DEPRECATED = 4,
  ETL_OPT_ADVANCED = 8,
  ETL_OPT_IDENTITY = 16,  /* changing it makes saved cursors meaningless */
  ETL_OPT_CONNECTION = 32 /* says how to reach the system, not what to move: needed by ETL_OPEN_CONNECTION already */
};
struct etl_option {
  uint32_t struct_size;
  uint32_t type;
  uint32_t flags;
  uint32_t reserved0;
  const char *name; /* [a-z][a-z0-9_]* */
  const char *doc;  /* one sentence */
  const char *example;
  const char *dflt;                         /* as a user would type it; NULL: none */
  const char *const *choices;               /* ETL_T_ENUM; ends with NULL */
  int64_t min, max;                         /* used when min < max; in the unit of the value */
  const char *replaced_by;                  /* for ETL_OPT_DEPRECATED */
  const struct etl_option *const *members;  /* ETL_T_GROUPS: the options of one group; ends with NULL */
};
struct etl_group;
struct etl_value { /* values[i] belongs to options[i]; always all of them */
  uint32_t struct_size;
  uint32_t is_set;  /* 0: the default, or nothing */
  const char *str;  /* the text, NUL ended; NULL if nothing.  For ETL_OPT_SECRET a reference: pass it to host->secret() */
  int64_t i;        /* int, bool, duration, size, index into choices */
  double f;
  const struct etl_bytes *list; /* etl_bytes is frozen: a plain array is safe; elements are NUL ended, n without the NUL */
  uint64_t list_n;
  const struct etl_group *const *groups; /* ETL_T_GROUPS */
  uint64_t groups_n;
  const char *origin; /* "etl.conf:42", for error messages; NULL when not set */
};
struct etl_group { /* values[i] belongs to members[i] of the option */
  uint32_t struct_size;
  uint32_t reserved0;
  const char *origin;
  const struct etl_value *const *values;
  uint64_t values_n;
};

/* ---- what flows -------------------------------------------------------------------------------------------------------
 * One message may carry a schema, rows and a cursor; they take effect in that order.  Everything in a ring stays in order, so a
 * schema change needs no signal of its own. */
enum etl_msg_flags {
  ETL_M_SCHEMA = 1, /* schema is set and holds for these rows and all later ones of this stream */
  ETL_M_ROWS = 2,   /* rows is a struct array ("+s") of the schema in force; length 0 is legal */
  ETL_M_CURSOR = 4  /* safe point: reading again from cursor gives exactly what follows this message */
};
struct etl_msg {
  uint32_t struct_size;
  uint32_t flags;
  const char *stream; /* which stream; NULL: the one being read */
  struct ArrowSchema schema; /* release == NULL when not there */
  struct ArrowArray rows;    /* likewise */
  struct etl_bytes cursor;   /* opaque to the host, at most 1 MiB, self-versioned by the connector */
  int64_t lag_ns;            /* how far the newest of these rows is behind the source's clock; -1 unknown (metrics) */
  uint64_t src_bytes;        /* read from the source for this message (metrics) */
};
struct etl_sink { /* how a callee hands results back; no out-arrays */
  uint32_t struct_size;
  uint32_t reserved0;
  /* Moves schema and rows away, copies the rest; blocks while the ring is full.  Not ETL_OK: return it at once. */
  int32_t (*emit)(const struct etl_sink *, struct etl_msg *);
};
enum etl_stream_flags {
  ETL_STREAM_WHOLE = 1, /* it has no cursor: every run reads all of it, in one epoch; its only ETL_M_CURSOR comes with the end */
  ETL_STREAM_ONCE = 2   /* it cannot be read a second time (a pipe): no attempt is repeated */
};
struct etl_stream { /* a table, topic, collection, file set */
  uint32_t struct_size;
  uint32_t flags; /* enum etl_stream_flags */
  const char *name; /* stable over runs: cursors are stored under it */
  const char *doc;
  const struct ArrowSchema *schema; /* borrowed; NULL when known only after reading */
  const char *const *key;           /* primary key columns, ends with NULL; or NULL */
};
struct etl_shard {
  uint32_t struct_size;
  uint32_t flags;
  const char *id;         /* stable over runs: cursors are stored under it */
  struct etl_bytes token; /* what the connector needs to read it; opaque */
  int64_t est_rows;       /* -1 unknown */
  int64_t est_bytes;      /* -1 unknown */
};
struct etl_part { /* a piece of a shard, read by a lane of its own beside the others */
  uint32_t struct_size;
  uint32_t flags;          /* 0 */
  const char *id;          /* "" for the piece that goes on for good with what comes later; else unique in the shard: "1", "2" ... */
  struct etl_bytes cursor; /* where its reader begins; it also tells where the piece ends.  For "" a plain cursor of the shard */
  int64_t est_rows;        /* -1 unknown */
  const char *text;        /* its bounds for people; may be NULL */
};
enum etl_cursor_flags {
  ETL_CURSOR_FINISHED = 1, /* the lane's piece (struct etl_part) is read to its end: there is nothing more, ever */
  ETL_CURSOR_FORGET = 2    /* to commit(): delete what is stored of this lane */
};
struct etl_cursor { /* where one lane (stream, shard) stands */
  uint32_t struct_size;
  uint32_t flags; /* enum etl_cursor_flags */
  const char *stream;
  const char *shard; /* "eu1"; of a piece "eu1#3" */
  uint64_t epoch; /* grows by one with every commit of this lane; 0: nothing committed yet */
  struct etl_bytes cursor;
  const char *note; /* the host's, at most 64 KiB of text: to be stored and told as it is; NULL: none */
};
struct etl_rejected { /* a row that was set aside, as the loader is to store it */
  uint32_t struct_size;
  uint32_t error_class;
  const char *stream, *shard; /* of the lane */
  uint64_t epoch;
  uint64_t seq;           /* 1, 2, ... within (stream, shard, epoch) */
  const char *stage;      /* "extract", "transform 2", "load": who could not take it */
  const char *connector;
  const char *table_stream; /* the stream that the row belongs to, as the stage names it */
  const char *column;     /* NULL unknown */
  int64_t row;            /* in its batch, -1 unknown */
  int64_t vendor_code;
  const char *vendor_state; /* NULL none */
  const char *message;
  const char *raw;        /* JSON text: an object of the row's columns, or a string; never NULL */
  const char *columns;    /* JSON text: [["name", "arrow format", "extension or empty"], ...]; NULL: raw is no row of a schema */
};

enum etl_open_flags {
  ETL_OPEN_TEST = 1,        /* only testing: check() may follow, nothing is moved */
  ETL_OPEN_FULL_REFRESH = 2, /* loader: build the target anew beside the old one and swap at run_end, whatever the mode */
  ETL_OPEN_KEEP_STAGING = 4, /* loader: when the run fails, leave its staging tables for the user to look at, and log their names */
  ETL_OPEN_CONNECTION = 8    /* only options with ETL_OPT_CONNECTION are set, required others are not: check() and the extensions for
                                connections may follow */
};
struct etl_open { /* given to every open() */
  uint32_t struct_size;
  uint32_t flags;
  const struct etl_host *host;
  const struct etl_value *const *values;
  uint64_t values_n;
  const char *pipeline; /* stable over runs */
  const char *run;      /* [0-9a-z]+, unique */
  const char *lane;     /* "eu1" or the like: this instance serves one lane; NULL: the whole run */
};
struct etl_read {
  uint32_t struct_size;
  uint32_t flags;
  const struct etl_host *host; /* this reader's own table: errors, scratch, logs */
  const struct etl_stream *stream;
  const struct etl_shard *shard;
  struct etl_bytes cursor; /* p == NULL: from the start */
  uint64_t limit_rows;     /* stop at the first safe point at or after so many rows; 0: none */
  uint64_t want_rows;      /* wanted batch size, a hint */
  uint64_t want_bytes;     /* likewise */
  const char *range_from;  /* with ETL_CAP_RANGE: only rows whose (first) cursor column is at or above this, ... */
  const char *range_to;    /* ... and below this, as a user types it; NULL: no bound.  The consistency delay still holds */
};
struct etl_claim {
  uint32_t struct_size;
  uint32_t flags;
  const char *run;
  uint64_t owner; /* 0: the sink picks one greater than all before; else the host's own fencing number */
};
enum etl_txn_flags {
  ETL_TXN_CAREFUL = 1 /* an epoch with rows that the sink refuses is written again: find them and bad_row() each, keep the others */
};
struct etl_txn {
  uint32_t struct_size;
  uint32_t flags; /* enum etl_txn_flags */
  const char *id;  /* the same when an epoch is retried: a good file name */
  uint64_t owner;  /* from claim(); the sink refuses a smaller one than it has seen */
  const struct etl_cursor *const *from; /* where the lanes in this transaction stand now */
  uint64_t from_n;
};

/* ---- the three kinds --------------------------------------------------------------------------------------------------- */
struct etl_common {
  uint32_t struct_size;
  uint32_t reserved0;
  int32_t (*open)(const struct etl_open *, void **self); /* [instance] cheap: checks options, connects to nothing; on failure *self stays NULL */
  int32_t (*check)(void *self);                          /* [instance] optional: connect and look, move nothing */
  void (*cancel)(void *self);                            /* [any] optional: wake a blocked call; may come twice and late, never after close() began */
  void (*close)(void *self);                             /* [instance] exactly once; joins the connector's threads */
  const void *(*ext)(void *self, const char *id);        /* [any] optional; self may be NULL: what all instances offer */
};
struct etl_extractor {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [instance] Tells every stream of the configuration.  Called on each instance before anything is planned, read, cut or explained by it. */
  int32_t (*discover)(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg);
  /* [instance] Tells every shard of a stream; optional: one shard, id "0". */
  int32_t (*plan)(void *self, const struct etl_stream *, int32_t (*each)(void *arg, const struct etl_shard *), void *arg);
  /* [instance] Connects and asks; on failure *reader stays NULL.  Readers of one instance are opened and run in parallel with
   * ETL_CAP_PARALLEL_READERS. */
  int32_t (*reader_open)(void *self, const struct etl_read *, void **reader);
  /* [instance] per reader.  Fills *m (zeroed by the host but for struct_size).  ETL_OK, ETL_DONE (m may still carry a last message),
   * ETL_IDLE, ETL_STOPPED or ETL_FAILED.  Does not block much longer than wait_ms.  want_cursor: the host would like to
   * checkpoint, set ETL_M_CURSOR as soon as you can.  ETL_DONE only at the source's own end-of-result mark. */
  int32_t (*next)(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m);
  /* [instance] per reader, optional: cursor is durable in the sink; free slots, commit offsets, delete messages. */
  int32_t (*ack)(void *reader, struct etl_bytes cursor);
  void (*reader_close)(void *reader);                     /* [instance] exactly once per reader, before close() */
  void (*reader_cancel)(void *reader);                    /* [any] optional: as cancel, for one reader; never after reader_close() began */
  /* [instance] optional: cuts a shard that nothing was read of yet into at most n pieces of about the same size, to be read side by
   * side; by index statistics or samples, never by reading the table.  Every row is in exactly one piece, whatever happens at the
   * source meanwhile.  The piece "" is read behind all others, so that a row that moves there from one of them is written as it is at
   * last: it is best small, and may be one beside the n.  A stream with ETL_STREAM_WHOLE has no piece "".  Telling one piece, or none,
   * is legal: it is not worth it. */
  int32_t (*split)(void *self, const struct etl_stream *, const struct etl_shard *, uint64_t n,
                   int32_t (*each)(void *arg, const struct etl_part *), void *arg);
};
struct etl_transformer {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [instance] Before the first row and again at each schema change: takes in->schema, declares 1..n outputs with their schemas.  Names
   * of outputs are unique; a lone one without a name keeps the name of in.  An instance gets one stream only: behind a transformer
   * with several outputs the host opens an instance of the next one for each. */
  int32_t (*bind)(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg);
  /* [instance] Takes in->rows, also when it fails; emits 0..n messages with rows only, with `stream` if it declared several. */
  int32_t (*process)(void *self, struct etl_msg *in, const struct etl_sink *);
  /* [instance] optional.  Barrier: emit all rows held back.  The host forwards a cursor only after this. */
  int32_t (*flush)(void *self, const struct etl_sink *);
};
/* A loader's calls in order, over one run: on the run's own instance open, claim, committed, run_begin; then on one instance
 * a lane open, (prepare at each schema of each stream, begin, write..., settle, reject, commit | abort)..., close; then run_end, close
 * on the first.  The run's own instance may also begin and commit without rows, in between and after run_end: cursors of several lanes
 * at once. */
struct etl_loader {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [instance] optional, once per run before all else: from its return on no commit of an older owner can take effect, and all
   * of their effects are visible.  Refuses (ETL_E_FENCED) an owner smaller than one seen. */
  int32_t (*claim)(void *self, const struct etl_claim *, uint64_t *ret_owner);
  /* [instance] What the sink itself says is committed for this pipeline, all lanes.  Waits for commits in flight. */
  int32_t (*committed)(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg);
  /* [instance] optional, once per run, after claim: pre_sql, remove leftovers of dead runs, make room for a replaced target. */
  int32_t (*run_begin)(void *self, const char *run);
  /* [instance] Create or alter the target; outside a transaction; idempotent; lanes call it in parallel. */
  int32_t (*prepare)(void *self, const struct etl_stream *, const struct ArrowSchema *);
  int32_t (*begin)(void *self, const struct etl_txn *);                      /* [instance] */
  int32_t (*write)(void *self, const struct etl_stream *, struct etl_msg *); /* [instance] takes rows, always */
  /* [instance] Rows and cursors in ONE transaction of the sink, compare-and-set on (owner, epoch): each lane goes from the epoch
   * given to begin() to to[i]->epoch.  ETL_E_INDOUBT when the answer was lost. */
  int32_t (*commit)(void *self, const struct etl_cursor *const *to, uint64_t to_n);
  int32_t (*abort)(void *self); /* [instance] idempotent; also after a failed commit */
  /* [instance] optional, once per run, after every lane's last commit: ok 1 swap tables, post_sql; ok 0 leave the old target alone. */
  int32_t (*run_end)(void *self, const char *run, uint32_t ok);
  /* [instance] optional: enum etl_caps of this instance as it is configured; without it the connector's caps hold. */
  uint64_t (*caps)(void *self);
  /* [instance] optional, before commit(): brings the rows written so far into their place, as far as that can fail because of a row; in a
   * careful epoch (ETL_TXN_CAREFUL) rows that cannot be taken are told by bad_row().  ETL_E_DATA from write(), settle() or commit() of
   * an epoch that is not careful makes the host write it again as a careful one, if there is ETL_CAP_CAREFUL. */
  int32_t (*settle)(void *self);
  /* [instance] optional, after settle(): stores rows that were set aside, in the transaction of the epoch; what was stored for
   * (stream, shard, epoch) before is replaced.  Called only when there are some.  Without it the host keeps them in files. */
  int32_t (*reject)(void *self, const struct etl_rejected *const *rows, uint64_t n);
};

/* ---- extension "etl.explain/1" of extractors and loaders: what `etl plan` shows -------------------------------------------- */
#define ETL_EXT_EXPLAIN "etl.explain/1"
enum etl_explain_kind {
  ETL_EXPLAIN_SQL = 1, /* text: a statement that a run would send */
  ETL_EXPLAIN_INDEX,   /* text: how the cursor is served; flags ETL_EXPLAIN_WARN when it is not */
  ETL_EXPLAIN_TYPE,    /* subject: column; from, to: types; text: what is lost (flags ETL_EXPLAIN_LOSSY) or NULL */
  ETL_EXPLAIN_NOTE     /* text: anything else worth knowing */
};
enum etl_explain_flags { ETL_EXPLAIN_LOSSY = 1, ETL_EXPLAIN_WARN = 2 };
struct etl_explain_item {
  uint32_t struct_size;
  uint32_t kind;
  uint32_t flags;
  uint32_t reserved0;
  const char *subject; /* may be NULL */
  const char *from;    /* likewise */
  const char *to;
  const char *text;
};
struct etl_explain {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [instance] Writes nothing anywhere.  Extractors: shard and cursor as for reader_open; tells the schema through ret_schema (the
   * caller releases it).  Loaders: shard NULL, schema given in *schema and left alone. */
  int32_t (*explain)(void *self, const struct etl_stream *, const struct etl_shard *, struct etl_bytes cursor, struct ArrowSchema *schema,
                     int32_t (*each)(void *arg, const struct etl_explain_item *), void *arg);
};

/* ---- extension "etl.catalog/1" of extractors and loaders: what a connection offers; also with ETL_OPEN_CONNECTION ------------- */
#define ETL_EXT_CATALOG "etl.catalog/1"
struct etl_catalog {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [instance] Tells tables (files, queues) whose name matches pattern (* and ?; NULL: all), with key, and with schema if with_schema. */
  int32_t (*list)(void *self, const char *pattern, uint32_t with_schema, int32_t (*each)(void *arg, const struct etl_stream *), void *arg);
};

/* ---- extension "etl.quarantine/1" of loaders that have reject(): looking at what was set aside -------------------------------- */
#define ETL_EXT_QUARANTINE "etl.quarantine/1"
struct etl_kept { /* a row in quarantine */
  uint32_t struct_size;
  uint32_t reserved0;
  uint64_t id; /* grows with every row kept in the sink */
  const char *run;
  int64_t at_ns; /* since 1970-01-01 UTC */
  const struct etl_rejected *rejected;
};
struct etl_quarantine {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [instance] Tells rows of the pipeline with id > after in ascending order, at most limit (0: all). */
  int32_t (*list)(void *self, uint64_t after, uint64_t limit, int32_t (*each)(void *arg, const struct etl_kept *), void *arg);
  /* [instance] Deletes rows: those of ids[0..n), all of the pipeline when ids is NULL.  In the transaction of the instance, if it
   * has one open: a replay deletes them where it writes them. */
  int32_t (*drop)(void *self, const uint64_t *ids, uint64_t n, uint64_t *ret_dropped);
};

/* ---- extension "etl.readback/1" of loaders: how what they wrote can be read again, by the extractor of the same name ---------- */
#define ETL_EXT_READBACK "etl.readback/1"
enum etl_readback_flags {
  ETL_READBACK_UPSERT = 1 /* a row that is loaded again takes the place of the one with the same key */
};
struct etl_readback_source {
  uint32_t struct_size;
  uint32_t flags;
  const char *target;          /* for people: "public.orders" */
  const char *const *settings; /* of the extractor, beside the loader's own with ETL_OPT_CONNECTION: name, value, name, value ...; a name that
                                  comes again makes a list; ends with NULL */
  const char *const *key;      /* columns that identify a row of the target, ends with NULL; NULL: none */
};
struct etl_readback {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [instance] Tells once where rows of a stream (with its schema) are.  A column of the stream that the target does not have is left
   * out.  Writes nothing anywhere. */
  int32_t (*describe)(void *self, const struct etl_stream *, int32_t (*each)(void *arg, const struct etl_readback_source *), void *arg);
};

/* ---- extension "etl.capture/1" of loaders with ETL_CAP_CAPTURE: records as they came and as they were loaded, beside the rows -- */
#define ETL_EXT_CAPTURE "etl.capture/1"
enum etl_captured_status { ETL_CAPTURED_VALID = 1, ETL_CAPTURED_QUARANTINED, ETL_CAPTURED_FILTERED };
enum { ETL_CAPTURE_LOT_BITS = 24 }; /* as many records there may be in a lot */
struct etl_capture_lot {              /* what records have in common */
  uint32_t struct_size;
  uint32_t reserved0;
  const char *stream, *shard; /* of the lane */
  uint64_t epoch;
  const char *table_stream; /* the stream that the records belong to, as the stage names it; NULL: they are records as they came */
};
struct etl_captured { /* records of a lot that follow each other, all of the same kind */
  uint32_t struct_size;
  uint32_t status;     /* enum etl_captured_status; 0: they are records as they came */
  int64_t id;          /* of the first: its lot shifted by ETL_CAPTURE_LOT_BITS, and its place in it */
  uint64_t n;
  const int64_t *raw;  /* ids of the records as they came, 0: not known; NULL: these are some */
  int64_t row;         /* place of the first among the rows of its table_stream that the epoch brings, from 1; 0: they are none of them */
  int64_t at_ns;       /* since 1970-01-01 UTC */
  const char *source;  /* of records as they came: the connection that they came by */
  const char *reason;  /* NULL: none */
  const char *data;    /* JSON texts, each with its NUL, one behind the other; NULL: there are none */
};
struct etl_capture_tables {
  uint32_t struct_size;
  uint32_t raw, transformed; /* 1: such records will come */
  uint32_t reserved0;
  const char *raw_table, *transformed_table; /* NULL: as the loader likes */
};
struct etl_capture {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [instance] Before the others, on each instance; connects to nothing.  Copies. */
  int32_t (*tables)(void *self, const struct etl_capture_tables *);
  /* [instance] On the run's instance, after run_begin(): makes the tables, if they are not there. */
  int32_t (*create)(void *self);
  /* [instance] Between begin() and commit(), in the transaction of the epoch, as the two that follow, any number of times.  A lot of records will
   * come, some of them perhaps not: what it is called, from 1, as no other one.  What a run brings aside comes into sight with its rows. */
  int32_t (*lot)(void *self, const struct etl_capture_lot *lot, int64_t *ret_lot);
  int32_t (*store)(void *self, const struct etl_captured *const *records, uint64_t n);
  /* [instance] status and reason of records that were stored in this transaction are these; n of each is 1. */
  int32_t (*revise)(void *self, const struct etl_captured *const *records, uint64_t n);
  /* [instance] On the run's instance, after run_end(): deletes some lots of the pipeline that are older, and their records, as many as go within
   * seconds; is called again until *ret_lots is 0. */
  int32_t (*prune)(void *self, int64_t before_ns, uint64_t *ret_lots);
};

/* ---- extension "etl.origins/1" of the host, for transformers: which rows come of which; NULL when nobody wants to know -------- */
#define ETL_EXT_ORIGINS "etl.origins/1"
struct etl_origins {
  uint32_t struct_size;
  uint32_t reserved0;
  /* [instance] In process(), before each emit(): row i of the message comes of row rows[i] of the batch in hand (-1: of none alone); rows
   * NULL: of those that were not set aside, in their order.  n: rows of the message; 0, without a message: nothing comes of the batch, now or
   * later.  A transformer that tells of all it emits in a process() has left out what it does not name.  Copies. */
  void (*tell)(const struct etl_host *, const int64_t *rows, uint64_t n);
};

/* ---- descriptor -------------------------------------------------------------------------------------------------------- */
enum etl_kind { ETL_KIND_EXTRACTOR = 1, ETL_KIND_TRANSFORMER, ETL_KIND_LOADER };
enum etl_caps {
  ETL_CAP_ONE_AT_A_TIME = 1, /* calls into this connector are serialised over all its instances */
  ETL_CAP_RESUME = 2,        /* extractor: its cursors can be read on from */
  ETL_CAP_PARALLEL_READERS = 4,
  ETL_CAP_TXN = 8,           /* loader: begin/abort really isolate and undo */
  ETL_CAP_STORES_CURSOR = 16, /* loader: commit() stores cursors atomically with the rows; claim() and committed() are there */
  ETL_CAP_ASIDE = 32,         /* loader: what lanes commit is seen by readers only after run_end(ok = 1) */
  ETL_CAP_CAREFUL = 64,       /* loader: knows ETL_TXN_CAREFUL */
  ETL_CAP_RANGE = 128,        /* extractor: knows range_from and range_to; also for streams with ETL_STREAM_WHOLE */
  ETL_CAP_REPLACE = 256,      /* loader, with ETL_CAP_ASIDE: at run_end the rows of this run are all that the target has */
  ETL_CAP_CAPTURE = 512       /* loader: has the extension etl.capture/1 */
};
struct etl_connector {
  uint32_t struct_size;
  uint32_t kind;
  uint64_t caps;
  const char *name; /* [a-z0-9_]+, unique per kind; what `plugin = "..."` says */
  const char *version;
  const char *summary; /* one line */
  const char *doc;     /* more, or NULL */
  const struct etl_option *const *options; /* ends with NULL */
  const struct etl_common *common;
  const void *api; /* struct etl_extractor, etl_transformer or etl_loader */
};
struct etl_plugin { /* constant data: valid for the life of the process */
  uint64_t magic;
  uint32_t struct_size;
  uint32_t abi_major, abi_minor; /* the header it was built with */
  uint32_t abi_minor_needed;     /* oldest host minor it can live with */
  const char *name, *version, *license, *url;
  const struct etl_connector *const *connectors; /* ends with NULL */
};

/* The one exported symbol.  [load]  The major is in the name, so one .so can serve two majors.  No side effects: no threads,
 * no I/O, no environment, no atexit.  NULL: refuses this host. */
typedef const struct etl_plugin *(*etl_plugin_fn)(uint32_t host_major, uint32_t host_minor);
#define ETL_ENTRY_NAME "etl_plugin_v1"
#define ETL_EXPORT     __attribute__((visibility("default")))
ETL_EXPORT const struct etl_plugin *etl_plugin_v1(uint32_t host_major, uint32_t host_minor);

/* ELF note (name "ETL", type 1), read by the host WITHOUT loading the file: refuse early, list cheaply. */
struct etl_note {
  uint32_t namesz, descsz, type;
  char name[4];
  uint32_t abi_major, abi_minor, abi_minor_needed;
  uint32_t kinds; /* bit (1 << kind) for each kind inside */
  char id[64], version[32];
};
#define ETL_NOTE(id_, version_, kinds_, needed_)                                                                              \
  __attribute__((section(".note.etl"), used, aligned(4))) static const struct etl_note etl_note_ = {                         \
    4, sizeof(struct etl_note) - 16, 1, {'E', 'T', 'L', 0}, ETL_ABI_MAJOR, ETL_ABI_MINOR, needed_, kinds_, id_, version_ }

#ifdef __cplusplus
}
#endif
#endif
