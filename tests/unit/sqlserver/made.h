/* made.h: a source as the catalog would give it, made by hand. */
#ifndef TESTS_UNIT_SQLSERVER_MADE_H
#define TESTS_UNIT_SQLSERVER_MADE_H

#include <criterion/criterion.h>
#include <sybdb.h>

#include "query.h"

struct made {
  struct settings settings;
  struct source src;
};

static inline void made_column(struct made *m, const char *name, const char *type, int length, int precision, int scale,
                               bool nullable) {
  struct failure f = {0};
  if (!m->src.columns)
    m->src.columns = pool_alloc(&m->src.pool, 16 * sizeof *m->src.columns);
  cr_assert_eq(column_init(&m->src.columns[m->src.columns_n++], &m->src.pool, name, type, length, precision, scale, nullable, &f),
               0);
}

static inline void made_cursor(struct made *m, size_t column) {
  m->settings.cursor[m->settings.cursor_n++] = m->src.columns[column].name;
  m->src.cursor[m->src.cursor_n++] = column;
}

/* dbo.logins (login_id bigint, login_time datetime2(7), name nvarchar(50) null, v sql_variant null) */
static inline void made_logins(struct made *m) {
  *m = (struct made){.settings = {.stream = "dbo.logins", .schema = "dbo", .table = "logins"}, .src = {.is_table = true}};
  made_column(m, "login_id", "bigint", 8, 19, 0, false);
  made_column(m, "login_time", "datetime2", 8, 27, 7, false);
  made_column(m, "name", "nvarchar", 100, 0, 0, true);
  made_column(m, "v", "sql_variant", 8016, 0, 0, true);
}

static inline void made_fini(struct made *m) { pool_fini(&m->src.pool); }

#endif
