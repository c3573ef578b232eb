/* Every setting of the host: one row each.  Documentation is made from these rows too, so `doc` speaks to the user. */
#include "conf/tables.h"

#include <string.h>

#include "base/units.h"
#include "conf/notify_check.h"
#include "conf/state.h"

enum {
  DAY_S = 86400
};
#define KIB 1024ll
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* In the order of enum conf_catch_up and enum conf_on. */
static const char *const catch_ups[] = {"none", "latest", "all", NULL};
static const char *const ons[] = {"success", "any", NULL};

static int check_word(const char *what, const char *text, const char *const *words, struct err *e) {
  for (const char *const *w = words; *w; w++)
    if (strcmp(text, *w) == 0)
      return 0;
  const char *near = diag_nearest(text, words);
  return err_set(e, ETL_E_CONFIG, "\"%s\" is no %s; write \"%s\"", text, what, near ? near : words[0]);
}

static int check_log_format(const char *text, struct err *e) {
  return check_word("format of a log", text, (const char *const[]){"text", "json", NULL}, e);
}

static int check_log_level(const char *text, struct err *e) {
  return check_word("level of a log", text, (const char *const[]){"info", "debug", "warning", "error", NULL}, e);
}

#define AT(field_) offsetof(struct main_settings, serve.field_)
static const struct conf_key serve_keys[] = {
    {"host", WANT_STRING, AT(host),
     .doc = "The name of this host among those that share the state store; without it the machine's."},
    {"max_running", WANT_INT, AT(max_running), .dflt = "0", .min = 0, .max = 10000,
     .doc = "So many runs at the same time; 0: as many as there are processors.  The others wait in the queue."},
    {"lease", WANT_DURATION, AT(lease_ns), .dflt = "30s", .min = NS_PER_SEC, .max = DAY_S * NS_PER_SEC,
     .doc = "A host that is not heard of for so long has lost its runs to the others.  One that cannot reach the store for so long stops them."},
    {"stop_timeout", WANT_DURATION, AT(stop_timeout_ns), .dflt = "5m", .min = 0, .max = DAY_S * NS_PER_SEC,
     .doc = "When the host is told to end: how long runs may take to reach their next commit before they are stopped at once."},
    {"worker_memory", WANT_SIZE, AT(worker_memory_bytes), .dflt = "0", .min = 0, .max = 1024 * GIB,
     .doc = "A run whose process takes more memory than this is ended; 0: no limit.  What a run holds of rows, `memory` of its pipeline limits.  "
            "A process that asks for more than twice this and 1GiB at once does not get it."},
    {"worker_files", WANT_INT, AT(worker_files), .dflt = "4096", .min = 64, .max = 1 << 20,
     .doc = "So many files and connections the process of a run may have open at the same time."},
    {"worker_cpu_time", WANT_DURATION, AT(worker_cpu_ns), .dflt = "0", .min = 0, .max = 366 * DAY_S * NS_PER_SEC,
     .doc = "A run whose process takes more time of processors than this is ended; 0: no limit.  Part of a second counts as one."},
    {"worker_cores", WANT_BOOL, AT(worker_cores), .dflt = "false",
     .doc = "Whether the process of a run that crashes may leave a core file, for its connector's author.  It has rows and secrets in it."},
    {"log_file", WANT_STRING, AT(log_file), .doc = "Where the log goes; starts at the folder of etl.conf.  Without it: to stderr."},
    {"log_format", WANT_STRING, AT(log_format), .dflt = "text", .check = check_log_format, .doc = "Lines of text, or json: an object a line."},
    {"log_level", WANT_STRING, AT(log_level), .dflt = "info", .check = check_log_level, .doc = "One of debug, info, warning, error: records below it are left out."},
    {"control_socket", WANT_STRING, AT(control_socket),
     .doc = "Where `etl status`, `etl start` and the like find the host; starts at the folder of etl.conf.  Without it: beside the state store's file, with .sock "
            "behind its name; for a store on a server NAME.sock in /run/etl, of the host's name."},
    {"control_group", WANT_STRING, AT(control_group),
     .doc = "Members of this group may ask the host and tell it what to do.  Without it: those of the group that the host runs as."},
    {"history_age", WANT_DURATION, AT(history_age_ns), .dflt = "30d", .min = 0, .max = 3650ll * DAY_S * NS_PER_SEC,
     .doc = "Runs and events are forgotten after so long; 0: never.  A pipeline's last run is kept."},
    {"history_count", WANT_INT, AT(history_count), .dflt = "100000", .min = 0, .max = 1000000000,
     .doc = "So many runs are remembered, the newest ones; 0: any number."},
    {0}};
