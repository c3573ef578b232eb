/* The options of the connector: the one table from which the host parses, checks and documents them. */
#include "settings.h"

#define OPTION(name_, type_, ...)                                                                                                  \
  &(const struct etl_option) { .struct_size = sizeof(struct etl_option), .type = type_, .name = name_, __VA_ARGS__ }
#define SECOND     INT64_C(1000000000)
#define KEYWORD(name_, doc_)  OPTION(name_, ETL_T_STRING, .flags = ETL_OPT_CONNECTION | ETL_OPT_ADVANCED, .doc = doc_)
#define SESSION_ATTRS "read-write"

static const char *const mode_choices[] = {"append", "replace", "merge", "insert_missing", "delete_missing", NULL};
static const char *const contract_choices[] = {"evolve", "freeze", "discard_row", "discard_value", NULL};
static const char *const commit_choices[] = {"epoch", "run", NULL};
static const char *const sslmode_choices[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};

static const struct etl_option *const table_options[] = {
    [TABLE_STREAM] = OPTION("stream", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "identities",
                            .doc = "The stream, by its whole name or the part after the last dot."),
    [TABLE_TABLE] = OPTION("table", ETL_T_STRING, .example = "app.identities", .doc = "Its table; without it as for all."),
    [TABLE_MODE] = OPTION("mode", ETL_T_ENUM, .choices = mode_choices, .doc = "Its mode; without it as for all."),
    [TABLE_KEY] = OPTION("key", ETL_T_LIST, .example = "[ \"id\" ]", .doc = "Its key; without it as for all."),
    [TABLE_NEWEST_BY] = OPTION("newest_by", ETL_T_STRING, .doc = "Its column newest_by; without it as for all."),
    [TABLE_DELETED_AT] = OPTION("deleted_at", ETL_T_STRING, .doc = "Its column deleted_at; without it as for all."),
    [TABLE_STAGING_DEFINITION] = OPTION("staging_definition", ETL_T_STRING, .doc = "Its staging_definition; without it as for all."),
    [TABLE_OPTIONS_N] = NULL,
};

