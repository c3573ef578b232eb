/* The row as a script sees it: one object for all rows, which reads straight from the columns of the batch in hand.  What a script
 * sets is remembered until the row is done. */
#include "script.h"
#include "value.h"

static const char row_type[] = "row";

void script_row_push(struct script *s, int64_t column) {
  const struct etl_view *v = &s->views[column];
  char buf[VALUE_TEXT_BYTES];
  if (etl_view_null(v, s->row)) {
    lua_pushnil(s->lua);
    return;
  }
  struct value x = value_load(v, s->row);
  if (x.kind == VALUE_BOOL) {
    lua_pushboolean(s->lua, x.number != 0);
  } else if (x.kind == VALUE_NUMBER && x.scale == 0 && x.number >= LUA_MININTEGER && x.number <= LUA_MAXINTEGER) {
    lua_pushinteger(s->lua, (lua_Integer)x.number);
  } else if (x.kind == VALUE_FLOAT) {
    lua_pushnumber(s->lua, x.f);
  } else {
    struct etl_bytes b = value_text(&x, buf);
    lua_pushlstring(s->lua, b.p, b.n);
  }
}

/* What the name at stack index `at` stands for; an error when it is no column. */
static const struct script_name *name_at(lua_State *lua, struct script *s, int at) {
  lua_rawgeti(lua, LUA_REGISTRYINDEX, SCRIPT_NAMES);
  lua_pushvalue(lua, at);
  lua_rawget(lua, -2);
  lua_Integer number = lua_tointeger(lua, -1);
  lua_pop(lua, 2);
  if (number == 0)
    luaL_error(lua, "there is no column \"%s\" (those that the script makes are named in `columns`)", luaL_tolstring(lua, at, NULL));
  return &s->names[number - 1];
}

/* A row that a script kept from the start, when there are no columns yet, or between batches. */
static struct script *row_in_hand(lua_State *lua) {
  struct script *s = script_of(lua);
  if (!s->views)
    luaL_error(lua, "there is no row now");
  return s;
}

static void push_named(struct script *s, const struct script_name *n) {
  const struct script_column *c = n->declared >= 0 ? &s->columns[n->declared] : NULL;
  if (c && c->assigned == FIELD_SET) {
    lua_rawgeti(s->lua, LUA_REGISTRYINDEX, SCRIPT_ASSIGNED);
    lua_rawgeti(s->lua, -1, n->declared + 1);
    lua_remove(s->lua, -2);
  } else if (n->in < 0 || (c && c->assigned == FIELD_NIL)) {
    lua_pushnil(s->lua);
  } else {
    script_row_push(s, n->in);
  }
}

static int row_get(lua_State *lua) {
  struct script *s = row_in_hand(lua);
  push_named(s, name_at(lua, s, 2));
  return 1;
}

static int row_set(lua_State *lua) {
  struct script *s = row_in_hand(lua);
  const struct script_name *n = name_at(lua, s, 2);
  if (n->declared < 0)
    return luaL_error(lua, "column \"%s\" cannot be set: it is not among the option columns", luaL_tolstring(lua, 2, NULL));
  struct script_column *c = &s->columns[n->declared];
  c->assigned = lua_isnil(lua, 3) ? FIELD_NIL : FIELD_SET;
  lua_rawgeti(lua, LUA_REGISTRYINDEX, SCRIPT_ASSIGNED);
  lua_pushvalue(lua, 3);
  lua_rawseti(lua, -2, n->declared + 1);
  return 0;
}

/* for name, value in pairs(row): the order is not defined. */
static int row_next(lua_State *lua) {
  struct script *s = row_in_hand(lua);
  lua_settop(lua, 2);
  lua_rawgeti(lua, LUA_REGISTRYINDEX, SCRIPT_NAMES);
  lua_insert(lua, 2);
  if (!lua_next(lua, 2))
    return 0;
  lua_Integer number = lua_tointeger(lua, -1);
  lua_pop(lua, 1);
  push_named(s, &s->names[number - 1]);
  return 2;
}

static int row_pairs(lua_State *lua) {
  lua_pushcfunction(lua, row_next);
  lua_pushvalue(lua, 1);
  lua_pushnil(lua);
  return 3;
}

void script_row_register(lua_State *lua) {
  static const luaL_Reg methods[] = {{"__index", row_get}, {"__newindex", row_set}, {"__pairs", row_pairs}, {NULL, NULL}};
  lua_newuserdatauv(lua, 0, 0);
  luaL_newmetatable(lua, row_type);
  luaL_setfuncs(lua, methods, 0);
  lua_pushboolean(lua, 0);
  lua_setfield(lua, -2, "__metatable");
  lua_setmetatable(lua, -2);
  lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_ROW);
}

int script_row_names(lua_State *lua) {
  struct script *s = script_of(lua);
  lua_Integer n = 0;
  lua_newtable(lua);
  for (int64_t i = 0; i < s->in.n_children; i++) {
    lua_pushstring(lua, s->in.children[i]->name);
    lua_pushinteger(lua, ++n);
    lua_rawset(lua, -3);
    s->names[n - 1] = (struct script_name){.in = i, .declared = -1};
  }
  for (size_t i = 0; i < s->columns_n; i++) {
    const struct script_column *c = &s->columns[i];
    if (c->in >= 0) {
      s->names[c->in].declared = (int64_t)i;
      continue;
    }
    lua_pushstring(lua, c->name);
    lua_pushinteger(lua, ++n);
    lua_rawset(lua, -3);
    s->names[n - 1] = (struct script_name){.in = -1, .declared = (int64_t)i};
  }
  lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_NAMES);
  lua_newtable(lua);
  lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_ASSIGNED);
  return 0;
}