#undef AT

#define AT(field_) offsetof(struct main_settings, field_)
const struct conf_key main_keys[] = {
    {"plugin_dirs", WANT_LIST, AT(plugin_dirs),
     .doc =
         "Folders to look for connectors in; of two with the same name the first one's counts.  Without it: the installed folder.  "
         "Those of the environment variable ETL_PLUGIN_PATH (split by colons) come before them."},
    {"pipeline_dir", WANT_STRING, AT(pipeline_dir), .dflt = "pipelines.d",
     .doc = "Folder of the pipelines, one file NAME.conf each; starts at the folder of etl.conf."},
    {"cache_dir", WANT_STRING, AT(cache_dir),
     .doc = "Where copies of connectors are kept, from which they are loaded.  Without it: etl in $XDG_CACHE_HOME or ~/.cache, and "
            "/var/cache/etl for root."},
    {"quarantine_dir", WANT_STRING, AT(quarantine_dir), .dflt = "quarantine",
     .doc = "Where rows that were set aside are kept when the loader cannot keep them beside the others; a folder for each pipeline, "
            "a file for each epoch; starts at the folder of etl.conf."},
    {"state", WANT_STRING, AT(state), .dflt = "sqlite:///var/lib/etl/etl.db", .check = state_check,
     .doc = "Address of the state store of the long-running host; `etl run` needs none."},
    {"serve", WANT_GROUP, .members = serve_keys, .doc = "The long-running host, `etl serve`."},
    {"connections", WANT_GROUP, AT(connections),
     .doc = "Settings that pipelines share, by name; see the settings of a connection."},
    {"notify", WANT_GROUPS, AT(notify),
     .doc = "Whom the long-running host tells what happened: notify = ( { kind = \"mail\"; ... }, ... ); `etl notify test` tries them."},
    {0}};
#undef AT

#define AT(field_) offsetof(struct notify_settings, field_)
const struct conf_key notify_keys[] = {
    {"kind", WANT_STRING, AT(t.kind), .check = notify_check_kind, .required = true, .doc = "How: \"mail\", \"webhook\" or \"command\"."},
    {"name", WANT_STRING, AT(t.name), .check = notify_check_name,
     .doc = "What it is called in the log and by `etl notify test`.  Without it: the kind, and from the second one on with a number."},
    {"on", WANT_LIST, AT(on),
     .doc = "What is told: \"failure\", \"partial\", \"recovery\" (the first good run after those), \"breaker\", \"missed\", \"host\" (the host's own "
            "troubles), or \"all\".  Without it: all."},
    {"pipelines", WANT_LIST, AT(pipelines), .doc = "Of which pipelines; * stands for any letters, ? for one.  Without it: of all."},
    {"max_messages", WANT_INT, AT(t.max_messages), .dflt = "10", .min = 0, .max = 1000000,
     .doc = "So many messages in a period; what comes then is held back and told in one message at its end.  0: always only that one."},
    {"period", WANT_DURATION, AT(t.period_ns), .dflt = "1h", .min = NS_PER_SEC, .max = 30ll * DAY_S * NS_PER_SEC,
     .doc = "The period; it begins with a message."},
    {"timeout", WANT_DURATION, AT(t.timeout_ns), .dflt = "30s", .min = NS_PER_SEC, .max = 3600 * NS_PER_SEC,
     .doc = "A delivery that takes longer is given up, and tried again."},
    {"retries", WANT_INT, AT(t.retries), .dflt = "5", .min = 0, .max = 1000,
     .doc = "How often a delivery that failed for a passing reason is tried again."},
    {"retry_delay", WANT_DURATION, AT(t.retry_delay_ns), .dflt = "10s", .min = 10 * NS_PER_MS, .max = DAY_S * NS_PER_SEC,
     .doc = "Pause before the first of these; each further one is twice as long, up to an hour."},
    {"log_lines", WANT_INT, AT(t.log_lines), .dflt = "20", .min = 0, .max = 30,
     .doc = "The last warnings and errors of the run, and what its failed lanes say, to put into a message."},
    {0}};
