/* tests/fault/wrapper.h: a connector that stands before the real one and does what ETL_FAULT asks for.  State is static: it is the
 * state of the one .so that is wrapped, set once in the entry function and constant then (but for the counters of calls). */
#ifndef TESTS_FAULT_WRAPPER_H
#define TESTS_FAULT_WRAPPER_H

#include "spec.h"

struct wrapped { /* what the host holds as `self` */
  void *self;
  const struct etl_common *common;
  const void *api;
  const struct etl_host *host;
  char lane[128];
};
extern struct faults wrapper_faults;

/* Tables with our functions where the real ones are, and holes where they are not.  Static memory. */
const struct etl_extractor *wrapper_extractor(const struct etl_extractor *real);
const struct etl_transformer *wrapper_transformer(const struct etl_transformer *real);
const struct etl_loader *wrapper_loader(const struct etl_loader *real);
/* Of the real one's etl.capture/1; NULL: it has none. */
const struct etl_capture *wrapper_capture(struct wrapped *w);

/* Fault before and after a call that gives a status.  `cleanup` runs when the call is not made. */
#define WRAPPER_CALL(w_, host_, lane_, point_, call_, cleanup_)                                    \
  do {                                                                                             \
    struct fault *after_;                                                                          \
    int32_t status_ = faults_before(&wrapper_faults, point_, lane_, host_, &after_);               \
    if (status_ != ETL_OK) {                                                                       \
      cleanup_;                                                                                    \
      return status_;                                                                              \
    }                                                                                              \
    return faults_after(after_, host_, call_);                                                     \
  } while (0)

#endif
