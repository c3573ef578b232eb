/* jsonl: a loader that appends rows as JSON to rows.jsonl of a folder, exactly once; one folder a pipeline.  The file "state" says who
 * owns the folder, how long rows.jsonl is for good, and where each lane stands.  Replacing it by rename() is the commit: whatever
 * rows.jsonl has beyond that length was never committed, and the next commit writes over it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>
#include <etl/sdk.h>

enum { OPT_FOLDER, LANES = 64, NAME = 256, ROOM = 4096 };
static const struct etl_option *const options[] = {[OPT_FOLDER] = &(const struct etl_option){.struct_size = sizeof(struct etl_option),
  .type = ETL_T_PATH, .name = "folder", .flags = ETL_OPT_REQUIRED | ETL_OPT_IDENTITY, .doc = "Folder of rows and state."}, NULL};
struct lane { char stream[NAME], shard[NAME], cursor[ROOM], note[ROOM]; uint64_t epoch, cursor_n, flags, has_note; };
struct state { uint64_t owner, length, n; struct lane lanes[LANES]; }; /* the file has n lanes */
struct jsonl { const struct etl_host *host; int folder; FILE *staged; char *text; size_t text_n; uint64_t owner;
  struct { char stream[NAME]; struct ArrowSchema schema; } kinds[LANES]; struct state s; };
