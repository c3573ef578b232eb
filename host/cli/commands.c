/* The table of commands.  Whatever a user can type is a row here. */
#include "cli/built.h"
#include "cli/cli.h"

#define OUTPUT_JSON                                                                                                                \
  { 'o', "output", "text|json", .doc = "How to print it; text is the default." }

const struct cli_option cli_globals[] = {
    {'c', "conf", "FILE", .doc = "The configuration; without it $ETL_CONF, ./conf/etl.conf, ./etl.conf, or the installed one."},
    {'h', "help", .doc = "Show help, also of a command: etl COMMAND --help."},
    {'V', "version", .doc = "Show the version."},
    {0}};

static const struct cli_option no_options[] = {{0}};
static const struct cli_option check_options[] = {{0, "pipeline", "NAME", .doc = "Only this pipeline; the others are not read."},
                                                  {0}};
static const struct cli_option list_options[] = {OUTPUT_JSON, {0}};
static const struct cli_option info_options[] = {
    {0, "kind", "extractor|transformer|loader", .doc = "Only the connector of this kind."}, OUTPUT_JSON, {0}};
static const struct cli_option new_plugin_options[] = {
    {0, "kind", "extractor|transformer|loader", .doc = "What it is to be."},
    {0, "dir", "DIR", .doc = "The folder; without it one of the connector's name, here."},
    {0}};
static const struct cli_option check_plugin_options[] = {
    {0, "option", "NAME=VALUE", .many = true, .doc = "An option of the connector, as a pipeline would have it; may be given again."},
    {0, "config", "FILE", .doc = "A file with options, in the language of etl.conf: name = value;"},
    {0, "column", "NAME[=FORMAT]", .many = true,
     .doc = "Rows for a transformer or loader have this column, of an Arrow format, text without one; may be given again."},
    {0, "seed", "N", .number = true, .doc = "Repeat a check: rows and moments are made from this number."},
    {0, "kind", "extractor|transformer|loader", .doc = "Only the connector of this kind."},
    {0, "only", "CASE", .many = true, .doc = "Only this case; may be given again."},
    {0}};
#ifdef CLI_HAS_RUN
static const struct cli_option run_options[] = {
    {0, "shard", "ID", .many = true, .doc = "Only this shard; may be given again."},
    {0, "full-refresh", .doc = "Read everything again and replace the target when all is read."},
    {0, "keep-staging", .doc = "When the run fails, leave its staging tables to be looked at; the next run removes them."},
    {0, "limit", "N", .number = true, .doc = "Stop each lane at the first safe point after N rows."},
    {0, "range", "FROM,TO",
     .doc = "Read the rows from FROM up to, and without, TO of the first cursor column again; the pipeline's own position stays.  Either "
            "may be left empty.  Interrupted, the same range goes on; so it does after a run, which ends a backfill under way."},
    {0, "window", "SIZE", .doc = "Cut the range: a duration (7d, 12h) for dates and timestamps, a number for numbers."},
    {0, "accept-change", .doc = "Go on from the saved position although options changed that it was made with."},
    {0, "dry-run", .doc = "Read and transform, but write nothing."},
    {0, "progress", "bar|log|json|none", .doc = "How to show progress; on a terminal bar is the default, elsewhere log."},
    {0}};
#endif
#ifdef CLI_HAS_PLAN
static const struct cli_option plan_options[] = {
    {0, "shard", "ID", .many = true, .doc = "Only this shard; may be given again."}, OUTPUT_JSON, {0}};
#endif
/* Of which pipeline a copy is made. */
#define COPY_OPTIONS                                                                                                                              \
  {0, "from", "URL", .doc = "Where to read: sqlserver://user:password@host/database, postgresql://..., csv:PATH, jsonl:PATH, sqlite:PATH, a file's " \
                            "name, or - for CSV from a pipe."},                                                                                   \
      {0, "to", "URL", .doc = "Where to write; as --from."},                                                                                      \
      {0, "table", "NAME", .many = true, .doc = "A table: the first one is read, the second one written.  A file needs none."},                   \
      {0, "mode", "MODE",                                                                                                                         \
       .doc = "The loader's mode: append, replace, merge ...; merge if there is a --key, replace for a file that is read without a --cursor."},    \
      {0, "key", "COLUMN,...", .doc = "The key of a merge."},                                                                                     \
      {0, "cursor", "COLUMN,...", .doc = "Read only what is new in this order since the same copy was made before."},                             \
      {0, "columns", "COLUMN,...", .doc = "Only these."}

