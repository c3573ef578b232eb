/* Notes beside cursors: what is in them, and when a change is seen. */
#include <criterion/criterion.h>

#include "engine/identity.h"

#define OPTION(...) &(const struct etl_option){.struct_size = sizeof(struct etl_option), __VA_ARGS__}
static const struct etl_option *const options[] = {
    OPTION(.type = ETL_T_STRING, .name = "table", .flags = ETL_OPT_IDENTITY), OPTION(.type = ETL_T_STRING, .name = "host"),
    OPTION(.type = ETL_T_LIST, .name = "cursor", .flags = ETL_OPT_IDENTITY),
    OPTION(.type = ETL_T_STRING, .name = "token", .flags = ETL_OPT_IDENTITY | ETL_OPT_SECRET), NULL};
static const struct etl_connector connector = {.struct_size = sizeof connector, .options = options};

struct side { /* a run's extractor with these options, and a loader without any */
  struct run run;
  struct spec spec;
  struct conf_node node;
  struct etl_value values[4];
  const struct etl_value *list[4];
  struct lane lane;
};

static void side_init(struct side *s, const char *table, const struct etl_bytes *cursor, uint64_t cursor_n) {
  static const struct etl_option *const none[] = {NULL};
  static const struct etl_connector bare = {.struct_size = sizeof bare, .options = none};
  *s = (struct side){.node = {.kind = CONF_GROUP}};
  s->values[0].str = table;
  s->values[1].str = "localhost";
  s->values[2].list = cursor;
  s->values[2].list_n = cursor_n;
  s->values[3].str = "secret:0";
  for (int i = 0; i < 4; i++)
    s->list[i] = &s->values[i];
  s->spec.extract.conf.options = s->spec.load.conf.options = &s->node;
  s->run = (struct run){.spec = &s->spec, .extract = {.conn = &connector, .options = {s->list, 4}}, .load = {.conn = &bare}};
  s->run.identity = identity_of(&s->run);
  s->lane.run = &s->run;
  s->lane.name = "t/0";
}

static void side_fini(struct side *s) { json_decref(s->run.identity); }

static const struct etl_bytes by_id[] = {{"id", 2}}, by_time[] = {{"at", 2}, {"id", 2}};

Test(identity, a_note_has_the_options_that_count_and_no_secret) {
  struct side s;
  side_init(&s, "dbo.t", by_time, 2);
  char *note = identity_note(&s.lane, NULL), *with_done = identity_note(&s.lane, "2024-05-01");
  cr_expect_str_eq(note, "{\"extract\":{\"cursor\":[\"at\",\"id\"],\"table\":\"dbo.t\"},\"load\":{}}");
  struct arena *a = arena_new();
  cr_expect_str_eq(identity_done(with_done, a), "2024-05-01");
  cr_expect_null(identity_done(note, a));
  cr_expect_null(identity_done(NULL, a));
  cr_expect_null(identity_done("no JSON", a));
  arena_free(a);
  free(note);
  free(with_done);
  side_fini(&s);
}

static const char *refused(const char *note, const char *table, const struct etl_bytes *cursor, uint64_t n, uint32_t flags) {
  static struct err e;
  struct side s;
  side_init(&s, table, cursor, n);
  s.lane.note = note;
  s.lane.stream_flags = flags;
  int rc = identity_check(&s.lane, &e);
  side_fini(&s);
  return rc < 0 ? e.message : "";
}

Test(identity, a_change_is_seen) {
  struct side s;
  side_init(&s, "dbo.t", by_time, 2);
  char *note = identity_note(&s.lane, NULL);
  cr_expect_str_eq(refused(note, "dbo.t", by_time, 2, 0), "");
  cr_expect_str_eq(refused(note, "dbo.u", by_time, 2, 0),
                   "table of extract was \"dbo.t\" when the saved position of t/0 was made, and now it is \"dbo.u\"");
  cr_expect_str_eq(refused(note, NULL, by_time, 2, 0),
                   "table of extract was \"dbo.t\" when the saved position of t/0 was made, and now it is not set");
  cr_expect_str_eq(refused(note, "dbo.t", by_id, 1, 0),
                   "cursor of extract was [\"at\",\"id\"] when the saved position of t/0 was made, and now it is [\"id\"]");
  cr_expect_str_eq(refused(note, "dbo.u", by_time, 2, ETL_STREAM_WHOLE), "", "no position is gone on from");
  free(note);
  side_fini(&s);
}

Test(identity, what_is_not_known_is_no_change) {
  cr_expect_str_eq(refused(NULL, "dbo.t", by_id, 1, 0), "");
  cr_expect_str_eq(refused("", "dbo.t", by_id, 1, 0), "");
  cr_expect_str_eq(refused("{\"extract\":{\"query\":\"x\"}}", "dbo.t", by_id, 1, 0), "");
}

Test(identity, a_long_value_goes_in_by_its_beginning_and_a_number) {
  enum { LENGTH = 100000 };
  char *text = xcalloc(LENGTH + 1, 1);
  struct side s;
  for (int i = 0; i < LENGTH; i += 2)
    memcpy(text + i, "\u00e9", 2);
  side_init(&s, text, by_id, 1);
  char *note = identity_note(&s.lane, NULL);
  cr_expect_lt(strlen(note), 1000);
  cr_expect_not_null(strstr(note, "... (100002 bytes, "));
  cr_expect_str_eq(refused(note, text, by_id, 1, 0), "");
  memcpy(text + LENGTH - 2, "\u00e8", 2);
  cr_expect_neq(refused(note, text, by_id, 1, 0)[0], 0);
  free(note);
  side_fini(&s);
  free(text);
}
