/* transformer.h: what every transformer's option table repeats, and its commonest error.  Any thread. */
#ifndef TRANSFORMS_TRANSFORMER_H
#define TRANSFORMS_TRANSFORMER_H

#include "etl/sdk.h"

#define OPTION(name_, type_, ...)                                                                                                  \
  &(const struct etl_option) { .struct_size = sizeof(struct etl_option), .type = type_, .name = name_, __VA_ARGS__ }

static inline int32_t transformer_no_memory(const struct etl_host *h, const char *connector) {
  struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
  e.remedy = "raise the run's memory budget, or read smaller batches";
  return etl_failf(h, &e, "%s: no memory left", connector);
}

#endif
