/* Arrow schemas: making, copying, comparing, and reading a column's format.  Every node owns its strings and its children; a
 * column may be moved out of its parent.  Any thread. */
#include <stdlib.h>
#include <stdio.h>

#include "etl/sdk.h"

static void node_release(struct ArrowSchema *s) {
  for (int64_t i = 0; i < s->n_children; i++) {
    etl_schema_release(s->children[i]);
    free(s->children[i]);
  }
  free(s->children);
  if (s->dictionary)
    etl_schema_release(s->dictionary);
  free(s->dictionary);
  free((void *)s->format);
  free((void *)s->name);
  free((void *)s->metadata);
  s->release = NULL;
}

static uint64_t metadata_size(const char *m) {
  if (!m)
    return 0;
  const char *p = m;
  int32_t n, len;
  memcpy(&n, p, 4);
  p += 4;
  for (int64_t i = 0; i < 2 * (int64_t)n; i++) {
    memcpy(&len, p, 4);
    p += 4 + len;
  }
  return (uint64_t)(p - m);
}

static char *metadata_make(const char *const *pairs, int32_t n) {
  uint64_t size = 4;
  for (int32_t i = 0; i < 2 * n; i++)
    size += 4 + strlen(pairs[i]);
  char *m = malloc(size), *p = m;
  if (!m)
    return NULL;
  memcpy(p, &n, 4);
  p += 4;
  for (int32_t i = 0; i < 2 * n; i++) {
    int32_t len = (int32_t)strlen(pairs[i]);
    memcpy(p, &len, 4);
    memcpy(p + 4, pairs[i], (size_t)len);
    p += 4 + len;
  }
  return m;
}

/* A node without children; metadata is taken over. */
static int node_init(struct ArrowSchema *s, const char *format, const char *name, int64_t flags, char *metadata) {
  char *f = strdup(format), *n = strdup(name ? name : "");
  if (!f || !n) {
    free(f);
    free(n);
    free(metadata);
    return -1;
  }
  *s = (struct ArrowSchema){.format = f, .name = n, .flags = flags, .metadata = metadata, .release = node_release};
  return 0;
}

static int node_children(struct ArrowSchema *s, int64_t n) {
  if (n == 0)
    return 0;
  s->children = calloc((size_t)n, sizeof *s->children);
  if (!s->children)
    return -1;
  for (int64_t i = 0; i < n; i++) {
    s->children[i] = calloc(1, sizeof **s->children);
    if (!s->children[i])
      return -1;
    s->n_children = i + 1;
  }
  return 0;
}

int etl_schema_init(struct ArrowSchema *s, int64_t n_columns) {
  if (node_init(s, "+s", "", 0, NULL) < 0)
    return -1;
  if (node_children(s, n_columns) < 0) {
    s->release(s);
    return -1;
  }
  return 0;
}

int etl_schema_set(struct ArrowSchema *s, int64_t i, const char *name, const char *format, bool nullable, const char *source_type,
                   const char *extension) {
  const char *pairs[4];
  int32_t n = 0;
  if (source_type) {
    pairs[2 * n] = ETL_META_SOURCE_TYPE;
    pairs[2 * n++ + 1] = source_type;
  }
  if (extension) {
    pairs[2 * n] = ETL_META_EXTENSION;
    pairs[2 * n++ + 1] = extension;
  }
  char *m = n ? metadata_make(pairs, n) : NULL;
  struct ArrowSchema node;
  if ((n && !m) || node_init(&node, format, name, nullable ? ARROW_FLAG_NULLABLE : 0, m) < 0)
    return -1;
  etl_schema_release(s->children[i]);
  *s->children[i] = node;
  return 0;
}

int etl_schema_copy(const struct ArrowSchema *from, struct ArrowSchema *ret) {
  uint64_t n = metadata_size(from->metadata);
  char *m = n ? malloc(n) : NULL;
  if (n && !m)
    return -1;
  if (n)
    memcpy(m, from->metadata, n);
  struct ArrowSchema s;
  if (node_init(&s, from->format, from->name, from->flags, m) < 0)
    return -1;
  if (node_children(&s, from->n_children) < 0) {
    s.release(&s);
    return -1;
  }
  int rc = 0;
  for (int64_t i = 0; i < s.n_children && rc == 0; i++)
    rc = from->children[i]->release ? etl_schema_copy(from->children[i], s.children[i]) : 0;
  if (rc == 0 && from->dictionary)
    rc = (s.dictionary = calloc(1, sizeof *s.dictionary)) ? etl_schema_copy(from->dictionary, s.dictionary) : -1;
  if (rc < 0)
    s.release(&s);
  else
    *ret = s;
  return rc;
}

int etl_schema_set_copy(struct ArrowSchema *s, int64_t i, const struct ArrowSchema *column) {
  struct ArrowSchema copy;
  if (etl_schema_copy(column, &copy) < 0)
    return -1;
  etl_schema_release(s->children[i]);
  *s->children[i] = copy;
  return 0;
}

static bool text_equal(const char *a, const char *b) { return strcmp(a ? a : "", b ? b : "") == 0; }