static const struct cli_option copy_options[] = {
    COPY_OPTIONS,
    {0, "full-refresh", .doc = "Read everything again, whatever the same copy has read before, and replace the target when all is read."},
    {0, "limit", "N", .number = true, .doc = "Stop at the first safe point after N rows."},
    {0, "dry-run", .doc = "Read, but write nothing."},
    {0, "progress", "bar|log|json|none", .doc = "How to show progress; on a terminal bar is the default, elsewhere log."},
    {0}};
static const struct cli_option generate_options[] = {
    {0, "name", "NAME", .doc = "Name of the pipeline."},
    {0, "from", "CONNECTION", .doc = "Connection of etl.conf to read from."},
    {0, "table", "TABLE", .doc = "Table to read."},
    {0, "to", "CONNECTION", .doc = "Connection to write to."},
    {0, "target", "TABLE", .doc = "Table to write; without it the same name."},
    {0, "mode", "MODE", .doc = "The loader's mode; without it merge with a --key, append with a --cursor, else replace."},
    {0, "key", "COLUMN,...", .doc = "The key of a merge."},
    {0, "cursor", "COLUMN,...", .doc = "Columns by which a run finds what is new."},
    {0, "schedule", "SCHEDULE", .doc = "When the long-running host runs it: @hourly, five fields of cron, or every 15m."},
    {0, "dir", "DIR", .doc = "Where the files are written; without it pipeline_dir."},
    {0, "force", .doc = "Write over files that are there."},
    {0}};
static const struct cli_option schedule_options[] = {
    {0, "count", "N", .number = true, .doc = "So many runs; 10 without it."},
    {0, "after", "TIME", .doc = "Those after this time, of the pipeline's zone if it names none, instead of now."},
    OUTPUT_JSON,
    {0}};
static const struct cli_option graph_options[] = {{'o', "output", "text|dot|json", .doc = "How to print it; text is the default."}, {0}};
static const struct cli_option preview_options[] = {
    {0, "shard", "ID", .many = true, .doc = "Only this shard; may be given again."},
    {0, "stream", "NAME", .doc = "Only this stream, where transformers make several."},
    {0, "limit", "N", .number = true, .doc = "So many rows of each stream; 20 without it."},
    {0, "raw", .doc = "As they are read, before the transformers."},
    {0, "format", "table|json|csv", .doc = "How to print them; table is the default."},
    {0}};
static const struct cli_option discover_options[] = {
    {0, "pattern", "PATTERN", .doc = "Only what has such a name: * stands for any letters, ? for one."},
    {0, "columns", .doc = "Show the columns, too."},
    OUTPUT_JSON,
    {0}};
static const struct cli_option kept_options[] = {
    {0, "limit", "N", .number = true, .doc = "At most so many rows, the oldest first; 100 without it, 0 for all."}, COPY_OPTIONS, OUTPUT_JSON, {0}};
static const struct cli_option show_options[] = {COPY_OPTIONS, OUTPUT_JSON, {0}};
static const struct cli_option drop_options[] = {{0, "all", .doc = "All rows of the pipeline."}, COPY_OPTIONS, {0}};

static const struct cli_option verify_options[] = {
    {0, "shard", "ID", .many = true, .doc = "Only this shard; may be given again.  The rows must have a shard_column."},
    {0, "limit", "N", .number = true, .doc = "Show at most N rows that differ; 20 is the default."},
    {0, "repair", .doc = "Load what differs again, for targets with mode = \"merge\".  Rows that only the target has stay there.  Ends a run under way."},
    OUTPUT_JSON,
    {0}};