#define CA_FILE                                                                                                                    \
  { "ca_file", WANT_STRING, AT(t.ca_file), .doc = "Certificates to trust, as PEM; starts at the folder of etl.conf.  Without it: the system's." }
const struct conf_key notify_mail_keys[] = {
    {"server", WANT_STRING, AT(t.server), .check = notify_check_server, .required = true,
     .doc = "Address: smtp://HOST[:PORT], where TLS begins by STARTTLS, or smtps://HOST[:PORT], where it is there from the start."},
    {"tls", WANT_STRING, AT(tls), .dflt = "required", .check = notify_check_tls,
     .doc = "STARTTLS: \"required\", \"if_offered\", or \"none\"."},
    CA_FILE,
    {"user", WANT_STRING, AT(t.user), .doc = "To log in with; without it there is no login."},
    {"password", WANT_STRING, AT(t.password), .secret = true, .doc = "Best from a file: \"${file:/run/secrets/smtp}\"."},
    {"from", WANT_STRING, AT(t.from), .check = notify_check_address, .required = true, .doc = "Who sends it: \"etl@example.com\", or \"ETL <etl@example.com>\"."},
    {"to", WANT_LIST, AT(to), .required = true, .doc = "Who gets it: [ \"ops@example.com\", ... ]."},
    {0}};
const struct conf_key notify_webhook_keys[] = {
    {"url", WANT_STRING, AT(t.url), .check = notify_check_url, .required = true, .secret = true,
     .doc = "Address, http:// or https://; JSON is sent there with POST.  It is not shown beyond its host, since it may be a secret."},
    {"secret", WANT_STRING, AT(t.secret), .secret = true,
     .doc = "Signs what is sent: X-Etl-Signature: t=SECONDS,v1=HMAC-SHA256 of \"SECONDS.BODY\" in hexadecimal.  Best from a file."},
    {"headers", WANT_LIST, AT(headers), .secret = true, .doc = "More headers: [ \"Authorization: Bearer ${file:/run/secrets/token}\", ... ]."},
    CA_FILE,
    {0}};
const struct conf_key notify_command_keys[] = {
    {"command", WANT_LIST, AT(command), .required = true,
     .doc = "Program and arguments: [ \"/usr/local/bin/page\", \"ops\" ].  There is no shell; JSON comes on its standard input, and ETL_EVENT, "
            "ETL_PIPELINE, ETL_RUN, ETL_SUBJECT and others in its environment.  Status 75 asks for another try."},
    {0}};
#undef CA_FILE
#undef AT

const struct conf_key connection_keys[] = {{"plugin", WANT_STRING, offsetof(struct stage_settings, plugin),
                                            .doc = "The connector that this connection is for.  All other settings are options of "
                                                   "that connector; see `etl plugin info NAME`."},
                                           {"max_running", WANT_INT, offsetof(struct stage_settings, max_running), .dflt = "0", .min = 0,
                                            .max = 10000,
                                            .doc = "So many runs of the long-running hosts may use it at the same time; 0: any number."},
                                           {0}};

