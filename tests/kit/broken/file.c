/* broken_NAME: a transformer whose file says something wrong; BROKEN says what. */
#include <pthread.h>
#include <unistd.h>

#include "how.h"

#define NOTE_VERSION 1    /* the note has another version */
#define NOTE_KINDS 2      /* it announces a loader as well */
#define ANY_MAJOR 3       /* a host of any major is welcome */
#define OPENS_FILE 4      /* the entry function opens a file */
#define STARTS_THREAD 5   /* or starts a thread */
#define NEW_EACH_TIME 6   /* or gives another descriptor each time */
#define BAD_NAME 7
#define LOADERS_CAPS 8
#define NO_DOC 9          /* an option without a sentence */
#define REQUIRED_DEFAULT 10
#define BAD_DEFAULT 11
#define NO_LICENSE 12

static int32_t open_(const struct etl_open *o, void **self) {
  (void)o;
  *self = malloc(1);
  return ETL_OK;
}
static void close_(void *self) { free(self); }
static int32_t bind_(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg) {
  (void)self;
  return out(arg, in);
}
static int32_t process_(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  (void)self;
  return sink->emit(sink, in);
}
static const struct etl_option *const options[] = {
  &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_INT, .name = "n", .flags = BROKEN == REQUIRED_DEFAULT ? ETL_OPT_REQUIRED : 0,
                             .dflt = BROKEN == BAD_DEFAULT ? "many" : "1", .doc = BROKEN == NO_DOC ? "" : "A number."},
  NULL};
static const struct etl_common common = {.struct_size = sizeof common, .open = open_, .close = close_};
static const struct etl_transformer api = {.struct_size = sizeof api, .bind = bind_, .process = process_};
static const struct etl_connector connector = {.struct_size = sizeof connector, .kind = ETL_KIND_TRANSFORMER, .caps = BROKEN == LOADERS_CAPS ? ETL_CAP_TXN : 0,
                                               .name = BROKEN == BAD_NAME ? "Bad-Name" : NAME, .version = "1", .summary = "Breaks a rule", .options = options,
                                               .common = &common, .api = &api};
static const struct etl_connector *const connectors[] = {&connector, NULL};
static const struct etl_plugin plugin = {.magic = ETL_MAGIC, .struct_size = sizeof plugin, .abi_major = ETL_ABI_MAJOR, .abi_minor = ETL_ABI_MINOR, .name = NAME,
                                         .version = "1", .license = BROKEN == NO_LICENSE ? NULL : "MIT", .connectors = connectors};
static const struct etl_plugin again = {.magic = ETL_MAGIC, .struct_size = sizeof plugin, .abi_major = ETL_ABI_MAJOR, .abi_minor = ETL_ABI_MINOR, .name = NAME,
                                        .version = "1", .license = "MIT", .connectors = connectors};
#if BROKEN == STARTS_THREAD
static void *wait_for_ever(void *arg) {
  for (;;)
    pause();
  return arg;
}
#endif
#if BROKEN == NOTE_VERSION
ETL_NOTE(NAME, "2", 1u << ETL_KIND_TRANSFORMER, 0);
#elif BROKEN == NOTE_KINDS
ETL_NOTE(NAME, "1", 1u << ETL_KIND_TRANSFORMER | 1u << ETL_KIND_LOADER, 0);
#else
ETL_NOTE(NAME, "1", 1u << ETL_KIND_TRANSFORMER, 0);
#endif

const struct etl_plugin *etl_plugin_v1(uint32_t host_major, uint32_t host_minor) {
  static int calls;
  (void)host_minor;
#if BROKEN == STARTS_THREAD
  pthread_t t;
  pthread_create(&t, NULL, wait_for_ever, NULL);
#endif
  if (BROKEN == OPENS_FILE && dup(1) < 0)
    return NULL;
  if (host_major != ETL_ABI_MAJOR && BROKEN != ANY_MAJOR)
    return NULL;
  return BROKEN == NEW_EACH_TIME && calls++ % 2 ? &again : &plugin;
}
