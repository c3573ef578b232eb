/* A batch through process(), row by row, each in one protected call: whatever goes wrong in it takes back what the row had added
 * and sets the row aside.  Columns that the script cannot change are moved, or copied when rows were left out or added. */
#include <stdio.h>
#include <stdlib.h>

#include "keep.h"
#include "script.h"
#include "shown.h"

enum {
  NUMBER_BYTES = 64,
  MESSAGE_BYTES = 1024
};

static int no_memory(lua_State *lua) {
  script_of(lua)->trouble = TROUBLE_NO_MEMORY;
  return luaL_error(lua, "no memory");
}

/* The value on top as text; a float in full. */
static struct etl_bytes text_of(lua_State *lua, const struct script_column *c, char buf[NUMBER_BYTES]) {
  struct etl_bytes b = {0};
  if (lua_type(lua, -1) == LUA_TBOOLEAN)
    return lua_toboolean(lua, -1) ? (struct etl_bytes){"true", 4} : (struct etl_bytes){"false", 5};
  if (lua_type(lua, -1) == LUA_TNUMBER && !lua_isinteger(lua, -1) && c->type.f.logical != ETL_L_STRING) {
    b.n = (uint64_t)snprintf(buf, NUMBER_BYTES, "%.17g", lua_tonumber(lua, -1));
    b.p = buf;
    return b;
  }
  if (lua_type(lua, -1) != LUA_TSTRING && lua_type(lua, -1) != LUA_TNUMBER)
    luaL_error(lua, "column \"%s\": a %s cannot be a value", c->name, luaL_typename(lua, -1));
  size_t n;
  b.p = lua_tolstring(lua, -1, &n);
  b.n = n;
  return b;
}

/* Values that need no text in between.  false: it is none of them. */
static bool add_direct(lua_State *lua, const struct etl_format *f, struct etl_batch *b) {
  int whole = 0, type = lua_type(lua, -1);
  if (f->logical == ETL_L_BOOL && type == LUA_TBOOLEAN) {
    etl_batch_bool(b, 0, lua_toboolean(lua, -1));
    return true;
  }
  if (f->logical == ETL_L_FLOAT && f->width == 8 && type == LUA_TNUMBER) {
    etl_batch_f64(b, 0, lua_tonumber(lua, -1));
    return true;
  }
  if (f->logical != ETL_L_INT || type != LUA_TNUMBER)
    return false;
  lua_Integer v = lua_tointegerx(lua, -1, &whole);
  int unused = 64 - 8 * (int)f->width;
  if (!whole || (lua_Integer)((uint64_t)v << unused) >> unused != v)
    return false;
  etl_batch_fixed(b, 0, &v); /* its low bytes come first */
  return true;
}

/* The value on top, into the row begun of the declared column. */
static void add_value(lua_State *lua, const struct script_column *c, struct etl_batch *b) {
  char buf[NUMBER_BYTES];
  const char *why = NULL;
  enum cast_result rc = CAST_OK;
  if (lua_isnil(lua, -1)) {
    rc = etl_batch_null(b, 0) < 0 ? CAST_NO_MEMORY : CAST_OK;
  } else if (!add_direct(lua, &c->type.f, b)) {
    struct etl_bytes text = text_of(lua, c, buf);
    if (c->type.f.logical != ETL_L_BINARY && !shown_is_utf8(text)) {
      rc = CAST_BAD;
      why = "not UTF-8";
    } else if (c->type.f.logical == ETL_L_STRING || c->type.f.logical == ETL_L_BINARY) {
      rc = etl_batch_bytes(b, 0, text.p, text.n) < 0 ? CAST_NO_MEMORY : CAST_OK;
    } else {
      rc = cast_add_text(text, &c->type, b, &why);
    }
  }
  if (rc == CAST_NO_MEMORY)
    no_memory(lua);
  if (rc == CAST_BAD)
    luaL_error(lua, "column \"%s\": the value cannot become %s: %s", c->name, c->type.name, why);
}

