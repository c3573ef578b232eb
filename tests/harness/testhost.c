/* The services of testhost.h.  Memory is plain malloc with a header that holds what is to be given back to the count. */
#include "testhost.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static _Atomic int64_t buffers;

struct buffer { /* stands in front of the bytes, which are aligned as it is */
  _Alignas(64) uint64_t size;
};
struct scratch {
  struct scratch *next;
  void *p;
};

static struct testhost *of(const struct etl_host *h) { return (struct testhost *)(uintptr_t)h; }

static void copy_text(char *to, size_t cap, const char *from) { snprintf(to, cap, "%s", from ? from : ""); }

static void log_record(const struct etl_host *host, uint32_t level, const char *msg, uint64_t n) {
  struct testhost *h = of(host);
  pthread_mutex_lock(&h->lock);
  if (h->logs_n < TESTHOST_KEPT) {
    h->logs[h->logs_n].level = level;
    snprintf(h->logs[h->logs_n].text, sizeof h->logs[0].text, "%.*s", (int)n, msg);
  }
  h->logs_n++;
  pthread_mutex_unlock(&h->lock);
}

static int64_t *counter(struct testhost *h, const char *name) {
  for (size_t i = 0; i < h->counters_n; i++)
    if (strcmp(h->counters[i].name, name) == 0)
      return &h->counters[i].value;
  if (h->counters_n == TESTHOST_KEPT)
    abort();
  copy_text(h->counters[h->counters_n].name, sizeof h->counters[0].name, name);
  return &h->counters[h->counters_n++].value;
}

static void count(const struct etl_host *host, const char *metric, int64_t add) {
  struct testhost *h = of(host);
  pthread_mutex_lock(&h->lock);
  *counter(h, metric) += add;
  pthread_mutex_unlock(&h->lock);
}

static void gauge(const struct etl_host *host, const char *metric, double value) {
  struct testhost *h = of(host);
  pthread_mutex_lock(&h->lock);
  *counter(h, metric) = (int64_t)value;
  pthread_mutex_unlock(&h->lock);
}

static int32_t cancelled(const struct etl_host *host) { return atomic_load(&of(host)->cancelled); }

static int32_t sleep_ms(const struct etl_host *host, uint64_t ms) {
  struct testhost *h = of(host);
  struct timespec until;
  int rc = 0;
  clock_gettime(CLOCK_REALTIME, &until);
  until.tv_nsec += (long)(ms % 1000) * 1000000;
  until.tv_sec += (time_t)(ms / 1000) + until.tv_nsec / 1000000000;
  until.tv_nsec %= 1000000000;
  pthread_mutex_lock(&h->lock);
  while (!h->cancelled && rc == 0)
    rc = pthread_cond_timedwait(&h->cancel_asked, &h->lock, &until);
  pthread_mutex_unlock(&h->lock);
  return h->cancelled ? ETL_STOPPED : ETL_OK;
}