const struct conf_key stage_keys[] = {
    {"plugin", WANT_STRING, offsetof(struct stage_settings, plugin),
     .doc = "The connector; not needed where a connection names it.  All other settings are options of that connector; see "
            "`etl plugin info NAME`."},
    {"connection", WANT_STRING, offsetof(struct stage_settings, connection),
     .doc = "A connection of etl.conf; its settings hold here too, unless they are given again."},
    {"streams", WANT_LIST, offsetof(struct stage_settings, streams),
     .doc = "Of a transformer, where one before it gives several streams: the streams that it is for; without it all."},
    {0}};

#define AT(field_) offsetof(struct pipeline_settings, p.field_)
static const struct conf_key epoch_keys[] = {
    {"rows", WANT_INT, AT(epoch_rows), .dflt = "200000", .min = 1, .max = 1000000000, .doc = "Commit after this many rows."},
    {"bytes", WANT_SIZE, AT(epoch_bytes), .dflt = "64MiB", .min = 64 * KIB, .max = 64 * GIB, .doc = "Commit after this much data."},
    {"time", WANT_DURATION, AT(epoch_time_ns), .dflt = "10s", .min = 10 * NS_PER_MS, .max = DAY_S * NS_PER_SEC,
     .doc = "Commit what is there after this time."},
    {0}};
static const struct conf_key batch_keys[] = {
    {"rows", WANT_INT, AT(batch_rows), .dflt = "8192", .min = 1, .max = 1000000, .doc = "Rows that are handed on together."},
    {"bytes", WANT_SIZE, AT(batch_bytes), .dflt = "1MiB", .min = 4 * KIB, .max = 1 * GIB,
     .doc = "Data that is handed on together; a row larger than that goes alone."},
    {0}};
static const struct conf_key retry_keys[] = {{"max_retries", WANT_INT, AT(retry.max_retries), .dflt = "3", .min = 0, .max = 1000000,
                                              .doc = "How often a lane that failed for a passing reason is tried again; 0: never."},
                                             {"retry_delay", WANT_DURATION, AT(retry.retry_delay_ns), .dflt = "5s", .min = 0,
                                              .max = DAY_S * NS_PER_SEC, .doc = "Pause before the first retry."},
                                             {"max_retry_delay", WANT_DURATION, AT(retry.max_retry_delay_ns), .dflt = "15m",
                                              .min = 0, .max = 30ll * DAY_S * NS_PER_SEC, .doc = "The longest pause."},
                                             {"exponential_backoff", WANT_BOOL, AT(retry.exponential_backoff), .dflt = "true",
                                              .doc = "Each pause is twice as long as the one before it."},
                                             {"retry_timeout", WANT_DURATION, AT(retry.retry_timeout_ns), .dflt = "1h", .min = 0,
                                              .max = 365ll * DAY_S * NS_PER_SEC,
                                              .doc = "No retry begins later than this after the first failure; 0: no limit."},
                                             {"jitter", WANT_DURATION, AT(retry.jitter_ns), .dflt = "0", .min = 0,
                                              .max = DAY_S * NS_PER_SEC,
                                              .doc = "Each pause is longer by chance, by less than this, so that many do not come back at once."},
                                             {0}};
static const struct conf_key quarantine_keys[] = {
    {"max_rows", WANT_INT, AT(quarantine.max_rows), .dflt = "1000", .min = 0, .max = 1000000,
     .doc = "So many rows of a run may be set aside, one more stops it; 0: the first row that cannot be taken stops its lane."},
    {"max_percent", WANT_INT, AT(quarantine.max_percent), .dflt = "10", .min = 0, .max = 100,
     .doc = "A lane stops when more than this part of its rows was set aside, once it has read 100."},
    {0}};