const struct etl_option *const postgres_options[] = {
#include "keywords.h"
    [OPT_TABLE] = OPTION("table", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "public.login_analytics",
                         .doc = "Table to load, with its schema or in public; a part may be quoted as \"My Schema\".  For several streams: "
                                "{stream_schema} and {stream_table} stand for the parts of the stream's name before and after its last dot, "
                                "{stream} for the whole of it."),
    [OPT_TABLES] = OPTION("tables", ETL_T_GROUPS, .flags = ETL_OPT_IDENTITY, .members = table_options,
                          .example = "( { stream = \"identities\"; table = \"app.identities\"; key = [ \"id\" ]; } )",
                          .doc = "Tables of single streams, where `table` and the settings beside it do not hold for all."),
    [OPT_MODE] = OPTION("mode", ETL_T_ENUM, .dflt = "append", .choices = mode_choices,
                        .doc = "append adds rows; merge inserts or updates by `key`; insert_missing inserts rows whose key is not there and "
                               "leaves the others alone; delete_missing merges and, at the end of a run that read everything, deletes "
                               "the rows whose key did not come: the table must be this pipeline's alone, and the stream without a cursor; replace builds the table anew "
                               "and swaps it at the end of the run.  A row of a new key, or one to be added, that a trigger of the table leaves out stops the run."),
    [OPT_KEY] = OPTION("key", ETL_T_LIST, .example = "[ \"shard_id\", \"login_id\" ]",
                       .doc = "Columns that identify a row; needed for merge.  A table made by etl gets them as its primary key."),
    [OPT_NEWEST_BY] = OPTION("newest_by", ETL_T_STRING, .example = "changed_at",
                             .doc = "Column that tells which of two rows with one key is newer, in a merge; the greater one wins, NULL "
                                    "is smallest.  Without it the row read last wins."),
    [OPT_DELETED_AT] = OPTION("deleted_at", ETL_T_STRING, .example = "deleted_at",
                              .doc = "With mode = \"delete_missing\": rows that are missing stay, and this column (timestamptz) gets the time; "
                                     "it is NULL again when they come back."),
    [OPT_CREATE] = OPTION("create", ETL_T_BOOL, .dflt = "true", .doc = "Make the table, and its schema, when they are not there."),
    [OPT_SCHEMA_CONTRACT] =
        OPTION("schema_contract", ETL_T_ENUM, .dflt = "evolve", .choices = contract_choices,
               .doc = "What happens when the rows do not fit the table. evolve adds columns and makes types wider (smallint to integer to bigint, "
                      "real to double precision, longer varchar, more digits of numeric), freeze stops the run. discard_row sets rows aside that "
                      "have a value in a column that the table does not have, or one that its type cannot hold; discard_value leaves such a "
                      "value out (NULL is written, or the row set aside where the column cannot be NULL)."),
    [OPT_COMMIT] = OPTION("commit", ETL_T_ENUM, .dflt = "epoch", .choices = commit_choices,
                          .doc = "When rows reach the target: with each epoch; or at the end of a run in which every lane succeeded, all tables "
                                 "and the place where each lane stands in one transaction.  Until then they are staged in tables of "
                                 "`state_schema`, which sets aside what a check of the target refuses.  A row that only the target itself refuses "
                                 "(a unique or foreign key, a trigger) is found at the end and set aside in that transaction, its raw form made from "
                                 "what was staged."),
    [OPT_COMMIT_SQL] =
        OPTION("commit_sql", ETL_T_LIST, .example = "[ \"INSERT INTO users SELECT * FROM $${staging.identities} ON CONFLICT DO NOTHING\" ]",
               .doc = "Statements that bring the staged rows of a run to where they belong, instead of what `mode` would do, in the one "
                      "transaction at the end of the run (implies commit = \"run\").  ${staging.NAME} is the staging table of the stream NAME, "
                      "or of the one whose last part that is; in a configuration file it is written $${staging.NAME}.  A row that such a statement fails on "
                      "is not set aside: it stops the run, whose error names the row as the server does, and nothing is published."),
    [OPT_STAGING_DEFINITION] =
        OPTION("staging_definition", ETL_T_STRING, .flags = ETL_OPT_ADVANCED, .example = "LIKE app.users INCLUDING DEFAULTS, seq bigserial",
               .doc = "With commit = \"run\": what stands between the brackets of CREATE TABLE for a staging table.  Without it, it has the "
                      "columns of the rows, with the types and constraints of the target."),
    [OPT_PRE_SQL] = OPTION("pre_sql", ETL_T_LIST, .example = "[ \"SELECT partman.run_maintenance()\" ]",
                           .doc = "Statements to run before the first row of a run."),
    [OPT_POST_SQL] = OPTION("post_sql", ETL_T_LIST, .example = "[ \"ANALYZE public.login_analytics\" ]",
                            .doc = "Statements to run after a run in which every lane succeeded."),
    [OPT_STATE_SCHEMA] = OPTION("state_schema", ETL_T_STRING, .flags = ETL_OPT_ADVANCED, .dflt = "etl",
                                .doc = "Schema of the tables that tell where pipelines stand; the same in all pipelines of a target."),
    [OPT_CONNECT_RETRIES] = OPTION("connect_retries", ETL_T_INT, .flags = ETL_OPT_CONNECTION, .dflt = "3", .min = 0, .max = 1000,
                                   .doc = "Further attempts when the server cannot be reached."),
    [OPT_CONNECT_RETRY_DELAY] =
        OPTION("connect_retry_delay", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "1s", .min = 0, .max = 3600 * SECOND,
               .doc = "Wait between these attempts."),
    [OPT_STATEMENT_TIMEOUT] = OPTION("statement_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "0s", .min = 0, .max = 86400 * SECOND,
                                     .doc = "How long the server may work on one statement; 0: as long as it likes."),
    [OPT_LOCK_TIMEOUT] = OPTION("lock_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "0s", .min = 0, .max = 86400 * SECOND,
                                .doc = "How long a statement may wait for a lock; 0: as long as it takes."),
    [OPTIONS_N] = NULL,
};
