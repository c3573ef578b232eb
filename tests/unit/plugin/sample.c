/* A connector that does nothing, in as many ways as it can be wrong: -DSAMPLE_x chooses one. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "etl/plugin.h"

static int32_t do_open(const struct etl_open *o, void **self) {
  (void)o, (void)self;
  return ETL_OK;
}
static void do_close(void *self) { (void)self; }
static const struct etl_common common = {.struct_size = sizeof common, .open = do_open, .close = do_close};

static int32_t discover(void *self, int32_t (*each)(void *, const struct etl_stream *), void *arg) {
  (void)self, (void)each, (void)arg;
  return ETL_OK;
}
static int32_t reader_open(void *self, const struct etl_read *r, void **reader) {
  (void)self, (void)r, (void)reader;
  return ETL_OK;
}
#ifndef SAMPLE_NO_NEXT
static int32_t next(void *reader, uint64_t wait_ms, uint32_t want_cursor, struct etl_msg *m) {
  (void)reader, (void)wait_ms, (void)want_cursor, (void)m;
  return ETL_DONE;
}
#endif
static void reader_close(void *reader) { (void)reader; }
static const struct etl_extractor extractor = {
#ifdef SAMPLE_SHORT
    .struct_size = 16,
#elif defined SAMPLE_NO_SPLIT
    .struct_size = offsetof(struct etl_extractor, split),
#else
    .struct_size = sizeof extractor,
#endif
    .discover = discover,
    .reader_open = reader_open,
#ifndef SAMPLE_NO_NEXT
    .next = next,
#endif
    .reader_close = reader_close};

#define OPTION(...)                                                                                                                \
  &(const struct etl_option) { .struct_size = sizeof(struct etl_option), __VA_ARGS__ }
static const char *const choices[] = {"one", "two", NULL};
static const struct etl_option *const members[] = {
    OPTION(.name = "id", .type = ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .doc = "Its id.", .example = "eu1"),
    OPTION(.name = "port", .type = ETL_T_INT, .dflt = "1433", .min = 1, .max = 65535, .doc = "Its port."), NULL};
static const struct etl_option *const options[] = {
    OPTION(.name = "host", .type = ETL_T_STRING, .flags = ETL_OPT_REQUIRED, .doc = "Where it is.", .example = "db1"),
    OPTION(.name = "password", .type = ETL_T_STRING, .flags = ETL_OPT_SECRET, .doc = "The password."),
    OPTION(.name = "mode", .type = ETL_T_ENUM, .choices = choices, .dflt = "two", .doc = "How."),
    OPTION(.name = "shards", .type = ETL_T_GROUPS, .members = members, .doc = "Where else."),
#ifdef SAMPLE_BAD_DEFAULT
    OPTION(.name = "time", .type = ETL_T_DURATION, .dflt = "10", .doc = "x"),
#elif defined SAMPLE_NO_CHOICES
    OPTION(.name = "kind", .type = ETL_T_ENUM, .doc = "x"),
#elif defined SAMPLE_BAD_TYPE
    OPTION(.name = "strange", .type = 77, .doc = "x"),
#elif defined SAMPLE_BAD_NAME
    OPTION(.name = "Big Name", .type = ETL_T_INT, .doc = "x"),
#elif defined SAMPLE_TWICE
    OPTION(.name = "host", .type = ETL_T_INT, .doc = "x"),
#elif defined SAMPLE_NO_MEMBERS
    OPTION(.name = "more", .type = ETL_T_GROUPS, .doc = "x"),
#endif
    NULL};

static const struct etl_connector connector = {.struct_size = sizeof connector,
                                               .kind = ETL_KIND_EXTRACTOR,
                                               .caps = ETL_CAP_RESUME,
                                               .name = "sample",
                                               .version = "1.2",
                                               .summary = "Does nothing",
                                               .doc = "At all.",
                                               .options = options,
                                               .common = &common,
                                               .api = &extractor};

static int32_t nothing(void) { return ETL_OK; }
static const struct etl_loader loader = {
#ifdef SAMPLE_NO_SETTLE
    .struct_size = offsetof(struct etl_loader, settle),
#else
    .struct_size = sizeof loader,
#endif
#ifdef SAMPLE_LOADER
    .claim = (int32_t(*)(void *, const struct etl_claim *, uint64_t *))(void (*)(void))nothing,
    .committed = (int32_t(*)(void *, int32_t (*)(void *, const struct etl_cursor *), void *))(void (*)(void))nothing,
#endif
    .prepare = (int32_t(*)(void *, const struct etl_stream *, const struct ArrowSchema *))(void (*)(void))nothing,
    .begin = (int32_t(*)(void *, const struct etl_txn *))(void (*)(void))nothing,
    .write = (int32_t(*)(void *, const struct etl_stream *, struct etl_msg *))(void (*)(void))nothing,
    .commit = (int32_t(*)(void *, const struct etl_cursor *const *, uint64_t))(void (*)(void))nothing,
    .abort = (int32_t(*)(void *))(void (*)(void))nothing};
static const struct etl_connector sink = {.struct_size = sizeof sink,
                                          .kind = ETL_KIND_LOADER,
                                          .caps = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR,
                                          .name = "sample",
                                          .version = "1.2",
                                          .summary = "Stores nothing",
                                          .options = options,
                                          .common = &common,
                                          .api = &loader};

static const struct etl_transformer changer = {
    .struct_size = sizeof changer,
    .bind = (int32_t(*)(void *, const struct etl_stream *, int32_t (*)(void *, const struct etl_stream *), void *))(
        void (*)(void))nothing,
    .process = (int32_t(*)(void *, struct etl_msg *, const struct etl_sink *))(void (*)(void))nothing};
static const struct etl_connector between = {.struct_size = sizeof between,
                                             .kind = ETL_KIND_TRANSFORMER,
                                             .name = "sample",
                                             .version = "1.2",
                                             .summary = "Changes nothing",
                                             .options = options,
                                             .common = &common,
                                             .api = &changer};

static const struct etl_connector *const connectors[] = {
#if defined SAMPLE_TWO_OF_A_KIND
    &connector, &connector,
#elif defined SAMPLE_NO_CLAIM || defined SAMPLE_NO_SETTLE || defined SAMPLE_LOADER
    &sink,
#elif defined SAMPLE_TRANSFORMER
    &between,
#else
    &connector,
#endif
    NULL};
/* used by some of the samples only */
__attribute__((unused)) static const void *const others[] = {&sink, &between};