static const struct conf_key capture_keys[] = {
    {"raw", WANT_BOOL, AT(capture.raw), .dflt = "false", .doc = "Keep each row as the source gave it, as JSON."},
    {"transformed", WANT_BOOL, AT(capture.transformed), .dflt = "false",
     .doc = "Keep each row as it was loaded, as JSON, and what became of those that were not: valid, quarantined or filtered."},
    {"raw_table", WANT_STRING, AT(capture.raw_table),
     .doc = "The table for rows as they came; without it raw_data, beside the tables of the loader's own."},
    {"transformed_table", WANT_STRING, AT(capture.transformed_table),
     .doc = "The table for rows as they were loaded; without it transformed_data, likewise."},
    {"keep", WANT_DURATION, AT(capture.keep_ns), .dflt = "30d", .min = 0, .max = 3650ll * DAY_S * NS_PER_SEC,
     .doc = "At the end of a run, older ones of the pipeline are deleted; 0: never."},
    {0}};
static const struct conf_key breaker_keys[] = {
    {"threshold", WANT_INT, AT(breaker.threshold), .dflt = "0", .min = 0, .max = 1000000,
     .doc = "The long-running host pauses the pipeline after so many failed runs in a row; 0: it never does."},
    {"cooldown", WANT_DURATION, AT(breaker.cooldown_ns), .dflt = "5m", .min = NS_PER_SEC, .max = 30ll * DAY_S * NS_PER_SEC,
     .doc = "How long that pause is before one run is tried."},
    {0}};

static const struct conf_key limits_keys[] = {
    {"sessions", WANT_INT, AT(limits.sessions), .dflt = "0", .min = 0, .max = 10000,
     .doc = "So many readers at a shard at the same time; 0: no limit.  The others wait."},
    {"rows_per_second", WANT_INT, AT(limits.rows_per_second), .dflt = "0", .min = 0, .max = INT64_C(1) << 40,
     .doc = "Rows that are read from a shard in a second, on average; 0: no limit."},
    {"bytes_per_second", WANT_SIZE, AT(limits.bytes_per_second), .dflt = "0", .min = 0, .max = 1024 * GIB,
     .doc = "The same in data as it lies in memory."},
    {0}};
const struct conf_key extract_keys[] = {
    {"parallelism", WANT_INT, AT(parallelism), .dflt = "1", .min = 1, .max = 64,
     .doc = "The first time a shard is read: in so many pieces side by side, as far as the extractor can cut it."},
    {"limits", WANT_GROUP, .members = limits_keys, .doc = "What a shard may be asked for, over all its pieces and streams together."},
    {0}};

