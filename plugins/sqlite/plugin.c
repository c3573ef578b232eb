/* The connectors of SQLite: descriptor, entry and note of the file. */
#include "loader.h"
#include "source.h"

ETL_PLUGIN("sqlite", ETL_VERSION, "MIT", 1u << ETL_KIND_EXTRACTOR | 1u << ETL_KIND_LOADER, &sqlite_source, &sqlite_loader);
