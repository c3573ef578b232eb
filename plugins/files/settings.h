/* settings.h: the options of the extractors, typed.  Made by open(), read-only from then on. */
#ifndef FILES_SETTINGS_H
#define FILES_SETTINGS_H

#include "pool.h"
#include "source.h"
#include "types.h"

enum { /* the options that both extractors have, at the same indexes */
  READ_PATH,
  READ_FOLDER,
  READ_NAME,
  READ_COLUMNS,
  READ_SAMPLE,
  READ_COMPRESSION,
  READ_ENCODING,
  READ_MAX_LINE,
  READ_MAX_CELL,
  READ_FOLLOW,
  READ_ON_CHANGE,
  READ_OWN /* the first that only one of them has */
};
extern const struct etl_option read_options[READ_OWN];
/* All of them, for the table of a connector. */
#define READ_OPTIONS                                                                                \
  [READ_PATH] = &read_options[READ_PATH], [READ_FOLDER] = &read_options[READ_FOLDER],               \
  [READ_NAME] = &read_options[READ_NAME], [READ_COLUMNS] = &read_options[READ_COLUMNS],             \
  [READ_SAMPLE] = &read_options[READ_SAMPLE], [READ_COMPRESSION] = &read_options[READ_COMPRESSION], \
  [READ_ENCODING] = &read_options[READ_ENCODING], [READ_MAX_LINE] = &read_options[READ_MAX_LINE],   \
  [READ_MAX_CELL] = &read_options[READ_MAX_CELL], [READ_FOLLOW] = &read_options[READ_FOLLOW],       \
  [READ_ON_CHANGE] = &read_options[READ_ON_CHANGE]

enum { /* of csv */
  CSV_DELIMITER = READ_OWN,
  CSV_QUOTE,
  CSV_ESCAPE,
  CSV_HEADER,
  CSV_NULL,
  CSV_SKIP,
  CSV_COMMENT,
  CSV_RAGGED,
  CSV_N
};
enum header {
  HEADER_AUTO,
  HEADER_YES,
  HEADER_NO
};
extern const char *const header_choices[], *const ragged_choices[];

struct forced { /* a column whose type the user named */
  const char *name;
  struct type type;
};
struct settings {
  struct pool pool;
  const char *stream, *folder; /* NULL: none */
  struct etl_bytes *paths;
  size_t paths_n;
  struct forced *forced;
  size_t forced_n;
  uint64_t sample;
  enum compression compression;
  const char *encoding;
  size_t max_line, max_cell;
  bool follow, reload;
  /* csv */
  char delimiter, quote, escape, comment; /* 0: found out; none; none; none */
  enum header header;
  const char **nulls;
  size_t nulls_n;
  uint64_t skip;
  bool pad;
};
int settings_init(struct settings *s, const struct etl_open *o, bool csv, struct failure *f);
void settings_fini(struct settings *s);
const struct forced *settings_forced(const struct settings *s, const char *name, size_t n);

#endif
