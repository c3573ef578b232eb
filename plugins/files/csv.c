/* csv: descriptor of the connectors that read and write CSV files. */
#include "csv_read.h"
#include "csv_write.h"

#define OPTION(name_, type_, ...) \
  &(const struct etl_option) { .struct_size = sizeof(struct etl_option), .type = type_, .name = name_, __VA_ARGS__ }

static const struct etl_option *const extract_options[] = {
    READ_OPTIONS,
    [CSV_DELIMITER] =
        OPTION("delimiter", ETL_T_STRING, .example = ";",
               .doc = "What stands between cells: one character, or \"tab\"; without it, the one of , ; tab | that fits each file best."),
    [CSV_QUOTE] = OPTION("quote", ETL_T_STRING, .dflt = "\"", .doc = "What a cell with delimiters or newlines is put in; empty: nothing is quoted."),
    [CSV_ESCAPE] = OPTION("escape", ETL_T_STRING, .example = "\\",
                          .doc = "What stands inside quotes before a quote that does not end them, beside a doubled quote."),
    [CSV_HEADER] =
        OPTION("header", ETL_T_ENUM, .choices = header_choices, .dflt = "auto",
               .doc = "Does the first record hold the names?  auto: it does when its cells look like names and not like the values below."),
    [CSV_NULL] = OPTION("null", ETL_T_LIST, .example = "[ \"NULL\", \"\\\\N\" ]",
                        .doc = "Texts that mean NULL when they are not quoted, beside the empty one; an empty quoted cell is an empty text."),
    [CSV_SKIP] = OPTION("skip", ETL_T_INT, .dflt = "0", .min = 0, .max = 1000000, .doc = "Lines in front of the header that are not CSV."),
    [CSV_COMMENT] = OPTION("comment", ETL_T_STRING, .example = "#", .doc = "Lines that begin with this character are passed over."),
    [CSV_RAGGED] =
        OPTION("ragged", ETL_T_ENUM, .choices = ragged_choices, .dflt = "reject",
               .doc = "Records with too few cells are set aside, or filled up with NULL (pad); one with too many filled cells is set aside."),
    [CSV_N] = NULL,
};

static const char *const csv_endings[] = {".csv", ".tsv", ".csv.gz", ".csv.zst", ".tsv.gz", ".tsv.zst", NULL};
static const struct format csv_format = {
    .name = "csv", .endings = csv_endings, .csv = true, .sample = csv_sample, .begin = csv_begin, .row = csv_row, .end = csv_end};

static int32_t csv_extract_open(const struct etl_open *o, void **self) { return extract_open(&csv_format, o, self); }

static const struct etl_common extract_common = {
  .struct_size = sizeof extract_common, .open = csv_extract_open, .check = extract_check, .close = extract_close, .ext = extract_ext};
static const struct etl_connector extract_connector = {
  .struct_size = sizeof extract_connector,
  .kind = ETL_KIND_EXTRACTOR,
  .caps = ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS,
  .name = "csv",
  .version = ETL_VERSION,
  .summary = "Reads CSV files, plain or packed, each from where the last run left it",
  .doc = "RFC 4180, with quoted newlines.  Delimiter, header and types are found out from a sample of the files and hold for all of them; a "
         "file that lacks a column has NULL there.  A file that was read to its end is not read again; one that is cut off, damaged or changed "
         "fails its own lane.  Lines that are no record of the table (wrong number of cells, a value of another type, text that is not "
         "UTF-8 or holds a NUL byte, a quote that is never closed, too long) are set aside with file and line.",
  .options = extract_options,
  .common = &extract_common,
  .api = &extractor_api,
};

/* ---- writing ------------------------------------------------------------------------------------------------------------------ */

static const struct etl_option *const load_options[] = {
    WRITE_OPTIONS,
    [WRITE_HEADER] = OPTION("header", ETL_T_BOOL, .dflt = "true", .doc = "Begin each file with the names of its columns."),
    [WRITE_DELIMITER] =
        OPTION("delimiter", ETL_T_STRING, .dflt = ",", .example = "tab", .doc = "What stands between cells: one character, or \"tab\"."),
    [WRITE_QUOTE] = OPTION("quote", ETL_T_STRING, .dflt = "\"", .doc = "What a cell is put in; inside, it is doubled."),
    [WRITE_QUOTING] = OPTION("quoting", ETL_T_ENUM, .choices = quoting_choices, .dflt = "text",
                             .doc = "Which cells are quoted: all texts, so that \"123\" is read as a text again; only those that need it; or all."),
    [WRITE_NULL] = OPTION("null", ETL_T_STRING, .example = "\\N",
                          .doc = "What is written for NULL, never quoted; without it, nothing.  An empty text is quoted."),
    [WRITE_CSV_N] = NULL,
};

static int32_t csv_load_open(const struct etl_open *o, void **self) { return loader_open(&csv_write_format, o, self); }

static const struct etl_common load_common = {
    .struct_size = sizeof load_common, .open = csv_load_open, .check = loader_check, .close = loader_close, .ext = loader_ext};
static const struct etl_connector load_connector = {
    .struct_size = sizeof load_connector,
    .kind = ETL_KIND_LOADER,
    .caps = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_CAREFUL,
    .name = "csv",
    .version = ETL_VERSION,
    .summary = "Writes CSV files, plain or packed: new ones with every commit, or one that is replaced as a whole",
    .doc = LOADER_DOC,
    .options = load_options,
    .common = &load_common,
    .api = &loader_api,
};

ETL_PLUGIN("csv", ETL_VERSION, "MIT", 1u << ETL_KIND_EXTRACTOR | 1u << ETL_KIND_LOADER, &extract_connector, &load_connector);
