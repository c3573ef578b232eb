/* kit/kit.h: what the cases of `etl plugin check` share.  Each case runs in a process of its own, on one connector; the first breach of
 * the ABI ends it.  All functions end the process when they find one, so that a case reads as a list of what must hold. */
#ifndef HOST_KIT_KIT_H
#define HOST_KIT_KIT_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "etl/sdk.h"
#include "kit/guard.h"
#include "kit/sizes.h"
#include "plugin/options.h"

enum {
  KIT_RESULT_FD = 3,
  KIT_DOING_FD = 4,
  KIT_DOING_ROOM = 512
};

struct kit {
  const char *file;
  const char *case_name;
  uint64_t seed, random;
  const struct etl_plugin *plugin;
  const struct etl_connector *c;
  const struct etl_extractor *extractor; /* that of the connector's kind is set */
  const struct etl_transformer *transformer;
  const struct etl_loader *loader;
  const struct conf_node *settings; /* group: options as the user gave them */
  const char *const *columns;       /* "name=format": columns that the rows must have; ends with NULL */
  struct arena *arena;
  struct secrets secrets;
  uint32_t grow;        /* see struct given */
  bool older;           /* likewise */
  bool narrow;          /* the rows have no columns but those asked for: the connector does not take more */
  bool free_buffers;    /* buf_free() gives its memory back at once */
  _Atomic(struct kit_buffer *) freed; /* else they stay: a second buf_free() is to be seen */
  const struct bound_options *bound; /* as the user gave them */
  char *doing;          /* shared with the parent: the call that is being made */
  atomic_long buffers;  /* from buf_alloc(), not freed yet */
  atomic_long arrays;   /* of generated rows, not released yet */
  atomic_long budget;   /* what buf_alloc() still gives; -1: no limit */
};

/* ---- the outcome ---- */

/* where: the rule, as plugin.h has it; NULL: none of them. */
__attribute__((noreturn, format(printf, 3, 4))) void kit_fail(struct kit *k, const char *where, const char *fmt, ...);
/* The check was called in the wrong way: it ends as a whole. */
__attribute__((noreturn, format(printf, 1, 2))) void kit_misuse(const char *fmt, ...);
__attribute__((noreturn, format(printf, 2, 3))) void kit_skip(struct kit *k, const char *fmt, ...);
#define kit_must(k_, holds_, where_, ...)   \
  do {                                      \
    if (!(holds_))                          \
      kit_fail(k_, where_, __VA_ARGS__);    \
  } while (0)
uint64_t kit_random(struct kit *k, uint64_t below);
/* Runs fn in another thread and waits for its end. */
void kit_elsewhere(void (*fn)(void *), void *arg);
void kit_pause_us(uint64_t us);

/* ---- the host's services, as an instance or a reader gets them ---- */

struct kit_host {
  struct kit *kit;
  struct guard memory;
  const struct etl_host *host;
  pthread_mutex_t lock;
  pthread_cond_t woken;
  struct err err; /* of the last call that failed */
  bool failed;
  atomic_int cancelled;
  atomic_ulong bad_rows;
  struct given scratch; /* of the present call */
};
void kit_forget_buffers(struct kit *k);
void kit_host_init(struct kit_host *h, struct kit *k);
void kit_host_fini(struct kit_host *h); /* what is left of it cannot be used any more */
void kit_host_cancel(struct kit_host *h);
void kit_enter(struct kit_host *h, const char *what);
int32_t kit_leave(struct kit_host *h, int32_t status);
/* Every call into the connector that gives a status goes through here. */
#define KIT_CALL(h_, what_, call_)       \
  ({                                     \
    kit_enter(h_, what_);                \
    int32_t status_ = (call_);           \
    kit_leave(h_, status_);              \
  })
/* The same, and it must be ETL_OK. */
#define KIT_OK(h_, what_, call_) kit_need(h_, what_, KIT_CALL(h_, what_, call_))
void kit_need(struct kit_host *h, const char *what, int32_t status);

/* What is given in for a call, as large as the case wants it. */
static inline struct given kit_given(const struct kit *k) { return (struct given){.grow = k->grow, .older = k->older}; }
#define GIVE(g_, struct_, from_) give_struct(g_, from_, sizeof(struct struct_), KIT_1_0_##struct_)

/* ---- instances ---- */

struct kit_instance {
  struct kit *kit;
  struct kit_host host;
  void *self;
};
struct kit_where { /* zero: the usual */
  const char *pipeline, *run, *lane;
  uint32_t flags;
};
uint64_t kit_caps(struct kit_instance *i); /* of a loader, as it is configured */
/* Option values as the user gave them, or with one replaced by a text. */
const struct bound_options *kit_options(struct kit *k, const char *name, const char *text, bool must);
/* open() with everything that is handed in shut behind it. */
int32_t kit_try_open(struct kit *k, struct kit_instance *i, const struct bound_options *options, struct kit_where w);
void kit_open(struct kit *k, struct kit_instance *i, struct kit_where w); /* must succeed */
void kit_close(struct kit_instance *i);

/* ---- rows ---- */

struct kit_sum { /* of rows, whatever their order */
  uint64_t n, sum;
};
void kit_check_schema(struct kit *k, const struct ArrowSchema *s, const char *where);
void kit_check_rows(struct kit *k, const struct ArrowSchema *s, const struct ArrowArray *rows, const char *where);
void kit_sum_rows(struct kit *k, struct kit_sum *sum, const struct ArrowSchema *s, const struct ArrowArray *rows);
/* What was got of the connector is released in another thread. */
void kit_release(struct kit *k, struct ArrowArray *rows);
void kit_must_be_released(struct kit *k);

struct kit_slice {
  int64_t parent, child; /* offsets of the struct and of its columns */
};
/* The columns asked for and, if wide, one of each type. */
void kit_schema(struct kit *k, bool wide, struct ArrowSchema *ret);
/* n rows of edge values; the same ones for the same seed, however they are sliced. */
void kit_rows(struct kit *k, const struct ArrowSchema *s, int64_t n, uint64_t seed, struct kit_slice slice, struct ArrowArray *ret);

/* ---- cases ---- */

struct kit_case {
  const char *name;
  uint32_t kind; /* 0: every connector */
  const char *what;
  void (*run)(struct kit *k);
};
extern const struct kit_case kit_cases[]; /* ends with a NULL name */

/* ---- entry points ---- */

struct kit_request {
  const char *file;
  const char *kind;           /* NULL: all that are in the file */
  const char *config;         /* NULL: none */
  const char *const *options; /* "name=value"; ends with NULL */
  const char *const *columns;
  const char *const *only; /* names of cases; none: all */
  uint64_t seed;
  char *const *argv; /* of the child, without kind and case: "etl _check FILE ..." */
};
int kit_check(const struct kit_request *r, struct err *e, unsigned *ret_failed);
int kit_child(const struct kit_request *r, const char *kind, const char *case_name);

#endif
