/* The options of the connector: the one table from which the host parses, checks and documents them.  settings.c reads them by the
 * indexes in options.h. */
#include "options.h"

#include "settings.h"

#define OPTION(name_, type_, ...)                                                                                                  \
  &(const struct etl_option) { .struct_size = sizeof(struct etl_option), .type = type_, .name = name_, __VA_ARGS__ }
#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

static const char *const encryption_choices[] = {"off", "request", "require", NULL};
static const char *const clock_choices[] = {"utc", "local", NULL};
static const char *const null_choices[] = {"warn", "fail", NULL};
static const char *const unit_choices[] = {"us", "ns", NULL};
static const char *const nvarchar_choices[] = {"text", "bytes", NULL};
static const char *const isolation_choices[] = {"read_committed", "read_uncommitted", "repeatable_read",
                                                "snapshot",       "serializable",     NULL};

static const struct etl_option *const shard_options[] = {
    [SHARD_ID] =
        OPTION("id", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "eu1",
               .doc = "Name of the shard, unique; where it stands is remembered under it, so keep it when the server moves."),
    [SHARD_HOST] = OPTION("host", ETL_T_STRING, .doc = "As above, for this shard."),
    [SHARD_PORT] = OPTION("port", ETL_T_INT, .min = 1, .max = 65535, .doc = "As above, for this shard."),
    [SHARD_DATABASE] = OPTION("database", ETL_T_STRING, .doc = "As above, for this shard."),
    [SHARD_USER] = OPTION("user", ETL_T_STRING, .doc = "As above, for this shard."),
    [SHARD_PASSWORD] = OPTION("password", ETL_T_STRING, .flags = ETL_OPT_SECRET, .doc = "As above, for this shard."),
    [SHARD_ENCRYPTION] = OPTION("encryption", ETL_T_ENUM, .choices = encryption_choices, .doc = "As above, for this shard."),
    NULL,
};

