/* jsonl: descriptor of the connectors that read and write JSON objects, one a line. */
#include "jsonl_read.h"
#include "jsonl_write.h"

static const struct etl_option *const extract_options[] = {
  READ_OPTIONS,
  [READ_OWN] = NULL,
};

static int32_t jsonl_extract_open(const struct etl_open *o, void **self) { return extract_open(&jsonl_format, o, self); }

static const struct etl_common extract_common = {
  .struct_size = sizeof extract_common, .open = jsonl_extract_open, .check = extract_check, .close = extract_close, .ext = extract_ext};
static const struct etl_connector extract_connector = {
    .struct_size = sizeof extract_connector,
    .kind = ETL_KIND_EXTRACTOR,
    .caps = ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS,
    .name = "jsonl",
    .version = ETL_VERSION,
    .summary = "Reads files of JSON objects, one a line, plain or packed, each from where the last run left it",
    .doc =
        "Keys are columns, whose types are guessed from a sample of the files; a key that is missing is NULL, lists and objects are kept as JSON.  A "
        "key that turns up later becomes a column from there on.  A file that was read to its end is not read again; one that is cut off, "
        "damaged or changed fails its own lane.  Lines that are no JSON object, or whose values do not fit their columns, are set aside with file "
        "and line.",
    .options = extract_options,
    .common = &extract_common,
    .api = &extractor_api,
};

/* ---- writing ------------------------------------------------------------------------------------------------------------------ */

static const struct etl_option *const load_options[] = {
  WRITE_OPTIONS,
  [WRITE_OWN] = NULL,
};

static int32_t jsonl_load_open(const struct etl_open *o, void **self) { return loader_open(&jsonl_write_format, o, self); }

static const struct etl_common load_common = {
    .struct_size = sizeof load_common, .open = jsonl_load_open, .check = loader_check, .close = loader_close, .ext = loader_ext};
static const struct etl_connector load_connector = {
    .struct_size = sizeof load_connector,
    .kind = ETL_KIND_LOADER,
    .caps = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_CAREFUL,
    .name = "jsonl",
    .version = ETL_VERSION,
    .summary = "Writes JSON objects, one a line, to files, plain or packed: new ones with every commit, or one that is replaced as a whole",
    .doc = LOADER_DOC,
    .options = load_options,
    .common = &load_common,
    .api = &loader_api,
};

ETL_PLUGIN("jsonl", ETL_VERSION, "MIT", 1u << ETL_KIND_EXTRACTOR | 1u << ETL_KIND_LOADER, &extract_connector, &load_connector);
