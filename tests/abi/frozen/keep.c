/* frozen_keep: a loader as it was written for ABI 1.0.  It appends to the file `journal` of a folder; a transaction is there when its line
 * "commit" is, and what stands behind the last one of these was never written.  Who comes reads it all. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "etl/sdk.h"

enum { OPT_FOLDER, OPT_REFUSE_EVERY, OPT_N, LANES = 64, NAME = 256, ROOM = 4096 };
static const struct etl_option *const options[] = {
  [OPT_FOLDER] = &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_PATH, .name = "folder",
                                            .flags = ETL_OPT_REQUIRED, .doc = "Where the journal is."},
  [OPT_REFUSE_EVERY] = &(const struct etl_option){.struct_size = sizeof(struct etl_option), .type = ETL_T_INT, .name = "refuse_every", .dflt = "0",
                                                  .min = 0, .max = 1 << 30, .doc = "Ids that this divides are refused; 0: none."},
  [OPT_N] = NULL};
struct lane { char stream[NAME], shard[NAME], cursor[ROOM], note[ROOM]; uint64_t epoch, cursor_n; uint32_t flags; bool has_note; };
struct keep {
  const struct etl_host *host;
  char path[4096], *text;
  FILE *staged; /* the transaction in hand */
  size_t text_n;
  int64_t refuse_every, length; /* of what is committed */
  uint64_t owner, seen, n;      /* the owner of the transaction; the newest */
  bool careful;
  struct lane lanes[LANES + 1];
  struct { char stream[NAME]; struct ArrowSchema schema; } kinds[LANES];
};

