/* The host's services as a case gives them to an instance: they look at what the connector says and keep count of what it takes.  The
 * struct etl_host lies against an inaccessible page, right behind a pointer to its struct kit_host. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/units.h"
#include "kit/kit.h"

#define WHERE_FAIL  "int32_t functions return enum etl_status.  Before ETL_FAILED a connector calls host->fail()"
#define WHERE_ERROR "struct etl_error: message is UTF-8, one line: what happened, to what, why"
#define WHERE_BUF   "buf_alloc, buf_free: memory for batches"

enum {
  CANARY = 64,
  KEPT = 0x6b657074,
  FREED = 0x66726565
};
struct kit_buffer { /* stands in front of the bytes */
  _Alignas(64) struct kit *kit;
  struct kit_buffer *next; /* of those that were freed */
  uint64_t size;
  uint32_t state;
};

static struct kit_host *of(const struct etl_host *h) { return *((struct kit_host *const *)h - 1); }

static bool one_line(const char *s, size_t n) { return n && text_is_utf8(s, n) && !memchr(s, '\n', n) && !memchr(s, '\0', n); }

static bool metric_name(const char *s) {
  size_t n = strlen(s);
  return n && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static void svc_log(const struct etl_host *host, uint32_t level, const char *msg, uint64_t n) {
  struct kit *k = of(host)->kit;
  kit_must(k, level <= ETL_LOG_ERROR, "enum etl_log_level", "log() got the level %u", level);
  kit_must(k, one_line(msg, n), "log: n bytes of UTF-8, no newline", "log() got \"%.*s\"", n > 80 ? 80 : (int)n, msg);
}

static void svc_count(const struct etl_host *host, const char *metric, int64_t add) {
  (void)add;
  kit_must(of(host)->kit, metric_name(metric), "count: metric: [a-z0-9_]+", "count() got the metric \"%.80s\"", metric);
}

static void svc_gauge(const struct etl_host *host, const char *metric, double value) {
  (void)value;
  kit_must(of(host)->kit, metric_name(metric), "gauge: metric: [a-z0-9_]+", "gauge() got the metric \"%.80s\"", metric);
}

static int32_t svc_cancelled(const struct etl_host *host) { return atomic_load(&of(host)->cancelled); }

static int32_t svc_sleep_ms(const struct etl_host *host, uint64_t ms) {
  struct kit_host *h = of(host);
  struct timespec until;
  int rc = 0;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += (time_t)(ms / 1000);
  until.tv_nsec += (long)(ms % 1000) * 1000000;
  until.tv_sec += until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_mutex_lock(&h->lock);
  while (!atomic_load(&h->cancelled) && rc == 0)
    rc = pthread_cond_timedwait(&h->woken, &h->lock, &until);
  pthread_mutex_unlock(&h->lock);
  return atomic_load(&h->cancelled) ? ETL_STOPPED : ETL_OK;
}

static int64_t svc_now_ns(const struct etl_host *host, uint32_t clock) {
  (void)host;
  return clock == ETL_CLOCK_WALL ? clock_wall_ns() : clock_mono_ns();
}

static int32_t svc_secret(const struct etl_host *host, const char *ref, struct etl_bytes *out) {
  const char *text = secrets_get(&of(host)->kit->secrets, ref);
  if (!text)
    return ETL_FAILED;
  *out = (struct etl_bytes){text, strlen(text)};
  return ETL_OK;
}

static void *svc_scratch(const struct etl_host *host, uint64_t size, uint64_t align) {
  struct kit_host *h = of(host);
  kit_must(h->kit, align && align <= 64 && (align & (align - 1)) == 0, "scratch: align: a power of two up to 64",
           "scratch() got the alignment %llu", (unsigned long long)align);
  return give_room(&h->scratch, size, align);
}

static void *svc_buf_alloc(const struct etl_host *host, uint64_t size) {
  struct kit *k = of(host)->kit;
  long left = atomic_load(&k->budget);
  struct kit_buffer *b;
  if (left >= 0 && (size > (uint64_t)left || !atomic_compare_exchange_strong(&k->budget, &left, left - (long)size)))
    return NULL;
  if (size > INT64_MAX / 2 || !(b = aligned_alloc(64, (sizeof *b + size + CANARY + 63) / 64 * 64)))
    return NULL;
  *b = (struct kit_buffer){.kit = k, .size = size, .state = KEPT};
  memset((char *)(b + 1) + size, 0x5A, CANARY);
  atomic_fetch_add(&k->buffers, 1);
  return b + 1;
}

static void svc_buf_free(void *p) {
  if (!p)
    return;
  struct kit_buffer *b = (struct kit_buffer *)p - 1;
  kit_must(b->kit, b->state == KEPT, WHERE_BUF, "buf_free() got a buffer that was freed before");
  for (size_t i = 0; i < CANARY; i++)
    kit_must(b->kit, ((unsigned char *)p + b->size)[i] == 0x5A, WHERE_BUF, "a buffer of %llu bytes was written past its end",
             (unsigned long long)b->size);
  b->state = FREED;
  memset(p, 0xDD, b->size < 4096 ? b->size : 4096);
  atomic_fetch_sub(&b->kit->buffers, 1);
  if (b->kit->free_buffers || b->size > 65536) {
    free(b);
    return;
  }
  b->next = atomic_load(&b->kit->freed);
  while (!atomic_compare_exchange_weak(&b->kit->freed, &b->next, b))
    ;
}

void kit_forget_buffers(struct kit *k) {
  for (struct kit_buffer *b = atomic_exchange(&k->freed, NULL), *next; b; b = next) {
    next = b->next;
    free(b);
  }
}

static int32_t svc_fail(const struct etl_host *host, const struct etl_error *e) {
  struct kit_host *h = of(host);
  struct kit *k = h->kit;
  kit_must(k, e->struct_size >= offsetof(struct etl_error, vendor_code), "struct etl_error", "fail() got a struct_size of %u", e->struct_size);
  kit_must(k, e->error_class >= ETL_E_CONFIG && e->error_class <= ETL_E_INTERNAL, "enum etl_error_class", "fail() got the class %u",
           e->error_class);
  kit_must(k, ETL_HAS(e, etl_error, message) && e->message && one_line(e->message, strlen(e->message)), WHERE_ERROR,
           "fail() got the message \"%.200s\"", e->message ? e->message : "(NULL)");
  pthread_mutex_lock(&h->lock);
  if (!h->failed)
    err_from_etl(&h->err, e);
  h->failed = true;
  pthread_mutex_unlock(&h->lock);
  return ETL_FAILED;
}

static int32_t svc_bad_row(const struct etl_host *host, const struct etl_bad_row *b) {
  struct kit_host *h = of(host);
  kit_must(h->kit, ETL_HAS(b, etl_bad_row, schema), "struct etl_bad_row", "bad_row() got a struct_size of %u", b->struct_size);
  kit_must(h->kit, b->error_class >= ETL_E_CONFIG && b->error_class <= ETL_E_INTERNAL && b->message && *b->message, "struct etl_bad_row",
           "bad_row() got the class %u and the message \"%.200s\"", b->error_class, b->message ? b->message : "(NULL)");
  if (b->schema)
    kit_check_schema(h->kit, b->schema, "struct etl_bad_row: schema of raw");
  atomic_fetch_add(&h->bad_rows, 1);
  return ETL_OK;
}

static const void *svc_ext(const struct etl_host *host, const char *id) {
  (void)host;
  (void)id;
  return NULL;
}

static void svc_schema_change(const struct etl_host *host, const struct etl_schema_change *c) {
  kit_must(of(host)->kit, ETL_HAS(c, etl_schema_change, to) && c->kind >= ETL_CHANGE_COLUMN_ADDED && c->kind <= ETL_CHANGE_TABLE_CREATED,
           "struct etl_schema_change", "schema_change() got the kind %u", c->kind);
}

void kit_host_init(struct kit_host *h, struct kit *k) {
  uint32_t size = k->older ? KIT_1_0_etl_host : sizeof(struct etl_host);
  const struct etl_host services = {
    .struct_size = size + k->grow, .abi_major = ETL_ABI_MAJOR, .abi_minor = k->older ? 0 : ETL_ABI_MINOR + (k->grow ? 1 : 0),
    .host_version = ETL_VERSION, .log = svc_log, .count = svc_count, .gauge = svc_gauge, .cancelled = svc_cancelled,
    .sleep_ms = svc_sleep_ms, .now_ns = svc_now_ns, .secret = svc_secret, .scratch = svc_scratch, .buf_alloc = svc_buf_alloc,
    .buf_free = svc_buf_free, .fail = svc_fail, .bad_row = svc_bad_row, .ext = svc_ext, .schema_change = svc_schema_change};
  memset(h, 0, sizeof *h);
  h->kit = k;
  pthread_mutex_init(&h->lock, NULL);
  pthread_cond_init(&h->woken, NULL);
  guard_init(&h->memory, sizeof h + size + k->grow, 8);
  memset(h->memory.p, 0xA5, sizeof h + size + k->grow);
  memcpy(h->memory.p, &h, sizeof h);
  memcpy((char *)h->memory.p + sizeof h, &services, size);
  h->host = (const struct etl_host *)((char *)h->memory.p + sizeof h);
}

void kit_host_fini(struct kit_host *h) {
  guard_shut(&h->memory);
  pthread_cond_destroy(&h->woken);
  pthread_mutex_destroy(&h->lock);
}

void kit_host_cancel(struct kit_host *h) {
  pthread_mutex_lock(&h->lock);
  atomic_store(&h->cancelled, 1);
  pthread_cond_broadcast(&h->woken);
  pthread_mutex_unlock(&h->lock);
}

void kit_enter(struct kit_host *h, const char *what) {
  snprintf(h->kit->doing, KIT_DOING_ROOM, "%s", what);
  pthread_mutex_lock(&h->lock);
  h->failed = false;
  h->err.error_class = 0;
  pthread_mutex_unlock(&h->lock);
}

int32_t kit_leave(struct kit_host *h, int32_t status) {
  struct kit *k = h->kit;
  given_shut(&h->scratch);
  kit_must(k, status >= ETL_FAILED && status <= ETL_STOPPED, "enum etl_status", "%s gave the status %d", k->doing, status);
  kit_must(k, status != ETL_FAILED || h->failed, WHERE_FAIL, "%s gave ETL_FAILED and no reason", k->doing);
  return status;
}

void kit_need(struct kit_host *h, const char *what, int32_t status) {
  kit_must(h->kit, status != ETL_FAILED, NULL, "%s failed: %s%s%s", what, h->err.message,
           *h->err.remedy ? "; " : "", h->err.remedy);
  kit_must(h->kit, status == ETL_OK, "enum etl_status", "%s gave the status %d", what, status);
}
