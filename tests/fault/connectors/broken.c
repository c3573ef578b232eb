/* Connectors that are broken each in its own way; BROKEN says how, NAME is file and connector.  All would be transformers. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "etl/sdk.h"

#define NEWER_ABI 1    /* the note and the descriptor speak of ABI 2 */
#define CRASHES 2      /* the entry function crashes */
#define REFUSES 3      /* the entry function gives NULL */
#define NO_CALLBACK 4  /* process() is missing */
#define NO_ENTRY 5     /* etl_plugin_v1 is missing */
#define HANGS 6        /* the entry function does not return */
#define WAITS 7        /* the entry function says so on stderr, and returns when the named pipe $ETL_FAULT_PIPE has no writer any more */

#if BROKEN == NEWER_ABI
#undef ETL_ABI_MAJOR
#define ETL_ABI_MAJOR 2u
#endif
ETL_NOTE(NAME, "1", 1u << ETL_KIND_TRANSFORMER, 0);

#if BROKEN != NO_ENTRY
static int32_t open_(const struct etl_open *o, void **self) {
  (void)o;
  *self = malloc(1);
  return *self ? ETL_OK : ETL_FAILED;
}
static void close_(void *self) { free(self); }
static int32_t bind_(void *self, const struct etl_stream *in, int32_t (*out)(void *arg, const struct etl_stream *), void *arg) {
  (void)self;
  return out(arg, in);
}
#if BROKEN == WAITS
static int32_t process_(void *self, struct etl_msg *in, const struct etl_sink *out) {
  (void)self, (void)in, (void)out;
  return ETL_FAILED;
}
#else
#define process_ NULL
#endif
static const struct etl_option *const options[] = {NULL};
static const struct etl_common common = {.struct_size = sizeof common, .open = open_, .close = close_};
static const struct etl_transformer transformer = {.struct_size = sizeof transformer, .bind = bind_, .process = process_};
static const struct etl_connector connector = {.struct_size = sizeof connector, .kind = ETL_KIND_TRANSFORMER, .name = NAME, .version = "1",
                                               .summary = "Broken", .options = options, .common = &common, .api = &transformer};
static const struct etl_plugin plugin = {.magic = ETL_MAGIC, .struct_size = sizeof plugin, .abi_major = ETL_ABI_MAJOR, .name = NAME,
                                         .version = "1", .license = "MIT",
                                         .connectors = (const struct etl_connector *const[]){&connector, NULL}};

#if BROKEN == WAITS
static void wait_(const char *path) {
  int fd = path ? open(path, O_RDONLY | O_NONBLOCK) : -1; /* without a writer it would wait for one */
  char c;
  if (fd < 0 || fcntl(fd, F_SETFL, 0) < 0)
    return;
  fputs("the connector " NAME " waits\n", stderr);
  while (read(fd, &c, 1) > 0)
    ;
  close(fd);
}
#endif

const struct etl_plugin *etl_plugin_v1(uint32_t host_major, uint32_t host_minor) {
  (void)host_major;
  (void)host_minor;
#if BROKEN == CRASHES
  abort();
#elif BROKEN == REFUSES
  return NULL;
#elif BROKEN == HANGS
  for (;;)
    pause();
#elif BROKEN == WAITS
  wait_(getenv("ETL_FAULT_PIPE"));
#endif
  return &plugin;
}
#endif
