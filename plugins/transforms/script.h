/* script.h: the lua transformer between its options (script.c), the sandboxed state (script_state.c), the row as a script sees it
 * (script_row.c) and the work on a batch (script_run.c).  One instance a lane, used by one thread at a time. */
#ifndef TRANSFORMS_SCRIPT_H
#define TRANSFORMS_SCRIPT_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "cast.h"
#include "transformer.h"

struct script_column { /* declared */
  char *name;
  struct cast_type type;
  int64_t in; /* column of the input with that name, -1 none */
  enum {
    FIELD_UNSET,
    FIELD_NIL,
    FIELD_SET /* its value lies in the table of assigned values under its index + 1 */
  } assigned; /* by the row in hand */
};
struct script_name { /* of a column that a script can read or set */
  int64_t in;        /* -1: it is not in the input */
  int64_t declared;  /* -1: it cannot be set */
};
enum script_trouble { /* what ended a row besides the script's own errors */
  TROUBLE_NONE,
  TROUBLE_STOPPED,
  TROUBLE_TOO_LONG,
  TROUBLE_NO_MEMORY /* of the run's budget */
};
struct script {
  const struct etl_host *host;
  lua_State *lua;
  size_t memory, memory_max; /* bytes */
  int64_t steps, steps_max;  /* instructions of the row in hand */
  enum script_trouble trouble;
  unsigned printed; /* lines */
  struct script_column *columns;
  size_t columns_n;
  bool keep_columns;
  /* for the schema in force */
  struct ArrowSchema in, out;
  struct script_name *names; /* numbers in the Lua table of names point here */
  int64_t *plan;             /* one an output column: its input column, or -1 - declared */
  /* the batch in hand */
  struct etl_view *views; /* one an input column */
  int64_t row;
  struct etl_batch *made; /* one a declared column */
  int64_t *source;        /* of each row made: its row in the batch */
  size_t source_cap;
  int64_t made_n;
};
enum { /* keys in Lua's registry */
  SCRIPT_NAMES = 1000,
  SCRIPT_ASSIGNED,
  SCRIPT_PROCESS,
  SCRIPT_ROW
};

/* Makes the state, compiles text and runs it once; after it process() is there.  Errors are ETL_E_CONFIG. */
int32_t script_state_open(struct script *s, const char *text, const char *name, const char *option);
void script_state_close(struct script *s);
/* The message of the error on top; without memory of Lua's, which may be what is missing. */
const char *script_error(lua_State *lua);
struct script *script_of(lua_State *lua);
/* The row's metatable and object. */
void script_row_register(lua_State *lua);
/* Tells Lua the names of the columns; in a protected call. */
int script_row_names(lua_State *lua);
/* Pushes the value of an input column of the row in hand. */
void script_row_push(struct script *s, int64_t column);
int32_t script_process(void *self, struct etl_msg *in, const struct etl_sink *sink);

#endif
