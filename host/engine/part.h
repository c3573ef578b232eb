/* engine/part.h: a connector of the run: loaded, its options bound; and instances opened from it.  Parts live as long as the worker. */
#ifndef HOST_ENGINE_PART_H
#define HOST_ENGINE_PART_H

#include "engine/services.h"
#include "engine/spec.h"

struct part {
  const struct etl_connector *conn;
  const char *stage; /* "extract", "transform 2", "load" */
  struct bound_options options;
  struct secrets secrets;
  struct turn turn; /* for ETL_CAP_ONE_AT_A_TIME */
};
struct instance {
  struct services svc;
  const struct part *part;
  void *self; /* NULL: not open */
};

/* Loads the connector (from its copy in the cache) and binds its options.  Every mistake in the options is in e's message. */
int part_load(struct part *p, const struct spec_stage *s, enum etl_kind kind, const char *stage, const char *cache_dir, struct arena *arena,
              struct err *e);

/* The same for ETL_OPEN_CONNECTION. */
int part_load_connection(struct part *p, const struct spec_stage *s, enum etl_kind kind, const char *stage, const char *cache_dir,
                         struct arena *arena, struct err *e);

/* lane NULL: the run's own instance.  On failure nothing is left open. */
int instance_open(struct instance *in, struct part *p, const struct run_services *run, const struct spec *spec, const char *lane,
                  uint32_t flags, struct stop *stop, struct err *e);
void instance_close(struct instance *in); /* accepts one that never opened */
/* Wakes a blocked call.  Any thread; the caller makes sure that close has not begun. */
void instance_cancel(struct instance *in);

static inline const struct etl_extractor *part_extractor(const struct part *p) { return p->conn->api; }
static inline const struct etl_transformer *part_transformer(const struct part *p) { return p->conn->api; }
static inline const struct etl_loader *part_loader(const struct part *p) { return p->conn->api; }
/* Services for a reader or another object of this part. */
void part_services(struct services *s, struct part *p, const struct run_services *run, const char *lane, struct stop *stop);

#endif