static const struct cli_option start_options[] = {
    {0, "shard", "ID", .many = true, .doc = "Only this shard; may be given again."},
    {0, "full-refresh", .doc = "Read everything again and replace the target when all is read."},
    {0, "range", "FROM,TO", .doc = "Read the rows from FROM up to, and without, TO of the first cursor column again; the pipeline's own position stays."},
    {0, "window", "SIZE", .doc = "Cut the range: a duration (7d, 12h) for dates and timestamps, a number for numbers."},
    {0, "accept-change", .doc = "Go on from the saved position although options changed that it was made with."},
    {'w', "wait", .doc = "Show the run until it has ended, retries and all; the status is then as of `etl run`."},
    {0, "progress", "bar|log|json|none", .doc = "With --wait: how to show progress; on a terminal bar is the default, elsewhere log."},
    OUTPUT_JSON,
    {0}};
static const struct cli_option reload_options[] = {
    {'w', "wait", .doc = "Until it was read: what changed is told, or what is wrong with it, and the status is 2."}, OUTPUT_JSON, {0}};
static const struct cli_option breaker_options[] = {{0, "shard", "ID", .doc = "With reset: only the breaker of this shard."}, OUTPUT_JSON, {0}};
static const struct cli_option history_options[] = {
    {0, "state", "STATE,...", .doc = "Only runs in these states: queued, claimed, running, succeeded, partial, failed, cancelled, crashed, skipped."},
    {0, "since", "TIME", .doc = "Only those queued since then: 2h, 7d, 2026-03-01, 2026-03-01T06:00:00Z."},
    {0, "limit", "N", .number = true, .doc = "At most so many, the newest; 50 without it."},
    OUTPUT_JSON,
    {0}};
static const struct cli_option logs_options[] = {
    {'f', "follow", .doc = "Go on with what comes, until interrupted."},
    {0, "level", "debug|info|warning|error", .doc = "Only records of this level and above."},
    {'n', "lines", "N", .number = true, .doc = "So many of the newest records; 50 without it."},
    {'o', "output", "text|json", .doc = "How to print them; text is the default, json is an object a line."},
    {0}};

