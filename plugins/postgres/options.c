/* The options of the connector: the one table from which the host parses, checks and documents them. */
#include "settings.h"

#define OPTION(name_, type_, ...)                                                                                                  \
  &(const struct etl_option) { .struct_size = sizeof(struct etl_option), .type = type_, .name = name_, __VA_ARGS__ }
#define SECOND     INT64_C(1000000000)
#define KEYWORD(name_, doc_)  OPTION(name_, ETL_T_STRING, .flags = ETL_OPT_ADVANCED, .doc = doc_)

static const char *const mode_choices[] = {"append", "replace", "merge", "insert_missing", NULL};
static const char *const sslmode_choices[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full", NULL};

static const struct etl_option *const table_options[] = {
    [TABLE_STREAM] = OPTION("stream", ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .example = "identities",
                            .doc = "The stream, by its whole name or the part after the last dot."),
    [TABLE_TABLE] = OPTION("table", ETL_T_STRING, .example = "app.identities", .doc = "Its table; without it as for all."),
    [TABLE_MODE] = OPTION("mode", ETL_T_ENUM, .choices = mode_choices, .doc = "Its mode; without it as for all."),
    [TABLE_KEY] = OPTION("key", ETL_T_LIST, .example = "[ \"id\" ]", .doc = "Its key; without it as for all."),
    [TABLE_NEWEST_BY] = OPTION("newest_by", ETL_T_STRING, .doc = "Its column newest_by; without it as for all."),
    [TABLE_OPTIONS_N] = NULL,
};

const struct etl_option *const postgres_options[] = {
    [OPT_URL] = OPTION("url", ETL_T_URL, .flags = ETL_OPT_SECRET, .example = "postgresql://etl@db1/analytics?sslmode=verify-full",
                       .doc = "A connection URL of libpq; the options below go before what it says."),
    [OPT_HOST] = OPTION("host", ETL_T_STRING, .example = "db1.example.com",
                        .doc = "Name or address of the server, or the folder of its Unix socket; several with commas."),
    [OPT_HOSTADDR] = KEYWORD("hostaddr", "Numeric address of the server, so that `host` need not be looked up."),
    [OPT_PORT] = OPTION("port", ETL_T_INT, .example = "5432", .min = 1, .max = 65535, .doc = "Port of the server."),
    [OPT_DATABASE] = OPTION("database", ETL_T_STRING, .example = "analytics", .doc = "Database that holds the target."),
    [OPT_USER] = OPTION("user", ETL_T_STRING, .example = "etl", .doc = "Role that writes."),
    [OPT_PASSWORD] = OPTION("password", ETL_T_STRING, .flags = ETL_OPT_SECRET, .example = "${file:/run/secrets/postgres}",
                            .doc = "Password of `user`; without it ~/.pgpass is looked at."),
    [OPT_PASSFILE] = OPTION("passfile", ETL_T_PATH, .flags = ETL_OPT_ADVANCED, .doc = "File with passwords instead of ~/.pgpass."),
    [OPT_REQUIREPEER] = KEYWORD("requirepeer", "Name of the system user that the server must run as, on a Unix socket."),
    [OPT_CHANNEL_BINDING] = KEYWORD("channel_binding", "require, prefer or disable channel binding."),
    [OPT_CONNECT_TIMEOUT] = OPTION("connect_timeout", ETL_T_DURATION, .dflt = "10s", .min = SECOND, .max = 3600 * SECOND,
                                   .doc = "How long one attempt to connect may take."),
    [OPT_APPLICATION_NAME] = KEYWORD("application_name", "What pg_stat_activity shows; without it, etl and the pipeline's name."),
    [OPT_OPTIONS] = OPTION("options", ETL_T_STRING, .flags = ETL_OPT_ADVANCED, .example = "-c search_path=etl",
                           .doc = "Settings for the server at the start of the session."),
    [OPT_KEEPALIVES] = KEYWORD("keepalives", "0 switches TCP keepalives off."),
    [OPT_KEEPALIVES_IDLE] = OPTION("keepalives_idle", ETL_T_INT, .flags = ETL_OPT_ADVANCED, .dflt = "30", .min = 0, .max = 86400,
                                   .doc = "Seconds without traffic before a keepalive is sent."),
    [OPT_KEEPALIVES_INTERVAL] = OPTION("keepalives_interval", ETL_T_INT, .flags = ETL_OPT_ADVANCED, .dflt = "10", .min = 0, .max = 86400,
                                       .doc = "Seconds between keepalives that are not answered."),
    [OPT_KEEPALIVES_COUNT] = OPTION("keepalives_count", ETL_T_INT, .flags = ETL_OPT_ADVANCED, .dflt = "3", .min = 0, .max = 1000,
                                    .doc = "Keepalives that may be lost before the connection counts as dead."),
    [OPT_TCP_USER_TIMEOUT] = OPTION("tcp_user_timeout", ETL_T_INT, .flags = ETL_OPT_ADVANCED, .dflt = "60000", .min = 0,
                                    .max = 86400000, .doc = "Milliseconds that sent data may stay unacknowledged; 0: the system's."),
    [OPT_SSLMODE] = OPTION("sslmode", ETL_T_ENUM, .choices = sslmode_choices,
                           .doc = "How much TLS there must be; verify-full also checks the server's name."),
    [OPT_SSLCOMPRESSION] = KEYWORD("sslcompression", "1 compresses data sent over TLS."),
    [OPT_SSLCERT] = OPTION("sslcert", ETL_T_PATH, .flags = ETL_OPT_ADVANCED, .doc = "File of the client's certificate."),
    [OPT_SSLKEY] = OPTION("sslkey", ETL_T_PATH, .flags = ETL_OPT_ADVANCED, .doc = "File of the client certificate's key."),
    [OPT_SSLPASSWORD] = OPTION("sslpassword", ETL_T_STRING, .flags = ETL_OPT_SECRET | ETL_OPT_ADVANCED, .doc = "Password of `sslkey`."),
    [OPT_SSLROOTCERT] = OPTION("sslrootcert", ETL_T_PATH, .doc = "File of the authorities that may sign the server's certificate."),
    [OPT_SSLCRL] = OPTION("sslcrl", ETL_T_PATH, .flags = ETL_OPT_ADVANCED, .doc = "File of revoked certificates."),
    [OPT_SSLCRLDIR] = OPTION("sslcrldir", ETL_T_PATH, .flags = ETL_OPT_ADVANCED, .doc = "Folder of revoked certificates."),
    [OPT_SSLSNI] = KEYWORD("sslsni", "0 does not tell the server's name when TLS begins."),
    [OPT_SSL_MIN_PROTOCOL_VERSION] = KEYWORD("ssl_min_protocol_version", "Oldest TLS to accept: TLSv1.2, TLSv1.3."),
    [OPT_SSL_MAX_PROTOCOL_VERSION] = KEYWORD("ssl_max_protocol_version", "Newest TLS to accept."),
    [OPT_GSSENCMODE] = KEYWORD("gssencmode", "disable, prefer or require GSSAPI encryption."),
    [OPT_KRBSRVNAME] = KEYWORD("krbsrvname", "Kerberos service name of the server."),
    [OPT_GSSLIB] = KEYWORD("gsslib", "GSSAPI library to use."),
    [OPT_SERVICE] = KEYWORD("service", "Name of a service in pg_service.conf."),
    [OPT_TARGET_SESSION_ATTRS] = OPTION("target_session_attrs", ETL_T_STRING, .flags = ETL_OPT_ADVANCED, .dflt = "read-write",
                                        .doc = "Which of several servers to take: any, read-write, primary ..."),
    [OPT_TABLE] = OPTION("table", ETL_T_STRING, .flags = ETL_OPT_IDENTITY, .example = "public.login_analytics",
                         .doc = "Table to load, with its schema or in public; a part may be quoted as \"My Schema\".  For several streams: "
                                "{stream_schema} and {stream_table} stand for the parts of the stream's name before and after its last dot, "
                                "{stream} for the whole of it."),
    [OPT_TABLES] = OPTION("tables", ETL_T_GROUPS, .flags = ETL_OPT_IDENTITY, .members = table_options,
                          .example = "( { stream = \"identities\"; table = \"app.identities\"; key = [ \"id\" ]; } )",
                          .doc = "Tables of single streams, where `table` and the settings beside it do not hold for all."),
    [OPT_MODE] = OPTION("mode", ETL_T_ENUM, .dflt = "append", .choices = mode_choices,
                        .doc = "append adds rows; merge inserts or updates by `key`; insert_missing inserts rows whose key is not there and "
                               "leaves the others alone; replace builds the table anew and swaps it at the end of the run."),
    [OPT_KEY] = OPTION("key", ETL_T_LIST, .example = "[ \"shard_id\", \"login_id\" ]",
                       .doc = "Columns that identify a row; needed for merge.  A table made by etl gets them as its primary key."),
    [OPT_NEWEST_BY] = OPTION("newest_by", ETL_T_STRING, .example = "changed_at",
                             .doc = "Column that tells which of two rows with one key is newer, in a merge; the greater one wins, NULL "
                                    "is smallest.  Without it the row read last wins."),
    [OPT_CREATE] = OPTION("create", ETL_T_BOOL, .dflt = "true", .doc = "Make the table, and its schema, when they are not there."),
    [OPT_PRE_SQL] = OPTION("pre_sql", ETL_T_LIST, .example = "[ \"SELECT partman.run_maintenance()\" ]",
                           .doc = "Statements to run before the first row of a run."),
    [OPT_POST_SQL] = OPTION("post_sql", ETL_T_LIST, .example = "[ \"ANALYZE public.login_analytics\" ]",
                            .doc = "Statements to run after a run in which every lane succeeded."),
    [OPT_STATE_SCHEMA] = OPTION("state_schema", ETL_T_STRING, .flags = ETL_OPT_ADVANCED, .dflt = "etl",
                                .doc = "Schema of the tables that tell where pipelines stand; the same in all pipelines of a target."),
    [OPT_CONNECT_RETRIES] = OPTION("connect_retries", ETL_T_INT, .dflt = "3", .min = 0, .max = 1000,
                                   .doc = "Further attempts when the server cannot be reached."),
    [OPT_CONNECT_RETRY_DELAY] =
        OPTION("connect_retry_delay", ETL_T_DURATION, .dflt = "1s", .min = 0, .max = 3600 * SECOND, .doc = "Wait between these attempts."),
    [OPT_STATEMENT_TIMEOUT] = OPTION("statement_timeout", ETL_T_DURATION, .dflt = "0s", .min = 0, .max = 86400 * SECOND,
                                     .doc = "How long the server may work on one statement; 0: as long as it likes."),
    [OPT_LOCK_TIMEOUT] = OPTION("lock_timeout", ETL_T_DURATION, .dflt = "0s", .min = 0, .max = 86400 * SECOND,
                                .doc = "How long a statement may wait for a lock; 0: as long as it takes."),
    [OPTIONS_N] = NULL,
};
