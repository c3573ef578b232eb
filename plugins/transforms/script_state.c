/* A Lua state with nothing in it that reaches outside: no files, no processes, no loading of code.  Memory and instructions are
 * bounded; when a limit is reached or a cancel is asked for, no pcall() of the script can hold it up. */
#include <stdio.h>
#include <stdlib.h>

#include "script.h"
#include "shown.h"

enum {
  STEPS_BETWEEN_LOOKS = 1000,
  PRINTED_LINES = 100,
  MESSAGE_BYTES = 1024
};

struct script *script_of(lua_State *lua) {
  return *(struct script **)lua_getextraspace(lua);
}

static void *allocate(void *self, void *p, size_t old, size_t n) {
  struct script *s = self;
  size_t before = p ? old : 0;
  if (n == 0) {
    free(p);
    s->memory -= before;
    return NULL;
  }
  if (n > before && s->memory - before + n > s->memory_max)
    return NULL;
  void *grown = realloc(p, n);
  if (grown)
    s->memory += n - before;
  return grown;
}

static int give_up(lua_State *lua, const struct script *s) {
  return s->trouble == TROUBLE_STOPPED ? luaL_error(lua, "stopped")
                                       : luaL_error(lua, "more than %I instructions for one row", (LUAI_UACINT)s->steps_max);
}

static void look(lua_State *lua, lua_Debug *debug) {
  struct script *s = script_of(lua);
  (void)debug;
  s->steps += STEPS_BETWEEN_LOOKS;
  if (s->host->cancelled(s->host))
    s->trouble = TROUBLE_STOPPED;
  else if (s->steps > s->steps_max && s->trouble == TROUBLE_NONE)
    s->trouble = TROUBLE_TOO_LONG;
  if (s->trouble != TROUBLE_NONE)
    give_up(lua, s);
}

/* pcall() that does not catch what the host has to see. */
static int guarded_pcall(lua_State *lua) {
  luaL_checkany(lua, 1);
  int rc = lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0);
  if (script_of(lua)->trouble != TROUBLE_NONE)
    return give_up(lua, script_of(lua));
  lua_pushboolean(lua, rc == LUA_OK);
  lua_insert(lua, 1);
  return lua_gettop(lua);
}

/* A finalizer runs while no hook looks, so nothing could end it. */
static int guarded_setmetatable(lua_State *lua) {
  if (lua_type(lua, 2) == LUA_TTABLE) {
    lua_pushliteral(lua, "__gc");
    if (lua_rawget(lua, 2) != LUA_TNIL)
      return luaL_error(lua, "a metatable with __gc cannot be set");
    lua_pop(lua, 1);
  }
  lua_pushvalue(lua, lua_upvalueindex(1));
  lua_insert(lua, 1);
  lua_call(lua, lua_gettop(lua) - 1, 1);
  return 1;
}

static int print_line(lua_State *lua) {
  struct script *s = script_of(lua);
  int n = lua_gettop(lua);
  luaL_Buffer b;
  if (++s->printed > PRINTED_LINES)
    return 0;
  luaL_buffinit(lua, &b);
  for (int i = 1; i <= n; i++) {
    if (i > 1)
      luaL_addchar(&b, ' ');
    luaL_tolstring(lua, i, NULL);
    luaL_addvalue(&b);
  }
  luaL_pushresult(&b);
  char text[MESSAGE_BYTES];
  size_t bytes;
  const char *line = lua_tolstring(lua, -1, &bytes);
  etl_logf(s->host, ETL_LOG_INFO, "lua: %s%s", shown_text(text, sizeof text, (struct etl_bytes){line, bytes}),
           s->printed == PRINTED_LINES ? " (further lines are not shown)" : "");
  return 0;
}

static void remove_fields(lua_State *lua, const char *table, const char *const *names) {
  lua_getglobal(lua, table);
  for (; *names; names++) {
    lua_pushnil(lua);
    lua_setfield(lua, -2, *names);
  }
  lua_pop(lua, 1);
}

static void keep_fields(lua_State *lua, const char *table, const char *const *names) {
  lua_getglobal(lua, table);
  lua_newtable(lua);
  for (; *names; names++) {
    lua_getfield(lua, -2, *names);
    lua_setfield(lua, -2, *names);
  }
  lua_setglobal(lua, table);
  lua_pop(lua, 1);
}

static int fill(lua_State *lua) {
  static const luaL_Reg libraries[] = {{LUA_GNAME, luaopen_base},       {LUA_STRLIBNAME, luaopen_string},
                                       {LUA_TABLIBNAME, luaopen_table}, {LUA_MATHLIBNAME, luaopen_math},
                                       {LUA_UTF8LIBNAME, luaopen_utf8}, {LUA_OSLIBNAME, luaopen_os}};
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
    luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
    lua_pop(lua, 1);
  }
  remove_fields(lua, LUA_GNAME, (const char *const[]){"dofile", "load", "loadfile", "collectgarbage", "xpcall", "warn", NULL});
  remove_fields(lua, LUA_STRLIBNAME, (const char *const[]){"dump", NULL});
  keep_fields(lua, LUA_OSLIBNAME, (const char *const[]){"date", "difftime", "time", NULL});
  lua_register(lua, "pcall", guarded_pcall);
  lua_getglobal(lua, "setmetatable");
  lua_pushcclosure(lua, guarded_setmetatable, 1);
  lua_setglobal(lua, "setmetatable");
  lua_register(lua, "print", print_line);
  script_row_register(lua);
  return 0;
}

/* Of a compiled script on the stack: runs it and keeps process(). */
static int run_script(lua_State *lua) {
  lua_call(lua, 0, 0);
  if (lua_getglobal(lua, "process") != LUA_TFUNCTION)
    return luaL_error(lua, "it has no function process(row)");
  lua_rawseti(lua, LUA_REGISTRYINDEX, SCRIPT_PROCESS);
  return 0;
}

const char *script_error(lua_State *lua) {
  return lua_type(lua, -1) == LUA_TSTRING ? lua_tostring(lua, -1) : "an error that is no text";
}

static int32_t wrong_script(struct script *s, const char *option) {
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = option;
  e.remedy =
      "correct the script; it has to define function process(row), which returns the row, other rows, or nil to leave it out";
  if (s->trouble == TROUBLE_STOPPED)
    return ETL_STOPPED;
  char text[MESSAGE_BYTES];
  const char *why = script_error(s->lua);
  return etl_failf(s->host, &e, "lua: %s", shown_text(text, sizeof text, (struct etl_bytes){why, strlen(why)}));
}

int32_t script_state_open(struct script *s, const char *text, const char *name, const char *option) {
  char chunk[128];
  s->lua = lua_newstate(allocate, s);
  if (!s->lua)
    return transformer_no_memory(s->host, "lua");
  *(struct script **)lua_getextraspace(s->lua) = s;
  lua_pushcfunction(s->lua, fill);
  if (lua_pcall(s->lua, 0, 0, 0) != LUA_OK)
    return wrong_script(s, "memory");
  lua_sethook(s->lua, look, LUA_MASKCOUNT, STEPS_BETWEEN_LOOKS);
  snprintf(chunk, sizeof chunk, "=%s", name);
  s->steps = 0;
  lua_pushcfunction(s->lua, run_script);
  if (luaL_loadbufferx(s->lua, text, strlen(text), chunk, "t") != LUA_OK || lua_pcall(s->lua, 1, 0, 0) != LUA_OK)
    return wrong_script(s, option);
  return ETL_OK;
}

void script_state_close(struct script *s) {
  if (s->lua)
    lua_close(s->lua);
  s->lua = NULL;
}
