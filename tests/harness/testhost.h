/* testhost.h: the host's services for a connector under test, and its options from text.  Everything the connector says is kept:
 * the first error, rejected rows, log records, counters; and buffers are counted, so that a leak or an exhausted budget can be
 * tested. The services may be called from any thread; the functions below are for the test's own thread. */
#ifndef TESTS_HARNESS_TESTHOST_H
#define TESTS_HARNESS_TESTHOST_H

#include <pthread.h>
#include <stdatomic.h>

#include "etl/sdk.h"

enum {
  TESTHOST_KEPT = 256
};

struct testhost {
  struct etl_host host; /* first: the services find the testhost by it */
  pthread_mutex_t lock;
  /* the first error since testhost_clear(); class 0: none */
  struct etl_error error;
  char message[2048], remedy[1024], option[64], vendor_state[32];
  struct { /* rejected rows */
    uint32_t error_class;
    int64_t row;
    int32_t column;
    char message[2048], raw[1024], vendor_state[32], stream[64];
  } bad[TESTHOST_KEPT];
  size_t bad_n;
  struct { /* schema changes */
    uint32_t kind;
    char stream[64], table[128], column[64], from[96], to[96];
  } changes[TESTHOST_KEPT];
  size_t changes_n;
  size_t bad_limit; /* more than these are refused */
  struct {
    uint32_t level;
    char text[1024];
  } logs[TESTHOST_KEPT];
  size_t logs_n; /* all of them, though only the first are kept */
  struct {
    char name[64];
    int64_t value;
  } counters[TESTHOST_KEPT];
  size_t counters_n;
  struct {
    char ref[64], text[256];
  } secrets[16];
  size_t secrets_n;
  _Atomic int64_t budget_bytes; /* what buf_alloc() still gives; -1: no limit */
  _Atomic int cancelled;        /* see testhost_cancel() */
  pthread_cond_t cancel_asked;
  void *scratch; /* a list, freed by testhost_call_done() */
};
void testhost_init(struct testhost *h);
void testhost_fini(struct testhost *h);
void testhost_clear(struct testhost *h);     /* forgets error, rejected rows, logs, counters */
void testhost_cancel(struct testhost *h);    /* any thread: cancelled() is 1 from now on, sleep_ms() wakes */
void testhost_call_done(struct testhost *h); /* after a call into the connector: frees its scratch memory */
int64_t testhost_buffers(void);              /* buffers of all testhosts that nobody has freed */
int64_t testhost_counter(struct testhost *h, const char *name);
bool testhost_logged(struct testhost *h, uint32_t level, const char *part); /* is part in a record of that level? */

/* ---- connectors and their options ------------------------------------------------------------------------------------------ */

/* Loads DIR/NAME.so, DIR being $ETL_TEST_PLUGINS, and finds its connector of that kind.  Ends the program when it cannot. */
const struct etl_connector *testhost_connector(const char *name, enum etl_kind kind);

struct testopts;
/* Values for all options, the defaults at first. */
struct testopts *testopts_new(struct testhost *h, const struct etl_option *const *options);
void testopts_free(struct testopts *t);
/* Sets an option from text: as in a configuration file, a list's items (a map's names and values) separated by '|'.  A name the
 * connector does not have, or a text that does not fit, ends the program: it is the test that is wrong. */
void testopts_set(struct testopts *t, const char *name, const char *text);
/* Adds a group to an option of groups and returns its values, to be set in turn; freed with t. */
struct testopts *testopts_group(struct testopts *t, const char *name);
/* open() of the connector with these values.  lane may be NULL. */
int32_t testopts_open(struct testopts *t, const struct etl_connector *c, const char *pipeline, const char *run, const char *lane,
                      uint32_t flags, void **self);

#endif