static const struct etl_plugin plugin = {
#ifdef SAMPLE_BAD_MAGIC
    .magic = 42,
#else
    .magic = ETL_MAGIC,
#endif
    .struct_size = sizeof plugin,
    .abi_major = ETL_ABI_MAJOR,
    .abi_minor = ETL_ABI_MINOR,
    .name = "sample",
    .version = "1.2",
    .license = "MIT",
    .connectors = connectors};

#if defined SAMPLE_MAJOR_2
__attribute__((section(".note.etl"), used, aligned(4))) static const struct etl_note note = {
    4, sizeof(struct etl_note) - 16, 1, {'E', 'T', 'L', 0}, 2, 0, 0, 1u << ETL_KIND_EXTRACTOR, "sample", "1.2"};
#elif defined SAMPLE_NEEDS_LATER
ETL_NOTE("sample", "1.2", 1u << ETL_KIND_EXTRACTOR, 99);
#elif defined SAMPLE_TRANSFORMER
ETL_NOTE("sample", "1.2", 1u << ETL_KIND_TRANSFORMER, 0);
#elif defined SAMPLE_LOADER
ETL_NOTE("sample", "1.2", 1u << ETL_KIND_LOADER, 0);
#elif defined SAMPLE_NOTE_LIES
ETL_NOTE("sample", "1.2", 1u << ETL_KIND_EXTRACTOR | 1u << ETL_KIND_LOADER, 0);
#elif !defined SAMPLE_NO_NOTE
ETL_NOTE("sample", "1.2", 1u << ETL_KIND_EXTRACTOR, 0);
#endif

#ifdef SAMPLE_NO_ENTRY
ETL_EXPORT const struct etl_plugin *some_other_function(void);
const struct etl_plugin *some_other_function(void) { return &plugin; }
#else
const struct etl_plugin *etl_plugin_v1(uint32_t major, uint32_t minor) {
  (void)major, (void)minor;
#if defined SAMPLE_NULL_ENTRY
  return NULL;
#elif defined SAMPLE_CRASH
  signal(SIGSEGV, SIG_DFL); /* a sanitizer would make an exit status of it */
  raise(SIGSEGV);
#elif defined SAMPLE_HANG
  for (;;)
    pause();
#elif defined SAMPLE_EXITS
  exit(7);
#elif defined SAMPLE_PRINTS
  puts("{\"hello\": \"from the connector\"}");
  fflush(stdout);
#endif
  return &plugin;
}
#endif
