/* Lanes of one run share a table: the first reads it while the others wait, the last one frees it.  The list of tables is global to
 * the process, since instances know nothing of each other; its lock guards it. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "lookup.h"

enum {
  LOOK_EVERY_NS = 100000000
};

struct lookup_share {
  struct lookup_share *next;
  char *identity; /* run, source, columns, kinds */
  size_t holders;
  enum {
    SHARE_READING,
    SHARE_READY,
    SHARE_FAILED
  } state;
  struct lookup_table *table;
};
struct shares {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct lookup_share *first;
};
static struct shares shares = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

const struct lookup_table *lookup_share_table(const struct lookup_share *s) { return s->table; }

void lookup_share_put(struct lookup_share *s) {
  if (!s)
    return;
  pthread_mutex_lock(&shares.lock);
  bool last = --s->holders == 0;
  for (struct lookup_share **at = &shares.first; last && *at; at = &(*at)->next)
    if (*at == s) {
      *at = s->next;
      break;
    }
  pthread_mutex_unlock(&shares.lock);
  if (last) {
    lookup_table_free(s->table);
    free(s->identity);
    free(s);
  }
}

/* Parts of it are told apart by their lengths. */
static void add_part(FILE *f, const char *text) { fprintf(f, "%zu:%s;", text ? strlen(text) : 0, text ? text : ""); }

static char *identity_of(const char *run, const struct lookup_options *o, const char *kinds) {
  char *text = NULL;
  size_t n;
  FILE *f = open_memstream(&text, &n);
  if (!f)
    return NULL;
  add_part(f, run);
  add_part(f, kinds);
  add_part(f, o->file);
  add_part(f, o->database);
  add_part(f, o->url_ref);
  add_part(f, o->query);
  fprintf(f, "%d %d %d %d %lld;", o->delimiter, (int)o->on_missing, (int)o->on_duplicate, o->ignore_case, (long long)o->max_rows);
  for (size_t i = 0; i < o->keys_n; i++)
    add_part(f, o->key_columns[i]);
  for (size_t i = 0; i < o->columns_n; i++) {
    add_part(f, o->columns[i].column);
    add_part(f, o->columns[i].fallback);
    add_part(f, o->columns[i].type.name);
  }
  if (fclose(f) != 0) {
    free(text);
    return NULL;
  }
  return text;
}

/* With the lock held: the table, perhaps of somebody who reads it just now; a new one if there is none. */
static struct lookup_share *find_or_add(char *identity, bool *ret_new) {
  for (struct lookup_share *s = shares.first; s; s = s->next)
    if (s->state != SHARE_FAILED && strcmp(s->identity, identity) == 0) {
      s->holders++;
      free(identity);
      *ret_new = false;
      return s;
    }
  struct lookup_share *s = calloc(1, sizeof *s);
  if (!s) {
    free(identity);
    return NULL;
  }
  s->identity = identity;
  s->holders = 1;
  s->next = shares.first;
  shares.first = s;
  *ret_new = true;
  return s;
}

/* With the lock held: until the reader is done. */
static int32_t wait_ready(const struct etl_host *h, const struct lookup_share *s) {
  while (s->state == SHARE_READING) {
    struct timespec at;
    if (h->cancelled(h))
      return ETL_STOPPED;
    clock_gettime(CLOCK_REALTIME, &at);
    at.tv_nsec += LOOK_EVERY_NS;
    at.tv_sec += at.tv_nsec / 1000000000;
    at.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&shares.changed, &shares.lock, &at);
  }
  return s->state == SHARE_READY ? ETL_OK : ETL_FAILED;
}

int32_t lookup_share_get(const struct etl_host *h, const char *run, const struct lookup_options *o, const char *kinds,
                         struct lookup_share **ret) {
  for (;;) { /* when another lane failed to read it, its error is that lane's: this one tries for itself */
    bool mine = false;
    char *identity = identity_of(run, o, kinds);
    pthread_mutex_lock(&shares.lock);
    struct lookup_share *s = identity ? find_or_add(identity, &mine) : NULL;
    int32_t rc = s && !mine ? wait_ready(h, s) : ETL_OK;
    pthread_mutex_unlock(&shares.lock);
    if (!s)
      return transformer_no_memory(h, "lookup");
    if (mine) {
      rc = lookup_table_load(h, o, kinds, &s->table);
      pthread_mutex_lock(&shares.lock);
      s->state = rc == ETL_OK ? SHARE_READY : SHARE_FAILED;
      pthread_cond_broadcast(&shares.changed);
      pthread_mutex_unlock(&shares.lock);
    }
    if (rc == ETL_OK) {
      *ret = s;
      return ETL_OK;
    }
    lookup_share_put(s);
    if (mine || rc == ETL_STOPPED)
      return rc;
  }
}
