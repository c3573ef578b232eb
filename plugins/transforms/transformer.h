/* transformer.h: what every transformer's descriptor and option table repeat, and its commonest error.  Any thread. */
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

/* The plugin around one connector, and the entry of the file. */
#define TRANSFORMER_PLUGIN(name_, connector_)                                                                                      \
  static const struct etl_connector *const connectors[] = {connector_, NULL};                                                      \
  static const struct etl_plugin plugin = {                                                                                        \
      .magic = ETL_MAGIC,                                                                                                          \
      .struct_size = sizeof plugin,                                                                                                \
      .abi_major = ETL_ABI_MAJOR,                                                                                                  \
      .abi_minor = ETL_ABI_MINOR,                                                                                                  \
      .name = name_,                                                                                                               \
      .version = ETL_VERSION,                                                                                                      \
      .license = "MIT",                                                                                                            \
      .connectors = connectors,                                                                                                    \
  };                                                                                                                               \
  ETL_NOTE(name_, ETL_VERSION, 1u << ETL_KIND_TRANSFORMER, 0);                                                                     \
  const struct etl_plugin *etl_plugin_v1(uint32_t host_major, uint32_t host_minor) {                                               \
    (void)host_minor;                                                                                                              \
    return host_major == ETL_ABI_MAJOR ? &plugin : NULL;                                                                           \
  }

#endif