/* Pushes what the row object or the table at stack index `at` has for a declared column. */
static void push_value(lua_State *lua, struct script *s, size_t d, int at) {
  const struct script_column *c = &s->columns[d];
  if (lua_type(lua, at) == LUA_TTABLE) {
    lua_pushstring(lua, c->name);
    lua_rawget(lua, at);
  } else if (c->assigned == FIELD_SET) {
    lua_rawgeti(lua, LUA_REGISTRYINDEX, SCRIPT_ASSIGNED);
    lua_rawgeti(lua, -1, (lua_Integer)d + 1);
    lua_remove(lua, -2);
  } else if (c->assigned == FIELD_NIL || c->in < 0) {
    lua_pushnil(lua);
  } else {
    script_row_push(s, c->in);
  }
}

/* A table may only name columns that can be set. */
static void check_names(lua_State *lua, const struct script *s, int at) {
  lua_rawgeti(lua, LUA_REGISTRYINDEX, SCRIPT_NAMES);
  int names = lua_gettop(lua);
  for (lua_pushnil(lua); lua_next(lua, at);) {
    lua_pushvalue(lua, -2);
    lua_rawget(lua, names);
    lua_Integer number = lua_tointeger(lua, -1);
    if (number == 0 || s->names[number - 1].declared < 0)
      luaL_error(lua, "a row that process() returned has \"%s\", which is not among the option columns",
                 luaL_tolstring(lua, -3, NULL));
    lua_pop(lua, 2);
  }
  lua_pop(lua, 1);
}

static void add_row(lua_State *lua, struct script *s, int at) {
  if (lua_type(lua, at) == LUA_TTABLE)
    check_names(lua, s, at);
  if ((size_t)s->made_n == s->source_cap) {
    size_t cap = s->source_cap * 2 + 1024;
    int64_t *grown = realloc(s->source, cap * sizeof *grown);
    if (!grown)
      no_memory(lua);
    s->source = grown;
    s->source_cap = cap;
  }
  for (size_t d = 0; d < s->columns_n; d++) {
    if (etl_batch_row(&s->made[d]) < 0)
      no_memory(lua);
    push_value(lua, s, d, at);
    add_value(lua, &s->columns[d], &s->made[d]);
    lua_pop(lua, 1);
  }
  s->source[s->made_n++] = s->row;
}

static void add_result(lua_State *lua, struct script *s, int at) {
  luaL_checkstack(lua, 8, NULL);
  if (lua_isnil(lua, at) || (lua_isboolean(lua, at) && !lua_toboolean(lua, at)))
    return;
  lua_rawgeti(lua, LUA_REGISTRYINDEX, SCRIPT_ROW);
  bool row = lua_rawequal(lua, at, -1);
  lua_pop(lua, 1);
  if (!row && !lua_istable(lua, at))
    luaL_error(lua, "process() returned a %s; return the row, a table of columns, a list of those, or nil", luaL_typename(lua, at));
  lua_Integer n = row ? 0 : (lua_Integer)lua_rawlen(lua, at);
  for (lua_Integer i = 1; i <= n; i++) {
    lua_rawgeti(lua, at, i);
    if (lua_istable(lua, -1) && lua_rawlen(lua, -1))
      luaL_error(lua, "process() returned a list in a list");
    add_result(lua, s, lua_gettop(lua));
    lua_pop(lua, 1);
  }
  if (n == 0)
    add_row(lua, s, at);
}

static int run_row(lua_State *lua) {
  struct script *s = script_of(lua);
  lua_rawgeti(lua, LUA_REGISTRYINDEX, SCRIPT_PROCESS);
  lua_rawgeti(lua, LUA_REGISTRYINDEX, SCRIPT_ROW);
  lua_call(lua, 1, LUA_MULTRET);
  int n = lua_gettop(lua);
  for (int i = 1; i <= n; i++)
    add_result(lua, s, i);
  return 0;
}

static void take_back(struct script *s, int64_t made_n) {
  for (size_t d = 0; d < s->columns_n; d++)
    while (etl_batch_rows(&s->made[d]) > (uint64_t)made_n)
      etl_batch_undo_row(&s->made[d]);
  s->made_n = made_n;
}

