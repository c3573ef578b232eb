/* Instances: opening, listing files, and one common set of columns for all of them. */
#include "extract.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

int32_t extract_open(const struct format *format, const struct etl_open *o, void **self) {
  struct instance *in = calloc(1, sizeof *in);
  struct failure f = {0};
  if (!in) {
    failure_memory(&f, "an instance");
    return failure_report(o->host, &f);
  }
  in->host = o->host;
  in->format = format;
  pthread_mutex_init(&in->lock, NULL);
  if (settings_init(&in->settings, o, format->csv, &f) < 0) {
    extract_close(in);
    return failure_report(o->host, &f);
  }
  *self = in;
  return ETL_OK;
}

void extract_close(void *self) {
  struct instance *in = self;
  if (in->once)
    window_close(in->once);
  free(in->once);
  layout_fini(&in->layout);
  settings_fini(&in->settings);
  pthread_mutex_destroy(&in->lock);
  free(in);
}

static int list_files(struct instance *in, struct failure *f) {
  pthread_mutex_lock(&in->lock);
  int rc = in->files.n ? 0 : files_list(&in->files, &in->settings.pool, in->settings.paths, in->settings.paths_n, f);
  pthread_mutex_unlock(&in->lock);
  return rc;
}

int32_t extract_discover(void *self, int32_t (*each)(void *arg, const struct etl_stream *), void *arg) {
  struct instance *in = self;
  struct failure f = {0};
  if (list_files(in, &f) < 0)
    return failure_report(in->host, &f);
  struct etl_stream stream = {.struct_size = sizeof stream, .name = in->settings.stream};
  if (in->files.once)
    stream.flags |= ETL_STREAM_ONCE | ETL_STREAM_WHOLE;
  return each(arg, &stream);
}

int32_t extract_plan(void *self, const struct etl_stream *stream, int32_t (*each)(void *arg, const struct etl_shard *), void *arg) {
  struct instance *in = self;
  struct failure f = {0};
  int32_t rc = ETL_OK;
  (void)stream;
  if (list_files(in, &f) < 0)
    return failure_report(in->host, &f);
  for (size_t i = 0; i < in->files.n && rc == ETL_OK; i++) {
    struct etl_shard shard = {.struct_size = sizeof shard, .id = in->files.list[i].id, .est_rows = -1, .est_bytes = in->files.list[i].bytes};
    rc = each(arg, &shard);
  }
  return rc;
}

/* ---- sampling ------------------------------------------------------------------------------------------------------------ */

/* A file that cannot be opened or read is told by its own reader: it does not keep the others from being read. */
static int sample_file(struct instance *in, const struct etl_host *host, size_t i, uint64_t rows, struct failure *f) {
  const struct settings *s = &in->settings;
  const struct file *file = &in->files.list[i];
  bool once = file->once;
  struct window *w = calloc(1, sizeof *w);
  struct failure ignored = {0};
  if (!w)
    return failure_memory(f, "sampling");
  if (window_open(w, host, file->path, s->compression, s->encoding, s->max_line, &ignored) < 0) {
    free(w);
    return once || (ignored.option && strcmp(ignored.option, "encoding") == 0) ? (*f = ignored, -1) : 0;
  }
  int rc = in->format->sample(s, w, rows, once, &in->layout, &in->settings.pool, &in->shapes[i], f);
  if (once && rc == 0) {
    in->once = w;
    return 0;
  }
  window_close(w);
  free(w);
  return rc;
}

static int check_forced(const struct instance *in, struct failure *f) {
  const struct settings *s = &in->settings;
  bool read_some = false;
  for (size_t i = 0; i < in->files.n; i++)
    read_some |= in->shapes[i].fields > 0;
  for (size_t i = 0; i < s->forced_n && read_some; i++)
    if (layout_find(&in->layout, s->forced[i].name, strlen(s->forced[i].name), i) < 0)
      return failure_set(f, ETL_E_CONFIG, "columns", "name it as the file's header does, or correct `header` or `delimiter`",
                         "no file of `path` has the column \"%s\"", s->forced[i].name);
  return 0;
}

static int sample_all(struct instance *in, const struct etl_host *host, struct failure *f) {
  const struct settings *s = &in->settings;
  uint64_t rows = s->sample / in->files.n;
  in->shapes = pool_alloc(&in->settings.pool, in->files.n * sizeof *in->shapes);
  if (!in->shapes)
    return failure_memory(f, "sampling");
  for (size_t i = 0; i < in->files.n; i++)
    if (sample_file(in, host, i, rows < 20 ? 20 : rows, f) < 0)
      return -1;
  if (in->format->csv)
    return check_forced(in, f);
  for (size_t i = 0; i < s->forced_n; i++)
    if (layout_add(&in->layout, s->forced[i].name, strlen(s->forced[i].name)) < 0)
      return failure_memory(f, "sampling");
  return 0;
}

int extract_sample(struct instance *in, const struct etl_host *host, struct failure *f) {
  int rc = list_files(in, f);
  pthread_mutex_lock(&in->lock);
  if (rc == 0 && !in->sampled) {
    rc = sample_all(in, host, f);
    layout_finish(&in->layout, &in->settings, 0);
    in->sampled = rc == 0;
  }
  pthread_mutex_unlock(&in->lock);
  return rc;
}

int shape_check(const struct shape *s, const char *path, struct failure *f) {
  if (s->no_text == 0)
    return 0;
  return failure_set(f, ETL_E_DATA, "encoding", "set `encoding` to what the file is written in",
                     "%s: cell %zu of its header is not UTF-8, or has a NUL byte in it", path, s->no_text);
}

const void *extract_ext(void *self, const char *id) {
  (void)self;
  return strcmp(id, ETL_EXT_EXPLAIN) == 0 ? (const void *)&extract_explain : strcmp(id, ETL_EXT_CATALOG) == 0 ? &extract_catalog : NULL;
}

static int can_be_read(const struct instance *in, struct failure *f) {
  for (size_t i = 0; i < in->files.n; i++)
    if (access(in->files.list[i].path, R_OK) < 0)
      return failure_errno(f, errno, "read", in->files.list[i].path);
  return 0;
}

int32_t extract_check(void *self) {
  struct instance *in = self;
  const struct settings *s = &in->settings;
  struct failure f = {0};
  int rc = 0;
  if (s->paths_n == 0 && s->folder && access(s->folder, R_OK | X_OK) < 0)
    rc = failure_errno(&f, errno, "read", s->folder);
  else if (s->paths_n > 0)
    rc = list_files(in, &f) == 0 && (in->files.once || (can_be_read(in, &f) == 0 && extract_sample(in, in->host, &f) == 0)) ? 0 : -1;
  return rc < 0 ? failure_report(in->host, &f) : ETL_OK;
}

const struct etl_extractor extractor_api = {.struct_size = sizeof extractor_api,
                                            .discover = extract_discover,
                                            .plan = extract_plan,
                                            .reader_open = reader_open,
                                            .next = reader_next,
                                            .reader_close = reader_close};