const struct conf_key pipeline_keys[] = {
    {"description", WANT_STRING, AT(description), .dflt = "", .doc = "What the pipeline is for, in a line."},
    {"schedule", WANT_STRING, AT(schedule),
     .doc = "When the long-running host starts it: five fields as in cron (minute hour day month weekday; L is the last day of the month, 5L "
            "its last Friday), @hourly, @daily, @weekly, @monthly, @yearly, @reboot (when the host starts), or every 5m.  Without it: only when "
            "asked, or after others."},
    {"timezone", WANT_STRING, AT(timezone), .dflt = "UTC",
     .doc = "Time zone of the schedule.  A time that clocks skip is made up for by one run right after the gap; one that comes twice runs the "
            "first time only, unless the schedule is for every hour.  What runs every 5m does not look at clocks."},
    {"start_at", WANT_STRING, offsetof(struct pipeline_settings, start_at),
     .doc = "Nothing is due before: a date or a time of the zone (2026-03-01, 2026-03-01 06:00), or one with its own (2026-03-01T06:00:00Z).  What "
            "runs every 5m counts from here, or else from 1970."},
    {"end_at", WANT_STRING, offsetof(struct pipeline_settings, end_at), .doc = "Nothing is due at this time and after it."},
    {"jitter", WANT_DURATION, AT(jitter_ns), .dflt = "0", .min = 0, .max = DAY_S * NS_PER_SEC,
     .doc = "Each run starts later than it is due, by less than this, so that many do not start at once: by how much, name and time decide."},
    {"catch_up", WANT_STRING, AT(catch_up), .dflt = "latest", .choices = catch_ups,
     .doc = "What becomes of times that passed while the host was down: none is run, the latest, or all, one after the other."},
    {"after", WANT_LIST, offsetof(struct pipeline_settings, after),
     .doc = "Pipelines that come before: when all have run for a due time, this one runs for it. ${upstream.NAME.status} and ${upstream.NAME.rows_written} are what they came to."},
    {"on", WANT_STRING, AT(on), .dflt = "success", .choices = ons,
     .doc = "What those have to come to: success, else the run is skipped, or any outcome."},
    {"interval", WANT_BOOL, AT(interval), .dflt = "false",
     .doc = "Each run reads a window of time, from the end of the one before to its own due time; windows that were missed are made up for."},
    {"priority", WANT_INT, AT(priority), .dflt = "0", .min = -1000000, .max = 1000000,
     .doc = "Of runs that wait, those with the higher number start first, then those that were due first."},
    {"enabled", WANT_BOOL, AT(enabled), .dflt = "true", .doc = "Whether the host starts it by itself; if not, it can be asked to."},
    {"run_timeout", WANT_DURATION, AT(run_timeout_ns), .dflt = "0", .min = 0, .max = 365ll * DAY_S * NS_PER_SEC,
     .doc = "A run of the host that takes longer is ended; 0: never."},
    {"extract", WANT_GROUP, offsetof(struct pipeline_settings, extract), .required = true,
     .doc = "Where rows come from: extract = { connection = \"...\"; ... };"},
    {"transforms", WANT_GROUPS, offsetof(struct pipeline_settings, transforms),
     .doc = "What happens to rows on the way, in this order: transforms = ( { plugin = \"...\"; ... }, ... );"},
    {"load", WANT_GROUP, offsetof(struct pipeline_settings, load), .required = true,
     .doc = "Where rows go: load = { connection = \"...\"; ... };"},
    {"epoch", WANT_GROUP, .members = epoch_keys, .doc = "When rows are committed: at the first limit that is reached."},
    {"batch", WANT_GROUP, .members = batch_keys, .doc = "How rows are handed from stage to stage."},
    {"memory", WANT_SIZE, AT(memory_bytes), .dflt = "256MiB", .min = 4 * MIB, .max = 1024 * GIB,
     .doc = "Limit on the rows that a run holds in memory."},
    {"stall_timeout", WANT_DURATION, AT(stall_timeout_ns), .dflt = "15m", .min = 0, .max = 30ll * DAY_S * NS_PER_SEC,
     .doc = "A connector that does not return from a call for so long is taken for hung, and the run ends; 0: never."},
    {"error_handling", WANT_GROUP, .members = retry_keys, .doc = "What happens when a lane fails for a passing reason."},
    {"quarantine", WANT_GROUP, .members = quarantine_keys,
     .doc = "What happens to a row that cannot be read, converted or stored: it is set aside, with the reason, and the others go on."},
    {"capture", WANT_GROUP, .members = capture_keys,
     .doc = "Whether rows are kept beside the target, in the sink, as they came and as they were loaded."},
    {"circuit_breaker", WANT_GROUP, .members = breaker_keys, .doc = "What happens when the pipeline fails again and again."},
    {0}};
#undef AT

const struct conf_table conf_tables[] = {{"etl.conf", main_keys},
                                         {"a connection (connections = { NAME = { ... }; };)", connection_keys},
                                         {"a pipeline (pipelines.d/NAME.conf)", pipeline_keys},
                                         {"a stage (extract, load, each of transforms)", stage_keys},
                                         {"extract, besides", extract_keys},
                                         {"a target of notify (notify = ( { ... }, ... ))", notify_keys},
                                         {"a target of kind \"mail\", besides", notify_mail_keys},
                                         {"a target of kind \"webhook\", besides", notify_webhook_keys},
                                         {"a target of kind \"command\", besides", notify_command_keys},
                                         {0}};