static int64_t now_ns(const struct etl_host *host, uint32_t clock) {
  struct timespec t;
  (void)host;
  clock_gettime(clock == ETL_CLOCK_WALL ? CLOCK_REALTIME : CLOCK_MONOTONIC, &t);
  return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static int32_t secret(const struct etl_host *host, const char *ref, struct etl_bytes *out) {
  struct testhost *h = of(host);
  for (size_t i = 0; i < h->secrets_n; i++)
    if (strcmp(h->secrets[i].ref, ref) == 0) {
      *out = (struct etl_bytes){h->secrets[i].text, strlen(h->secrets[i].text)};
      return ETL_OK;
    }
  return ETL_FAILED;
}

static void *scratch(const struct etl_host *host, uint64_t size, uint64_t align) {
  struct testhost *h = of(host);
  struct scratch *s = malloc(sizeof *s);
  if (!s || posix_memalign(&s->p, align < sizeof(void *) ? sizeof(void *) : align, size ? size : 1) != 0) {
    free(s);
    return NULL;
  }
  pthread_mutex_lock(&h->lock);
  s->next = h->scratch;
  h->scratch = s;
  pthread_mutex_unlock(&h->lock);
  return s->p;
}

static void *buf_alloc(const struct etl_host *host, uint64_t size) {
  struct testhost *h = of(host);
  void *p;
  int64_t left = atomic_load(&h->budget_bytes);
  if (left >= 0 && left < (int64_t)size)
    return NULL;
  if (posix_memalign(&p, 64, sizeof(struct buffer) + size) != 0)
    return NULL;
  if (left >= 0)
    atomic_fetch_sub(&h->budget_bytes, (int64_t)size);
  ((struct buffer *)p)->size = size;
  atomic_fetch_add(&buffers, 1);
  return (char *)p + sizeof(struct buffer);
}

static void buf_free(void *p) {
  if (!p)
    return;
  free((char *)p - sizeof(struct buffer));
  atomic_fetch_sub(&buffers, 1);
}

static int32_t fail(const struct etl_host *host, const struct etl_error *e) {
  struct testhost *h = of(host);
  pthread_mutex_lock(&h->lock);
  if (!h->error.error_class) {
    h->error = *e;
    copy_text(h->message, sizeof h->message, e->message);
    copy_text(h->remedy, sizeof h->remedy, e->remedy);
    copy_text(h->option, sizeof h->option, e->option);
    copy_text(h->vendor_state, sizeof h->vendor_state, e->vendor_state);
    h->error.message = h->message;
    h->error.remedy = h->remedy;
    h->error.option = h->option;
    h->error.vendor_state = h->vendor_state;
  }
  pthread_mutex_unlock(&h->lock);
  return ETL_FAILED;
}

static int32_t bad_row(const struct etl_host *host, const struct etl_bad_row *b) {
  struct testhost *h = of(host);
  int32_t rc = ETL_FAILED;
  pthread_mutex_lock(&h->lock);
  if (h->bad_n < h->bad_limit && h->bad_n < TESTHOST_KEPT) {
    h->bad[h->bad_n].error_class = b->error_class;
    h->bad[h->bad_n].row = b->row;
    h->bad[h->bad_n].column = b->column;
    copy_text(h->bad[h->bad_n].message, sizeof h->bad[0].message, b->message);
    snprintf(h->bad[h->bad_n].raw, sizeof h->bad[0].raw, "%.*s", (int)b->raw.n, b->raw.p ? (const char *)b->raw.p : "");
    copy_text(h->bad[h->bad_n].vendor_state, sizeof h->bad[0].vendor_state, b->vendor_state);
    copy_text(h->bad[h->bad_n].stream, sizeof h->bad[0].stream, b->stream);
    snprintf(h->bad[h->bad_n].raw, sizeof h->bad[0].raw, "%.*s", (int)b->raw.n, b->raw.p ? (const char *)b->raw.p : "");
    h->bad_n++;
    rc = ETL_OK;
  }
  pthread_mutex_unlock(&h->lock);
  return rc;
}

static void schema_change(const struct etl_host *host, const struct etl_schema_change *c) {
  struct testhost *h = of(host);
  pthread_mutex_lock(&h->lock);
  if (h->changes_n < TESTHOST_KEPT) {
    h->changes[h->changes_n].kind = c->kind;
    copy_text(h->changes[h->changes_n].stream, sizeof h->changes[0].stream, c->stream);
    copy_text(h->changes[h->changes_n].table, sizeof h->changes[0].table, c->table);
    copy_text(h->changes[h->changes_n].column, sizeof h->changes[0].column, c->column);
    copy_text(h->changes[h->changes_n].from, sizeof h->changes[0].from, c->from);
    copy_text(h->changes[h->changes_n].to, sizeof h->changes[0].to, c->to);
    h->changes_n++;
  }
  pthread_mutex_unlock(&h->lock);
}

static const void *ext(const struct etl_host *host, const char *id) {
  (void)host;
  (void)id;
  return NULL;
}

void testhost_init(struct testhost *h) {
  memset(h, 0, sizeof *h);
  h->host = (struct etl_host){.struct_size = sizeof h->host,
                              .abi_major = ETL_ABI_MAJOR,
                              .abi_minor = ETL_ABI_MINOR,
                              .host_version = "test",
                              .log = log_record,
                              .count = count,
                              .gauge = gauge,
                              .cancelled = cancelled,
                              .sleep_ms = sleep_ms,
                              .now_ns = now_ns,
                              .secret = secret,
                              .scratch = scratch,
                              .buf_alloc = buf_alloc,
                              .buf_free = buf_free,
                              .fail = fail,
                              .bad_row = bad_row,
                              .ext = ext,
                              .schema_change = schema_change};
  pthread_mutex_init(&h->lock, NULL);
  pthread_cond_init(&h->cancel_asked, NULL);
  h->bad_limit = TESTHOST_KEPT;
  atomic_store(&h->budget_bytes, -1);
}

void testhost_fini(struct testhost *h) {
  testhost_call_done(h);
  pthread_cond_destroy(&h->cancel_asked);
  pthread_mutex_destroy(&h->lock);
}

void testhost_clear(struct testhost *h) {
  pthread_mutex_lock(&h->lock);
  h->error = (struct etl_error){0};
  h->message[0] = h->remedy[0] = h->option[0] = h->vendor_state[0] = '\0';
  h->bad_n = h->changes_n = h->logs_n = h->counters_n = 0;
  pthread_mutex_unlock(&h->lock);
}

void testhost_cancel(struct testhost *h) {
  pthread_mutex_lock(&h->lock);
  atomic_store(&h->cancelled, 1);
  pthread_cond_broadcast(&h->cancel_asked);
  pthread_mutex_unlock(&h->lock);
}

void testhost_call_done(struct testhost *h) {
  for (struct scratch *s = h->scratch, *next; s; s = next) {
    next = s->next;
    free(s->p);
    free(s);
  }
  h->scratch = NULL;
}

int64_t testhost_buffers(void) { return atomic_load(&buffers); }

int64_t testhost_counter(struct testhost *h, const char *name) {
  pthread_mutex_lock(&h->lock);
  int64_t v = *counter(h, name);
  pthread_mutex_unlock(&h->lock);
  return v;
}

bool testhost_logged(struct testhost *h, uint32_t level, const char *part) {
  bool found = false;
  pthread_mutex_lock(&h->lock);
  for (size_t i = 0; i < h->logs_n && i < TESTHOST_KEPT && !found; i++)
    found = h->logs[i].level == level && strstr(h->logs[i].text, part);
  pthread_mutex_unlock(&h->lock);
  return found;
}