static int32_t failed(const struct keep *k, uint32_t class, const char *what) {
  return etl_failf(k->host, &ETL_ERROR(class), "frozen_keep: %s: %s", k->path, what);
}
static void put(FILE *f, const char *p, uint64_t n) { /* a word: "." for NULL, "x" and hex digits */
  fputs(p ? " x" : " .", f);
  for (uint64_t i = 0; p && i < n; i++) fprintf(f, "%02x", (uint8_t)p[i]);
}
static uint64_t take(const char *word, char *to) {
  uint64_t n = 0;
  for (unsigned byte; *word == 'x' && sscanf(word + 1 + 2 * n, "%2x", &byte) == 1; to[n] = 0) to[n++] = (char)byte;
  return n;
}
static struct lane *lane_of(struct keep *k, const char *stream, const char *shard) {
  struct lane *l = k->lanes, *end = k->lanes + k->n;
  while (l < end && (strcmp(l->stream, stream) != 0 || strcmp(l->shard, shard) != 0)) l++;
  return l;
}
static void replay(struct keep *k, const char *line) {
  char word[4][2 * ROOM + 2];
  struct lane new = {0};
  sscanf(line, "owner %" SCNu64, &k->seen);
  if (sscanf(line, "lane %" SCNu64 " %" SCNu32 " %511s %511s %8191s %8191s", &new.epoch, &new.flags, word[0], word[1], word[2], word[3]) != 6) return;
  take(word[0], new.stream), take(word[1], new.shard), take(word[3], new.note);
  new.cursor_n = take(word[2], new.cursor), new.has_note = word[3][0] == 'x';
  struct lane *l = lane_of(k, new.stream, new.shard);
  bool known = l < k->lanes + k->n;
  if (!(new.flags & ETL_CURSOR_FORGET)) k->n += !known, *l = new;
  else if (known) *l = k->lanes[--k->n];
}
/* Opens and locks the journal, reads it; -1 after failed(). */
static int load(struct keep *k) {
  int fd = open(k->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  FILE *f = fd >= 0 && flock(fd, LOCK_EX) == 0 ? fopen(k->path, "re") : NULL;
  char *line = NULL;
  size_t room = 0;
  if (!f) return failed(k, ETL_E_RETRYABLE, strerror(errno)), fd >= 0 ? close(fd) : 0, -1;
  k->length = 0, k->seen = k->n = 0;
  while (getline(&line, &room, f) > 0)
    if (strcmp(line, "commit\n") == 0) k->length = ftell(f);
  for (rewind(f); ftell(f) < k->length && getline(&line, &room, f) > 0;) replay(k, line);
  return free(line), fclose(f), fd;
}
static int32_t stage(struct keep *k) { return (k->staged = open_memstream(&k->text, &k->text_n)) ? ETL_OK : failed(k, ETL_E_PERMANENT, strerror(errno)); }
static int32_t keep_abort(void *self) {
  struct keep *k = self;
  if (k->staged) fclose(k->staged), free(k->text);
  return k->staged = NULL, ETL_OK;
}
/* Closes fd. */
static int32_t append(struct keep *k, int fd) {
  bool good = fputs("commit\n", k->staged) >= 0 && fflush(k->staged) == 0 && ftruncate(fd, k->length) == 0 &&
              pwrite(fd, k->text, k->text_n, k->length) == (ssize_t)k->text_n && fsync(fd) == 0;
  return close(fd) == 0 && good ? keep_abort(k) : failed(k, ETL_E_RETRYABLE, strerror(errno));
}
static int32_t append_line(struct keep *k, int fd, const char *what, const char *run) {
  return stage(k) != ETL_OK ? (close(fd), ETL_FAILED) : (fprintf(k->staged, "%s %s\n", what, run), append(k, fd));
}
static int32_t keep_open(const struct etl_open *o, void **self) {
  struct keep *k = *self = calloc(1, sizeof *k);
  if (!k) return etl_failf(o->host, &ETL_ERROR(ETL_E_PERMANENT), "frozen_keep: out of memory");
  k->host = o->host, k->refuse_every = etl_opt_int(o, OPT_REFUSE_EVERY);
  snprintf(k->path, sizeof k->path, "%s/journal", etl_opt_str(o, OPT_FOLDER));
  return ETL_OK;
}
static void keep_close(void *self) {
  struct keep *k = self;
  keep_abort(k);
  for (size_t i = 0; i < LANES; i++) etl_schema_release(&k->kinds[i].schema);
  free(k);
}
static int32_t keep_claim(void *self, const struct etl_claim *c, uint64_t *ret_owner) {
  struct keep *k = self;
  int fd = load(k);
  if (fd < 0) return ETL_FAILED;
  if (c->owner && c->owner < k->seen) return close(fd), failed(k, ETL_E_FENCED, "a newer run owns it");
  char what[32];
  return snprintf(what, sizeof what, "owner %" PRIu64, *ret_owner = c->owner ? c->owner : k->seen + 1), append_line(k, fd, what, c->run);
}
static int32_t keep_committed(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  struct keep *k = self;
  int fd = load(k);
  int32_t status = fd < 0 || close(fd) < 0 ? ETL_FAILED : ETL_OK;
  for (const struct lane *l = k->lanes; status == ETL_OK && l < k->lanes + k->n; l++)
    status = each(arg, &(struct etl_cursor){.struct_size = sizeof(struct etl_cursor), .flags = l->flags, .stream = l->stream, .shard = l->shard,
                                            .epoch = l->epoch, .cursor = {l->cursor, l->cursor_n}, .note = l->has_note ? l->note : NULL});
  return status;
}
static int32_t keep_run_end(void *self, const char *run, uint32_t ok) {
  int fd = load(self);
  return fd < 0 ? ETL_FAILED : append_line(self, fd, "end", ok ? run : "failed");
}
static struct ArrowSchema *schema_of(struct keep *k, const char *stream) {
  size_t i = 0;
  while (i < LANES - 1 && *k->kinds[i].stream && strcmp(k->kinds[i].stream, stream) != 0) i++;
  return snprintf(k->kinds[i].stream, NAME, "%s", stream), &k->kinds[i].schema;
}
static int32_t keep_prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct ArrowSchema *s = schema_of(self, stream->name);
  etl_schema_release(s);
  return etl_schema_copy(schema, s) < 0 ? failed(self, ETL_E_PERMANENT, "out of memory") : ETL_OK;
}
static int32_t keep_begin(void *self, const struct etl_txn *txn) {
  struct keep *k = self;
  return k->owner = txn->owner, k->careful = txn->flags & ETL_TXN_CAREFUL, stage(k);
}
static int32_t keep_row(struct keep *k, const struct etl_stream *stream, const struct ArrowArray *rows, const struct etl_view *id, int64_t i) {
  const struct ArrowSchema *s = schema_of(k, stream->name);
  if (id && k->refuse_every && !etl_view_null(id, i) && etl_view_i64(id, i) % k->refuse_every == 0)
    return !k->careful ? failed(k, ETL_E_DATA, "an id is refused")
                       : etl_reject(k->host, &ETL_ERROR(ETL_E_DATA), stream->name, s, rows, i, "id %" PRId64 " is refused", etl_view_i64(id, i));
  char *json = etl_row_json(s, rows, i);
  if (!json || fprintf(k->staged, "row %s\n", json) < 0) return free(json), failed(k, ETL_E_PERMANENT, "out of memory");
  return free(json), ETL_OK;
}
static int32_t keep_write(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct keep *k = self;
  struct etl_view id;
  const struct ArrowSchema *s = schema_of(k, stream->name);
  int64_t at = etl_schema_find(s, "id");
  bool numbered = at >= 0 && strcmp(s->children[at]->format, "l") == 0 && etl_view_init(&id, s, &m->rows, at) == 0;
  int32_t status = ETL_OK;
  for (int64_t i = 0; i < m->rows.length && status == ETL_OK; i++) status = keep_row(k, stream, &m->rows, numbered ? &id : NULL, i);
  return etl_array_release(&m->rows), status;
}
static int32_t keep_reject(void *self, const struct etl_rejected *const *rows, uint64_t n) {
  struct keep *k = self;
  for (uint64_t i = 0; i < n; i++)
    fprintf(k->staged, "aside %s/%s %" PRIu64 ".%" PRIu64 " %s: %s: %s\n", rows[i]->stream, rows[i]->shard, rows[i]->epoch, rows[i]->seq, rows[i]->stage,
            rows[i]->message, rows[i]->raw);
  return ferror(k->staged) ? failed(k, ETL_E_PERMANENT, "out of memory") : ETL_OK;
}
static int32_t keep_commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  struct keep *k = self;
  int fd = load(k);
  bool fits = fd >= 0 && k->seen == k->owner;
  for (uint64_t i = 0; fits && i < to_n; i++) {
    const struct lane *l = lane_of(k, to[i]->stream, to[i]->shard);
    fits = (to[i]->flags & ETL_CURSOR_FORGET) || to[i]->epoch == (l < k->lanes + k->n ? l->epoch : 0) + 1;
    bool long_ = to[i]->cursor.n >= ROOM / 2 || (to[i]->note && strlen(to[i]->note) >= ROOM - 2) || strlen(to[i]->shard) + strlen(to[i]->stream) > 250;
    if (long_ || k->n + to_n > LANES)
      return close(fd), failed(k, ETL_E_PERMANENT, "too many lanes, or a shard, cursor or note that is too long");
    fprintf(k->staged, "lane %" PRIu64 " %" PRIu32, to[i]->epoch, to[i]->flags);
    put(k->staged, to[i]->stream, strlen(to[i]->stream)), put(k->staged, to[i]->shard, strlen(to[i]->shard));
    put(k->staged, to[i]->cursor.n ? to[i]->cursor.p : "", to[i]->cursor.n), put(k->staged, to[i]->note, to[i]->note ? strlen(to[i]->note) : 0);
    fputs("\n", k->staged);
  }
  if (fd < 0) return ETL_FAILED;
  return fits ? append(k, fd) : (close(fd), failed(k, ETL_E_FENCED, "a newer run owns it, or the lane is at another epoch"));
}
static const struct etl_common common = {.struct_size = sizeof common, .open = keep_open, .close = keep_close};
static const struct etl_loader api = {.struct_size = sizeof api, .claim = keep_claim, .committed = keep_committed, .prepare = keep_prepare, .begin = keep_begin,
                                      .write = keep_write, .commit = keep_commit, .abort = keep_abort, .run_end = keep_run_end, .reject = keep_reject};
ETL_CONNECTOR(ETL_KIND_LOADER, "frozen_keep", "1.0", "MIT", .caps = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_CAREFUL,
              .summary = "Rows in a journal", .options = options, .common = &common, .api = &api);
