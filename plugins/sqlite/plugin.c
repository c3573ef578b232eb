/* The connectors of SQLite: the descriptor of the file, and its entry. */
#include "loader.h"
#include "source.h"

static const struct etl_connector *const connectors[] = {&sqlite_source, &sqlite_loader, NULL};
static const struct etl_plugin plugin = {
    .magic = ETL_MAGIC,
    .struct_size = sizeof plugin,
    .abi_major = ETL_ABI_MAJOR,
    .abi_minor = ETL_ABI_MINOR,
    .name = "sqlite",
    .version = ETL_VERSION,
    .license = "MIT",
    .connectors = connectors,
};

ETL_NOTE("sqlite", ETL_VERSION, 1u << ETL_KIND_EXTRACTOR | 1u << ETL_KIND_LOADER, 0);

const struct etl_plugin *etl_plugin_v1(uint32_t host_major, uint32_t host_minor) {
  (void)host_minor;
  return host_major == ETL_ABI_MAJOR ? &plugin : NULL;
}