static int32_t failed(struct jsonl *l, uint32_t class, const char *what) { return etl_failf(l->host, &ETL_ERROR(class), "jsonl: %s", what); }
static int32_t io_failed(struct jsonl *l) { return failed(l, ETL_E_RETRYABLE, strerror(errno)); }
static int create(struct jsonl *l, const char *name) { return openat(l->folder, name, O_RDWR | O_CREAT | O_CLOEXEC, 0600); }
static size_t size_of(const struct state *s) { return offsetof(struct state, lanes) + s->n * sizeof *s->lanes; }
static int32_t unlock(struct jsonl *l, int32_t status) { return flock(l->folder, LOCK_UN), status; }
/* Reads the state and, when it can, holds its lock until unlock(). */
static int32_t lock(struct jsonl *l) {
  int fd = flock(l->folder, LOCK_EX) < 0 ? -1 : create(l, "state");
  ssize_t n = fd < 0 ? -1 : read(fd, memset(&l->s, 0, sizeof l->s), sizeof l->s); /* 0: it is new */
  if (fd < 0 || close(fd) < 0 || n < 0) return unlock(l, io_failed(l));
  return n && (l->s.n > LANES || (size_t)n != size_of(&l->s)) ? unlock(l, failed(l, ETL_E_DATA, "the file state is damaged")) : ETL_OK;
}
static int32_t replace(struct jsonl *l) {
  int fd = create(l, "state.new");
  bool good = fd >= 0 && ftruncate(fd, 0) == 0 && write(fd, &l->s, size_of(&l->s)) == (ssize_t)size_of(&l->s) && fsync(fd) == 0;
  good = fd >= 0 && close(fd) == 0 && good;
  return good && renameat(l->folder, "state.new", l->folder, "state") == 0 && fsync(l->folder) == 0 ? ETL_OK : io_failed(l);
}
static int32_t jsonl_open(const struct etl_open *o, void **self) {
  int fd = open(etl_opt_str(o, OPT_FOLDER), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return etl_failf(o->host, &ETL_ERROR(ETL_E_CONFIG), "jsonl: cannot use %s: %s", etl_opt_str(o, OPT_FOLDER), strerror(errno));
  struct jsonl *l = *self = calloc(1, sizeof *l);
  if (!l) return close(fd), etl_failf(o->host, &ETL_ERROR(ETL_E_PERMANENT), "jsonl: out of memory");
  return l->host = o->host, l->folder = fd, ETL_OK;
}
static int32_t jsonl_abort(void *self) { /* may come twice */
  struct jsonl *l = self;
  if (l->staged) fclose(l->staged), free(l->text);
  return l->staged = NULL, ETL_OK;
}
static void forget(struct jsonl *l) { for (size_t i = 0; i < LANES; i++) etl_schema_release(&l->kinds[i].schema); }
static void jsonl_close(void *self) { struct jsonl *l = self; jsonl_abort(l), close(l->folder), forget(l), free(l); }
static int32_t jsonl_claim(void *self, const struct etl_claim *c, uint64_t *ret_owner) {
  struct jsonl *l = self;
  if (lock(l) != ETL_OK) return ETL_FAILED;
  if (c->owner && c->owner < l->s.owner) return unlock(l, failed(l, ETL_E_FENCED, "a newer run owns the folder"));
  *ret_owner = l->s.owner = c->owner ? c->owner : l->s.owner + 1;
  return unlock(l, replace(l));
}
static int32_t jsonl_committed(void *self, int32_t (*each)(void *arg, const struct etl_cursor *), void *arg) {
  struct jsonl *l = self; int32_t status = lock(l);
  if (status == ETL_OK) unlock(l, ETL_OK); /* a commit of another instance is before this or after it */
  for (const struct lane *i = l->s.lanes; status == ETL_OK && i < l->s.lanes + l->s.n; i++)
    status = each(arg, &(struct etl_cursor){.struct_size = sizeof(struct etl_cursor), .flags = (uint32_t)i->flags, .stream = i->stream,
      .shard = i->shard, .epoch = i->epoch, .cursor = {i->cursor, i->cursor_n}, .note = i->has_note ? i->note : NULL});
  return status;
}
static struct ArrowSchema *schema_of(struct jsonl *l, const char *stream) { /* or a place for it; NULL: there is none */
  size_t i = 0;
  while (i < LANES && *l->kinds[i].stream && strcmp(l->kinds[i].stream, stream) != 0) i++;
  return i < LANES && snprintf(l->kinds[i].stream, NAME, "%s", stream) < NAME ? &l->kinds[i].schema : NULL;
}
static int32_t jsonl_prepare(void *self, const struct etl_stream *stream, const struct ArrowSchema *schema) {
  struct ArrowSchema *s = schema_of(self, stream->name);
  if (s) etl_schema_release(s);
  return !s || etl_schema_copy(schema, s) < 0 ? failed(self, ETL_E_PERMANENT, "out of memory, too many streams or too long a name") : ETL_OK;
}
static int32_t jsonl_begin(void *self, const struct etl_txn *txn) {
  struct jsonl *l = self;
  l->owner = txn->owner, l->staged = open_memstream(&l->text, &l->text_n); /* in memory: abort leaves nothing */
  return l->staged ? ETL_OK : io_failed(l);
}
static int32_t jsonl_write(void *self, const struct etl_stream *stream, struct etl_msg *m) {
  struct jsonl *l = self;
  for (int64_t i = 0; i < m->rows.length && !ferror(l->staged); i++) {
    char *text = etl_row_json(schema_of(l, stream->name), &m->rows, i);
    fprintf(l->staged, "%s\n", text ? text : ""), free(text);
    if (!text) return etl_array_release(&m->rows), failed(l, ETL_E_PERMANENT, "out of memory");
  }
  return etl_array_release(&m->rows), ferror(l->staged) ? io_failed(l) : ETL_OK; /* taken, whatever came of it */
}
static int32_t append(struct jsonl *l) { /* the staged rows, behind what is committed */
  int fd = fflush(l->staged) == 0 ? create(l, "rows.jsonl") : -1;
  bool good = fd >= 0 && ftruncate(fd, (off_t)l->s.length) == 0 && lseek(fd, 0, SEEK_END) >= 0;
  good = good && write(fd, l->text, l->text_n) == (ssize_t)l->text_n && fsync(fd) == 0;
  return l->s.length += l->text_n, fd >= 0 && close(fd) == 0 && good ? ETL_OK : io_failed(l);
}
static int32_t move_lane(struct jsonl *l, const struct etl_cursor *to) { /* to its next epoch, and to no other */
  struct lane *i = l->s.lanes, *end = i + l->s.n;
  while (i < end && (strcmp(i->stream, to->stream) != 0 || strcmp(i->shard, to->shard) != 0)) i++;
  if (to->flags & ETL_CURSOR_FORGET) return i < end ? (void)(*i = l->s.lanes[--l->s.n]) : (void)0, ETL_OK;
  if ((i < end ? i->epoch : 0) + 1 != to->epoch) return failed(l, ETL_E_FENCED, "the lane is not at the epoch before this one");
  bool long_names = strlen(to->stream) >= NAME || strlen(to->shard) >= NAME || to->cursor.n > ROOM || (to->note && strlen(to->note) >= ROOM);
  if (long_names || i == l->s.lanes + LANES) return failed(l, ETL_E_PERMANENT, "too many lanes, or a name, cursor or note that is too long");
  *i = (struct lane){.epoch = to->epoch, .flags = to->flags, .cursor_n = to->cursor.n, .has_note = to->note != NULL};
  snprintf(i->stream, NAME, "%s", to->stream), snprintf(i->shard, NAME, "%s", to->shard), snprintf(i->note, ROOM, "%s", to->note ? to->note : "");
  return memcpy(i->cursor, to->cursor.n ? to->cursor.p : "", to->cursor.n), l->s.n += i == end, ETL_OK;
}
static int32_t jsonl_commit(void *self, const struct etl_cursor *const *to, uint64_t to_n) {
  struct jsonl *l = self; int32_t status = lock(l);
  if (status != ETL_OK) return status;
  if (l->s.owner != l->owner) status = failed(l, ETL_E_FENCED, "a newer run owns the folder");
  for (uint64_t i = 0; status == ETL_OK && i < to_n; i++) status = move_lane(l, to[i]);
  if (status == ETL_OK && (status = append(l)) == ETL_OK) status = replace(l);
  return unlock(l, status == ETL_OK ? jsonl_abort(l) : status); /* what was staged is in its place */
}
static const struct etl_common common = {.struct_size = sizeof common, .open = jsonl_open, .close = jsonl_close};
static const struct etl_loader api = {.struct_size = sizeof api, .claim = jsonl_claim, .committed = jsonl_committed, .prepare = jsonl_prepare,
                                      .begin = jsonl_begin, .write = jsonl_write, .commit = jsonl_commit, .abort = jsonl_abort};
ETL_CONNECTOR(ETL_KIND_LOADER, "jsonl", "1.0", "MIT", .caps = ETL_CAP_TXN | ETL_CAP_STORES_CURSOR, .summary = "JSON lines in a file",
              .options = options, .common = &common, .api = &api);
