/* The options of the extractor: the one table from which the host parses, checks and documents them. */
#include "source.h"

#define OPTION(name_, type_, ...)                                                                                                  \
  &(const struct etl_option) { .struct_size = sizeof(struct etl_option), .type = type_, .name = name_, __VA_ARGS__ }
#define SECOND               INT64_C(1000000000)
#define KEYWORD(name_, doc_) OPTION(name_, ETL_T_STRING, .flags = ETL_OPT_CONNECTION | ETL_OPT_ADVANCED, .doc = doc_)
#define SESSION_ATTRS        "any"

static const char *const sslmode_choices[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};
static const char *const clock_choices[] = {"utc", "local", NULL};
static const char *const null_choices[] = {"warn", "fail", NULL};

static const struct etl_option *const shard_options[] = {
    [SOURCE_SHARD_ID] =
        OPTION("id", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "eu1",
               .doc = "Name of the shard, unique; where it stands is remembered under it, so keep it when the server moves."),
    [SOURCE_SHARD_HOST] = OPTION("host", ETL_T_STRING, .doc = "As above, for this shard."),
    [SOURCE_SHARD_PORT] = OPTION("port", ETL_T_INT, .min = 1, .max = 65535, .doc = "As above, for this shard."),
    [SOURCE_SHARD_DATABASE] = OPTION("database", ETL_T_STRING, .doc = "As above, for this shard."),
    [SOURCE_SHARD_USER] = OPTION("user", ETL_T_STRING, .doc = "As above, for this shard."),
    [SOURCE_SHARD_PASSWORD] = OPTION("password", ETL_T_STRING, .flags = ETL_OPT_SECRET, .doc = "As above, for this shard."),
    [SOURCE_SHARD_OPTIONS_N] = NULL,
};

const struct etl_option *const source_options[] = {
#include "keywords.h"
    [SOURCE_SHARDS] =
        OPTION("shards", ETL_T_GROUPS, .flags = ETL_OPT_CONNECTION, .members = shard_options,
               .example = "( { id = \"eu1\"; host = \"db1\"; }, { id = \"eu2\"; host = \"db2\"; } )",
               .doc = "The servers that hold the same tables, read side by side; what a shard does not say is taken from the "
                      "options above.  Without it the connection itself is the one shard, \"0\"."),
    [SOURCE_TABLE] = OPTION("table", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "public.logins",
                            .doc = "Table or view to read, with its schema or in public; a part may be quoted as \"My Schema\"."),
    [SOURCE_TABLES] = OPTION("tables", ETL_T_LIST, .flags = ETL_OPT_IDENTITY, .example = "[ \"app.*\", \"public.logins\" ]",
                             .doc = "Several tables instead, each a stream of its own; * and ? stand for any characters of a name, "
                                    "and views have to be named without them."),
    [SOURCE_QUERY] =
        OPTION("query", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "SELECT id, name, changed FROM a JOIN b USING (id)",
               .doc = "One SELECT to read instead; conditions and order of the cursor are put around it."),
    [SOURCE_COLUMNS] =
        OPTION("columns", ETL_T_LIST, .example = "[ \"id\", \"name\" ]", .doc = "Columns to read, in this order; without it, all."),
    [SOURCE_EXCLUDE] = OPTION("exclude", ETL_T_LIST, .example = "[ \"password_hash\" ]", .doc = "Columns not to read."),
    [SOURCE_WHERE] = OPTION("where", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "tenant = 7",
                            .doc = "A further condition on the rows, in SQL."),
    [SOURCE_CURSOR] = OPTION(
        "cursor", ETL_T_LIST, .flags = ETL_OPT_IDENTITY, .example = "[ \"changed_at\", \"id\" ]",
        .doc = "Columns that grow with every new row: a run reads the rows behind the last one of the run before, compared as a "
               "tuple.  The first is a time or a number; together they should be unique and indexed.  Without it every run "
               "reads all rows."),
    [SOURCE_CONSISTENCY_DELAY] =
        OPTION("consistency_delay", ETL_T_DURATION, .dflt = "10s", .min = 0, .max = 7 * 86400 * SECOND,
               .doc = "With a time as first cursor column, rows younger than this wait for the next run, since a "
                      "transaction still open may add rows before them."),
    [SOURCE_CURSOR_CLOCK] = OPTION(
        "cursor_clock", ETL_T_ENUM, .dflt = "utc", .choices = clock_choices,
        .doc = "Whether a cursor column without a time zone holds UTC or the server's local time; for the consistency delay."),
    [SOURCE_NULL_CURSOR] =
        OPTION("null_cursor", ETL_T_ENUM, .dflt = "warn", .choices = null_choices,
               .doc = "What a run does when rows have NULL in a cursor column: warn tells how many there are and leaves them "
                      "out, fail fails the shard."),
    [SOURCE_SHARD_COLUMN] = OPTION("shard_column", ETL_T_STRING, .example = "shard_id",
                                   .doc = "Adds a text column of this name with the id of the shard that the row is from."),
    [SOURCE_MAX_CELL] =
        OPTION("max_cell", ETL_T_SIZE, .flags = ETL_OPT_ADVANCED, .dflt = "64MiB", .min = 8192, .max = INT64_C(1) << 30,
               .doc = "Largest value of a column; a row with a larger one is rejected, never cut. The server sends a row as a whole, so a "
                      "reader needs memory for the longest one whatever this says; leave large columns out with `exclude`, or with `query`."),
    [SOURCE_CONNECT_RETRIES] = OPTION("connect_retries", ETL_T_INT, .flags = ETL_OPT_CONNECTION, .dflt = "3", .min = 0, .max = 1000,
                                      .doc = "Further attempts when the server cannot be reached."),
    [SOURCE_CONNECT_RETRY_DELAY] = OPTION("connect_retry_delay", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "1s",
                                          .min = 0, .max = 3600 * SECOND, .doc = "Wait between these attempts."),
    [SOURCE_STATEMENT_TIMEOUT] =
        OPTION("statement_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "0s", .min = 0, .max = 7 * 86400 * SECOND,
               .doc = "How long the server may work on one statement, the reading of a table among them; 0: as long as it likes."),
    [SOURCE_LOCK_TIMEOUT] =
        OPTION("lock_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "30s", .min = 0, .max = 86400 * SECOND,
               .doc = "How long to wait for a lock, as one that an ALTER TABLE holds; 0: as long as it takes."),
    [SOURCE_OPTIONS_N] = NULL,
};