const struct etl_option *const sqlserver_options[] = {
    [OPT_HOST] = OPTION("host", ETL_T_STRING, .flags = ETL_OPT_CONNECTION, .example = "db1.example.com",
                        .doc = "Name or address of the server; with `shards`, the default of all shards."),
    [OPT_PORT] = OPTION("port", ETL_T_INT, .flags = ETL_OPT_CONNECTION, .dflt = "1433", .min = 1, .max = 65535, .doc = "TCP port of the server."),
    [OPT_DATABASE] = OPTION("database", ETL_T_STRING, .flags = ETL_OPT_CONNECTION, .example = "app",
                            .doc = "Database to read; without it, the default database of the user."),
    [OPT_USER] =
        OPTION("user", ETL_T_STRING, .flags = ETL_OPT_CONNECTION, .example = "etl",
               .doc = "SQL Server login that reads; it needs SELECT on what it reads."),
    [OPT_PASSWORD] = OPTION("password", ETL_T_STRING, .flags = ETL_OPT_CONNECTION | ETL_OPT_SECRET, .example = "${file:/run/secrets/sqlserver}",
                            .doc = "Password of `user`."),
    [OPT_SHARDS] =
        OPTION("shards", ETL_T_GROUPS, .flags = ETL_OPT_CONNECTION, .members = shard_options,
               .example = "( { id = \"eu1\"; host = \"db1\"; }, { id = \"eu2\"; host = \"db2\"; } )",
               .doc = "The servers that hold the same table, read side by side; what a shard does not say is taken from the "
                      "options above.  Without it the connection itself is the one shard, \"0\"."),
    [OPT_TABLE] =
        OPTION("table", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "dbo.user_logins",
               .doc = "Table or view to read; a part may be quoted as [my schema] or \"my schema\".  One of this, `tables` and `query`."),
    [OPT_TABLES] =
        OPTION("tables", ETL_T_LIST, .flags = ETL_OPT_IDENTITY, .example = "[ \"dbo.*\", \"sales.orders\" ]",
               .doc = "Several tables instead, each a stream of its own; * and ? stand for any characters of a name, and views have to be named "
                      "without them.  The tables are those of the first shard; `cursor` and `where` hold for all of them."),
    [OPT_QUERY] =
        OPTION("query", ETL_T_STRING, .flags = ETL_OPT_IDENTITY,
               .example = "SELECT id, name, changed FROM dbo.v WHERE (@cursor IS NULL OR changed > @cursor) AND changed <= @upper "
                          "ORDER BY changed",
               .doc = "One SELECT to read instead of a table.  With `cursor` it gets the parameters @cursor (where the last run "
                      "stood; NULL in the first one), @cursor_2, @cursor_3 ... for further cursor columns, and @upper (the "
                      "newest value to read; NULL when the cursor does not tell time), and must be ordered by the cursor columns."),
    [OPT_COLUMNS] = OPTION("columns", ETL_T_LIST, .example = "[ \"login_id\", \"login_time\" ]",
                           .doc = "Columns of `table` to read, in this order; without it, all."),
    [OPT_WHERE] = OPTION("where", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "tenant = 7",
                         .doc = "A further condition on the rows of `table`, in T-SQL."),
    [OPT_CURSOR] =
        OPTION("cursor", ETL_T_LIST, .flags = ETL_OPT_IDENTITY, .example = "[ \"login_time\", \"login_id\" ]",
               .doc = "Columns that grow with every new row: a run reads the rows behind the last one of the run before, compared "
                      "as a tuple.  The first is a time, a number or a rowversion; together they should be unique and indexed.  "
                      "Without it every run reads all rows."),
    [OPT_CONSISTENCY_DELAY] =
        OPTION("consistency_delay", ETL_T_DURATION, .dflt = "10s", .min = 0, .max = 7 * 86400 * SECOND,
               .doc = "With a time as first cursor column, rows younger than this wait for the next run, since a "
                      "transaction still open may add rows before them.  A rowversion needs no delay."),
    [OPT_CURSOR_CLOCK] =
        OPTION("cursor_clock", ETL_T_ENUM, .dflt = "utc", .choices = clock_choices,
               .doc = "Whether the first cursor column holds UTC or the server's local time; for the consistency delay.  "
                      "A datetimeoffset needs no answer."),
    [OPT_NULL_CURSOR] =
        OPTION("null_cursor", ETL_T_ENUM, .dflt = "warn", .choices = null_choices,
               .doc = "What a run does when rows have NULL in a cursor column: warn tells how many there are and leaves them "
                      "out, fail fails the shard."),
    [OPT_SHARD_COLUMN] = OPTION("shard_column", ETL_T_STRING, .example = "shard_id",
                                .doc = "Adds a text column of this name with the id of the shard that the row is from."),
    [OPT_DATETIME_UNIT] =
        OPTION("datetime_unit", ETL_T_ENUM, .dflt = "us", .choices = unit_choices,
               .doc = "Unit in which datetime2 and datetimeoffset travel: us cuts the seventh digit; ns keeps it, but "
                      "rejects values before 1677-09-21 and after 2262-04-11."),
    [OPT_NVARCHAR_AS] =
        OPTION("nvarchar_as", ETL_T_ENUM, .flags = ETL_OPT_ADVANCED, .dflt = "bytes", .choices = nvarchar_choices,
               .doc = "How nchar and nvarchar columns of a table travel: bytes asks for their UTF-16 as varbinary and makes UTF-8 of it here, text "
                      "leaves it to FreeTDS, which takes about three times as long.  The values are the same."),
    [OPT_MAX_CELL] =
        OPTION("max_cell", ETL_T_SIZE, .flags = ETL_OPT_ADVANCED, .dflt = "64MiB", .min = 8192, .max = INT64_C(1) << 30,
               .doc = "Largest value of a column; a row with a larger one is rejected, never cut."),
    [OPT_ISOLATION] =
        OPTION("isolation", ETL_T_ENUM, .flags = ETL_OPT_CONNECTION | ETL_OPT_ADVANCED, .dflt = "read_committed", .choices = isolation_choices,
               .doc = "Isolation level of the reading session; read_uncommitted may read rows that are then rolled back."),
    [OPT_LOCK_TIMEOUT] =
        OPTION("lock_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION | ETL_OPT_ADVANCED, .dflt = "30s", .min = 0, .max = 86400 * SECOND,
               .doc = "How long to wait for a lock that a writer holds; 0 waits without a limit of its own."),
    [OPT_ENCRYPTION] =
        OPTION("encryption", ETL_T_ENUM, .flags = ETL_OPT_CONNECTION, .dflt = "request", .choices = encryption_choices,
               .doc = "TLS: off never, request at least for the login if the server has it, require for everything or no "
                      "connection.  The server's certificate is checked only with `ca_file`: without it, require stops those "
                      "who listen, not those who sit in between."),
    [OPT_CA_FILE] =
        OPTION("ca_file", ETL_T_STRING, .flags = ETL_OPT_CONNECTION, .example = "/etc/ssl/certs/ca-certificates.crt",
               .doc = "Absolute path of a PEM file with the authorities to trust, or \"system\"; the server's certificate must "
                      "then be theirs and name the host.  Only together with encryption = \"require\"."),
    [OPT_CONNECT_TIMEOUT] = OPTION("connect_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "10s", .min = SECOND,
                                   .max = 3600 * SECOND, .doc = "How long to wait for the TCP connection, in whole seconds."),
    [OPT_LOGIN_TIMEOUT] = OPTION("login_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "15s", .min = SECOND, .max = 3600 * SECOND,
                                 .doc = "How long connection and login may take together."),
    [OPT_QUERY_TIMEOUT] = OPTION("query_timeout", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "10m", .min = 0, .max = 7 * 86400 * SECOND,
                                 .doc = "How long the server may send nothing at all during a query; 0: for ever."),
    [OPT_CONNECT_RETRIES] = OPTION("connect_retries", ETL_T_INT, .flags = ETL_OPT_CONNECTION, .dflt = "3", .min = 0, .max = 100,
                                   .doc = "How often to try again when the connection fails for a reason that may pass."),
    [OPT_CONNECT_RETRY_DELAY] = OPTION("connect_retry_delay", ETL_T_DURATION, .flags = ETL_OPT_CONNECTION, .dflt = "1s",
                                       .min = 0, .max = 600 * SECOND,
                                       .doc = "Pause before each of these."),
    [OPT_PACKET_SIZE] = OPTION("packet_size", ETL_T_INT, .flags = ETL_OPT_CONNECTION | ETL_OPT_ADVANCED, .dflt = "32767", .min = 4096, .max = 32767,
                               .doc = "Bytes in a packet of the server's protocol; the server may give less."),
    [OPT_APPLICATION_NAME] = OPTION("application_name", ETL_T_STRING, .flags = ETL_OPT_CONNECTION | ETL_OPT_ADVANCED, .dflt = "etl",
                                    .doc = "What the server shows as program_name of the session."),
    NULL,
};