static int32_t one_row(struct script *s, const struct ArrowArray *batch) {
  int64_t made_n = s->made_n;
  s->steps = 0;
  s->trouble = TROUBLE_NONE;
  lua_settop(s->lua, 0);
  lua_pushcfunction(s->lua, run_row);
  int rc = lua_pcall(s->lua, 0, 0, 0);
  for (size_t d = 0; d < s->columns_n; d++)
    s->columns[d].assigned = FIELD_UNSET;
  if (rc == LUA_OK)
    return ETL_OK;
  take_back(s, made_n);
  if (s->trouble == TROUBLE_STOPPED)
    return ETL_STOPPED;
  if (s->trouble == TROUBLE_NO_MEMORY)
    return transformer_no_memory(s->host, "lua");
  struct etl_error e = ETL_ERROR(ETL_E_DATA);
  const char *why = rc == LUA_ERRMEM ? "the script needs more memory than the option memory gives it" : script_error(s->lua);
  char text[MESSAGE_BYTES];
  shown_text(text, sizeof text, (struct etl_bytes){why, strlen(why)});
  return etl_reject(s->host, &e, NULL, &s->in, batch, s->row, "lua: %s", text);
}

static int32_t run_rows(struct script *s, const struct ArrowArray *batch) {
  s->made_n = 0;
  for (size_t d = 0; d < s->columns_n; d++) {
    struct ArrowSchema column = {.format = s->columns[d].type.format, .name = ""}, *children[] = {&column};
    struct ArrowSchema one = {.format = "+s", .n_children = 1, .children = children};
    if (etl_batch_init(&s->made[d], s->host, &one, (uint64_t)batch->length) < 0)
      return transformer_no_memory(s->host, "lua");
  }
  for (int64_t i = 0; i < s->in.n_children; i++)
    if (etl_view_init(&s->views[i], &s->in, batch, i) < 0)
      return transformer_no_memory(s->host, "lua");
  int32_t rc = ETL_OK;
  for (s->row = 0; rc == ETL_OK && s->row < batch->length; s->row++)
    rc = one_row(s, batch);
  return rc;
}

static bool all_rows(const struct script *s, int64_t length) {
  bool same = s->made_n == length;
  for (int64_t i = 0; same && i < length; i++)
    same = s->source[i] == i;
  return same;
}

static int make_columns(struct script *s, struct ArrowArray *in, struct ArrowArray *ret) {
  int64_t n = s->out.n_children;
  bool same = all_rows(s, in->length);
  struct ArrowArray *cols = calloc((size_t)n + 1, sizeof *cols);
  int rc = cols ? 0 : -1;
  for (int64_t i = 0; rc == 0 && i < n; i++) {
    int64_t from = s->plan[i];
    if (from < 0) {
      rc = etl_batch_finish_column(&s->made[-1 - from], &cols[i]);
      continue;
    }
    keep_take(in, from, &cols[i]);
    if (!same)
      rc = keep_rows(s->host, s->in.children[from], &cols[i], s->source, s->made_n);
  }
  if (rc == 0)
    rc = etl_array_assemble(NULL, cols, n, s->made_n, ret);
  for (int64_t i = 0; cols && i < n; i++)
    etl_array_release(&cols[i]);
  free(cols);
  return rc;
}

int32_t script_process(void *self, struct etl_msg *in, const struct etl_sink *sink) {
  struct script *s = self;
  if (!(in->flags & ETL_M_ROWS))
    return ETL_OK;
  struct etl_msg m = {
      .struct_size = sizeof m, .flags = ETL_M_ROWS, .stream = in->stream, .lag_ns = in->lag_ns, .src_bytes = in->src_bytes};
  s->made = calloc(s->columns_n + 1, sizeof *s->made);
  s->views = calloc((size_t)s->in.n_children + 1, sizeof *s->views);
  int32_t rc = s->made && s->views ? run_rows(s, &in->rows) : transformer_no_memory(s->host, "lua");
  if (rc == ETL_OK && make_columns(s, &in->rows, &m.rows) < 0)
    rc = transformer_no_memory(s->host, "lua");
  for (size_t d = 0; s->made && d < s->columns_n; d++)
    etl_batch_fini(&s->made[d]);
  free(s->made);
  free(s->views);
  s->made = NULL;
  s->views = NULL;
  etl_array_release(&in->rows);
  if (rc == ETL_OK)
    etl_tell_rows(s->host, s->source, (uint64_t)s->made_n);
  if (rc == ETL_OK && m.rows.length)
    rc = sink->emit(sink, &m);
  etl_array_release(&m.rows);
  return rc;
}