const struct cli_command cli_commands[] = {
#ifdef CLI_HAS_RUN
    {"run", "NAME", "run a pipeline now",
     "Moves what is new since the last run.  Ctrl-C once commits what is in hand and ends; twice ends at once.  Either way nothing "
     "is lost or doubled: the next run goes on from what the target has.",
     1, 1, run_options, cmd_run},
#endif
#ifdef CLI_HAS_PLAN
    {"plan", "NAME", "show what a run would do; write nothing",
     "Connects to the source and shows for each shard the statement, how the cursor is served, each column's type on its way with "
     "what "
     "is lost, how it is written, and the guarantee.  A shard that cannot be reached is shown as such: status 3, or 1 if none can.",
     1, 1, plan_options, cmd_plan},
#endif
    {"serve", "", "run pipelines by their schedules, until told to stop",
     "The long-running host.  It reads the configuration, starts each pipeline when it is due, tries again what failed, and remembers all of it in the state "
     "store ('state' of etl.conf).  SIGTERM or Ctrl-C: nothing more starts, runs end with their next commit; a second time: at once.  SIGHUP: "
     "reads the configuration again.  SIGUSR1: opens the log again.",
     0, 0, no_options, cmd_serve},
    {"list", "", "list the pipelines with their states",
     "What each is doing, its schedule, when it is due next, and what its last run came to.  Without a host running, as the state store remembers it.", 0, 0, list_options,
     cmd_list},
    {"status", "", "show how the host stands",
     "Since when it runs, its configuration with the mistakes of the last reload, the state store, the queue, what is paused, what breakers hold up, and what runs at "
     "the moment.  Status 3 when no host is running, 4 when this user may not ask it.",
     0, 0, list_options, cmd_status},
    {"start", "NAME", "have the host run a pipeline now",
     "The run waits in the queue until there is room for it; it begins behind one of the same pipeline that is at work.  Without a host running it is queued for when one does.", 1, 1,
     start_options, cmd_start},
    {"stop", "NAME|RUN", "end runs at their next commit",
     "Of a pipeline all that are queued or running, or one run by its id, whose beginning is enough.  Nothing is lost or doubled: the next run goes on from there.  A retry that waits "
     "is cancelled.",
     1, 1, list_options, cmd_stop},
    {"cancel", "NAME|RUN", "end runs now", "As `etl stop`, but what is not committed is undone, and read again by the next run.", 1, 1, list_options, cmd_cancel},
    {"info", "NAME|RUN", "show all that is known of a run",
     "Its outcome, a row for each stage and shard, errors with what to do, other attempts, what it came after, events.  The beginning of its id is enough; of a pipeline it is the run at work, "
     "else the last one that ended, else the next one that waits.",
     1, 1, list_options, cmd_info},
    {"history", "[NAME]", "list runs, the newest first", NULL, 0, 1, history_options, cmd_history},
    {"logs", "[NAME]", "show the log of the host",
     "Of the records that the host keeps at hand, of one pipeline or all.  Without a host running: the events that the state store remembers.", 0, 1, logs_options, cmd_logs},
    {"pause", "NAME", "let no run of a pipeline start", "Until `etl resume`, also over restarts of the host.  What becomes due meanwhile is left out.", 1, 1, list_options, cmd_pause},
    {"resume", "NAME", "let runs of a paused pipeline start again", NULL, 1, 1, list_options, cmd_resume},
    {"breaker", "NAME [reset]", "show or close a pipeline's circuit breakers", "Its own and those of its shards; reset closes them at once.", 1, 2, breaker_options, cmd_breaker},
    {"reload", "", "have the host read its configuration again",
     "All or nothing: with one mistake the configuration before it stays, and `etl status` shows the mistakes.  Runs at work go on with what they began with.  SIGHUP does the same.", 0, 0,
     reload_options, cmd_reload},
    {"copy", "", "copy a table or a file once, without a pipeline",
     "Makes a pipeline of its arguments and runs it.  Rows of a file are added to a table once: the same copy made again goes on where it was, and has "
     "nothing to do when it was at the end; a file that changed meanwhile is merged or replaces the rows as a whole, but is not added again.  Passwords in URLs are hidden from the list of processes as soon as they are read; better are "
     "those that the connectors find themselves (~/.pgpass).",
     0, 0, copy_options, cmd_copy},
    {"preview", "NAME", "show the first rows as they would be loaded",
     "Reads from the start, whatever earlier runs have loaded, and goes through the transformers; nothing is written.", 1, 1, preview_options,
     cmd_preview},
    {"schedule", "NAME", "show when a pipeline will run next",
     "In its own time zone and in UTC, by the configuration alone: no host has to run.", 1, 1, schedule_options, cmd_schedule},
    {"graph", "", "show which pipelines run after which",
     "As a tree; as text for Graphviz (etl graph -o dot | dot -Tsvg); or as JSON, each pipeline behind those that it comes after.", 0, 0,
     graph_options, cmd_graph},
    {"conns list", "", "list the connections of etl.conf", "With the pipelines that use them; secrets are not shown.  Connects to nothing.", 0, 0,
     list_options, cmd_conns_list},
    {"conns test", "[NAME...]", "connect, to see whether it works", "Without names all connections are tried.  Status 1 if one fails.", 0, 1000,
     no_options, cmd_conns_test},
    {"conns discover", "NAME", "list the tables or files behind a connection", NULL, 1, 1, discover_options, cmd_conns_discover},
    {"quarantine list", "NAME", "list the rows that a pipeline has set aside",
     "Rows that could not be read, converted or stored are kept with their reason by the sink (PostgreSQL: etl.quarantine), or in files below "
     "quarantine_dir.  Rows of an `etl copy` are found by the name copy, with the options that it had.",
     1, 1, kept_options, cmd_quarantine_list},
    {"quarantine show", "NAME ID", "show one row that was set aside, with its reason", NULL, 2, 2, show_options, cmd_quarantine_show},
    {"quarantine drop", "NAME [ID...]", "delete rows that were set aside", "There is no way back: the rows are nowhere else.", 1, 1000,
     drop_options, cmd_quarantine_drop},
    {"quarantine replay", "NAME [ID...]", "load rows that were set aside once more",
     "When the cause is gone: each row goes again through the stage that refused it and all behind that, with the pipeline as it is now, "
     "and leaves quarantine in the transaction that stores it; a row that is refused again stays.  It is written over what the "
     "target has by now if the pipeline merges.  Run it while the pipeline does not: it takes the pipeline over like a new run, and a run or backfill that is under way "
     "fails (class \"fenced\") and has to be started again.",
     1, 1000, drop_options, cmd_quarantine_replay},
    {"notify list", "", "list the targets of notifications", "As `notify` of etl.conf has them; secrets are not shown.", 0, 0, list_options, cmd_notify_list},
    {"notify test", "[NAME...]", "send a test message",
     "Through each target of `notify` in etl.conf, or those named, whatever their `on` and `pipelines` say; each is tried once.  No host needs to run.  Status 1 if one "
     "fails.",
     0, 1000, no_options, cmd_notify_test},
    {"verify", "NAME", "compare the target with the source",
     "Reads both sides, the source through the transformers, and compares counts and hashes that do not depend on order; where they differ "
     "the rows are looked at one by one, and of many the ranges of their keys are told.  Rows that the source got after the last run are left out.  Status 1 when the sides differ.",
     1, 1, verify_options, cmd_verify},
    {"generate", "", "write the files of a new pipeline",
     "NAME.conf, NAME.env.example with the variables that its connections use, and NAME.README.md.  On a terminal it asks for what the options leave "
     "open, with the tables and keys that it finds at the source.",
     0, 0, generate_options, cmd_generate},
    {"check", "[CONF]", "check the configuration and all pipelines",
     "Reads every file, looks up every variable, and checks the options of every connector that is used.  Connects to nothing.", 0,
     1, check_options, cmd_check},
    {"plugin list", "", "list the connectors that are installed", "Reads the ELF notes of the files; runs no code of theirs.", 0, 0,
     list_options, cmd_plugin_list},
    {"plugin info", "NAME", "show a connector's options", "Asks the connector in a process of its own.", 1, 1, info_options,
     cmd_plugin_info},
    {"plugin new", "NAME", "write a connector to begin with",
     "Writes source, Makefile, meson.build, README and options for the check into a folder of its own.  It builds and passes `etl plugin check` as it is.", 1,
     1, new_plugin_options, cmd_plugin_new},
    {"plugin check", "FILE.so", "try the rules of the interface on a connector",
     "Runs every case in a process of its own and tells for each whether the connector keeps to the rule: ok, FAILED with what happened and "
     "what etl/plugin.h says, or skipped with the reason.  An extractor is read several times; a loader gets rows, so give it a target of its "
     "own.  Status 1 if a case fails.",
     1, 1, check_plugin_options, cmd_plugin_check},
    {"settings", "", "list the settings of etl.conf and of pipelines", NULL, 0, 0, list_options, cmd_settings},
    {"_check", "FILE KIND CASE", "run one case of plugin check", NULL, 3, 3, check_plugin_options, cmd_check_case, .hidden = true},
    {"_man", "[PAGE]", "write a manual page as roff: etl, or etl.conf", NULL, 0, 1, no_options, cmd_man, .hidden = true},
    {"_completion", "SHELL", "write a completion script: bash", NULL, 1, 1, no_options, cmd_completion, .hidden = true},
    {"_names", "WHAT [OF]", "names for a completion", NULL, 1, 2, no_options, cmd_names, .hidden = true},
    {"_notify", "", "deliver a notification for a host", NULL, 0, 0, no_options, cmd_deliver, .hidden = true},
    {"_describe", "FILE", "describe a connector as JSON", NULL, 1, 1, no_options, cmd_describe, .hidden = true},
#ifdef CLI_HAS_RUN
    {"_worker", "", "run a pipeline for a supervisor", NULL, 0, 1, no_options, cmd_worker, .hidden = true},
#endif
    {0}};