bool etl_schema_equal(const struct ArrowSchema *a, const struct ArrowSchema *b) {
  uint64_t n = metadata_size(a->metadata);
  if (!text_equal(a->format, b->format) || !text_equal(a->name, b->name) || a->flags != b->flags || a->n_children != b->n_children ||
      !a->dictionary != !b->dictionary || n != metadata_size(b->metadata) || (n && memcmp(a->metadata, b->metadata, n) != 0))
    return false;
  if (a->dictionary && !etl_schema_equal(a->dictionary, b->dictionary))
    return false;
  for (int64_t i = 0; i < a->n_children; i++)
    if (!etl_schema_equal(a->children[i], b->children[i]))
      return false;
  return true;
}

int64_t etl_schema_find(const struct ArrowSchema *s, const char *name) {
  for (int64_t i = 0; i < s->n_children; i++)
    if (s->children[i]->name && strcmp(s->children[i]->name, name) == 0)
      return i;
  return -1;
}

const char *etl_schema_meta(const struct ArrowSchema *column, const char *key, uint64_t *ret_n) {
  if (!column->metadata)
    return NULL;
  const char *p = column->metadata;
  size_t want = strlen(key);
  int32_t n, klen, vlen;
  memcpy(&n, p, 4);
  p += 4;
  for (int32_t i = 0; i < n; i++) {
    memcpy(&klen, p, 4);
    const char *k = p + 4;
    memcpy(&vlen, k + klen, 4);
    const char *v = k + klen + 4;
    if ((size_t)klen == want && memcmp(k, key, want) == 0) {
      *ret_n = (uint64_t)vlen;
      return v;
    }
    p = v + vlen;
  }
  return NULL;
}

static const struct { char letter; enum etl_phys phys; enum etl_logical logical; uint32_t width; } simple_formats[] = {
  {'b', ETL_P_BOOL, ETL_L_BOOL, 0},    {'c', ETL_P_FIXED, ETL_L_INT, 1},   {'C', ETL_P_FIXED, ETL_L_UINT, 1},
  {'s', ETL_P_FIXED, ETL_L_INT, 2},    {'S', ETL_P_FIXED, ETL_L_UINT, 2},  {'i', ETL_P_FIXED, ETL_L_INT, 4},
  {'I', ETL_P_FIXED, ETL_L_UINT, 4},   {'l', ETL_P_FIXED, ETL_L_INT, 8},   {'L', ETL_P_FIXED, ETL_L_UINT, 8},
  {'f', ETL_P_FIXED, ETL_L_FLOAT, 4},  {'g', ETL_P_FIXED, ETL_L_FLOAT, 8}, {'u', ETL_P_VAR32, ETL_L_STRING, 0},
  {'U', ETL_P_VAR64, ETL_L_STRING, 0}, {'z', ETL_P_VAR32, ETL_L_BINARY, 0}, {'Z', ETL_P_VAR64, ETL_L_BINARY, 0},
};

static int temporal_parse(const char *f, struct etl_format *ret) {
  static const char units[] = "smun";
  static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
  if (strcmp(f, "tdD") == 0) {
    *ret = (struct etl_format){.phys = ETL_P_FIXED, .logical = ETL_L_DATE, .width = 4};
    return 0;
  }
  const char *u = f[1] && f[2] ? strchr(units, f[2]) : NULL;
  if (!u)
    return -1;
  ret->phys = ETL_P_FIXED;
  ret->per_second = per_second[u - units];
  if (f[1] == 't' && f[3] == 0) {
    ret->logical = ETL_L_TIME;
    ret->width = u - units < 2 ? 4 : 8;
    return 0;
  }
  if (f[1] == 's' && f[3] == ':') {
    ret->logical = ETL_L_TIMESTAMP;
    ret->width = 8;
    ret->tz = f[4] ? f + 4 : NULL;
    return 0;
  }
  return -1;
}

int etl_format_parse(const struct ArrowSchema *column, struct etl_format *ret) {
  const char *f = column->format;
  struct etl_format r = {0};
  int n = 0;
  uint64_t ext_n = 0;
  const char *ext = etl_schema_meta(column, ETL_META_EXTENSION, &ext_n);
  if (f[0] && !f[1]) {
    for (size_t i = 0; i < sizeof simple_formats / sizeof *simple_formats; i++)
      if (simple_formats[i].letter == f[0])
        r = (struct etl_format){
          .phys = simple_formats[i].phys, .logical = simple_formats[i].logical, .width = simple_formats[i].width};
    if (r.logical == ETL_L_STRING && ext && ext_n == 10 && memcmp(ext, "arrow.json", 10) == 0)
      r.logical = ETL_L_JSON;
  } else if (sscanf(f, "d:%d,%d%n", &r.precision, &r.scale, &n) == 2 && f[n] == 0 && r.precision >= 1 && r.precision <= 38 && r.scale >= -38 &&
             r.scale <= 38) {
    r.phys = ETL_P_FIXED;
    r.logical = ETL_L_DECIMAL;
    r.width = 16;
  } else if (sscanf(f, "w:%u%n", &r.width, &n) == 1 && f[n] == 0) {
    r.phys = ETL_P_FIXED;
    r.logical = r.width == 16 && ext && ext_n == 10 && memcmp(ext, "arrow.uuid", 10) == 0 ? ETL_L_UUID : ETL_L_BINARY;
  } else if (f[0] == 't' && temporal_parse(f, &r) < 0) {
    return -1;
  }
  if (!r.logical || column->dictionary)
    return -1;
  *ret = r;
  return 0;
}
