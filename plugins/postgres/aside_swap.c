/* A table built aside is put in the target's place by one transaction, together with the cursors of its lanes.
 *
 * Two ways of putting it there.  By name, when nothing else hangs on the old table: the new one takes its name, owner, grants and the names
 * of its indexes, and the old one goes.  By content, when views, foreign keys, triggers, policies, publications and the like hang
 * on it: the old table is emptied and filled from the new one, so that all of them stay.  Either way readers see the old rows until
 * the commit. */
#include <stdio.h>

#include "aside.h"

static void add_aside(struct text *t, const struct target *g, const char *name) {
  text_add_name(t, g->schema);
  text_add(t, ".");
  text_add_name(t, name);
}

/* Anything that a new table of the same name would not have. */
static const char bound_sql[] =
  "SELECT c.relrowsecurity OR c.reloptions IS NOT NULL OR c.reltablespace <> 0 OR c.relispartition OR c.relreplident <> 'd' OR c.relpersistence <> 'p' "
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_trigger WHERE tgrelid = c.oid) "
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_constraint WHERE c.oid IN (conrelid, confrelid) AND contype = 'f') "
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_policy WHERE polrelid = c.oid) "
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_publication_rel WHERE prrelid = c.oid) "
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_inherits WHERE c.oid IN (inhrelid, inhparent)) "
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND (attacl IS NOT NULL OR attidentity <> '' OR attoptions::text ~ 'n_distinct')) "
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_attrdef WHERE adrelid = c.oid) "
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend WHERE refclassid = 'pg_catalog.pg_class'::regclass AND refobjid = c.oid AND "
  "(classid = 'pg_catalog.pg_rewrite'::regclass OR classid = 'pg_catalog.pg_proc'::regclass OR "
  "(classid = 'pg_catalog.pg_class'::regclass AND deptype = 'a' AND objid IN (SELECT oid FROM pg_catalog.pg_class WHERE relkind = 'S')))) "
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_type t ON t.oid = d.refobjid "
  "WHERE d.refclassid = 'pg_catalog.pg_type'::regclass AND t.typrelid = c.oid AND d.deptype = 'n') "
  "OR NOT pg_catalog.pg_has_role(c.relowner, 'USAGE') "
  "FROM pg_catalog.pg_class c WHERE c.oid = $1::oid";

/* What the target ($1) got since the new table ($2) was made like it: columns, indexes, checks. */
#define INDEXES(table_) \
  "(SELECT pg_catalog.array_agg(x ORDER BY x) FROM (SELECT pg_catalog.concat(i.indisunique, i.indclass, i.indoption, pg_catalog.pg_get_expr(i.indpred, i.indrelid), " \
  "(SELECT pg_catalog.string_agg(pg_catalog.pg_get_indexdef(i.indexrelid, k, true), ',') FROM pg_catalog.generate_series(1, i.indnatts::int) k)) x " \
  "FROM pg_catalog.pg_index i WHERE i.indrelid = " table_ "::oid) s) "
#define CHECKS(table_) "(SELECT count(*) FROM pg_catalog.pg_constraint WHERE conrelid = " table_ "::oid AND contype = 'c') "
static const char changed_sql[] =
  "SELECT " INDEXES("$1") "IS DISTINCT FROM " INDEXES("$2") "OR " CHECKS("$1") "<> " CHECKS("$2")
  "OR EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped AND NOT EXISTS "
  "(SELECT 1 FROM pg_catalog.pg_attribute m WHERE m.attrelid = $2::oid AND m.attname = a.attname AND m.attnotnull >= a.attnotnull AND NOT m.attisdropped))";

/* Statements that give the new table ($1) owner, grants, index names, comment and statistics targets of the old one ($2); in the order to be run after the old is gone. */
static const char inherit_sql[] =
  "SELECT pg_catalog.format('ALTER TABLE %s OWNER TO %I', $1::regclass, pg_catalog.pg_get_userbyid(relowner)) FROM pg_catalog.pg_class "
  "WHERE oid = $2::oid AND relowner <> (SELECT relowner FROM pg_catalog.pg_class WHERE oid = $1::oid) "
  "UNION ALL SELECT pg_catalog.format('REVOKE ALL ON %s FROM %s', $1::regclass, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE "
  "pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END) FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a "
  "WHERE c.oid = $1::oid AND a.grantee <> c.relowner "
  "UNION ALL SELECT pg_catalog.format('GRANT %s ON %s TO %s%s', a.privilege_type, $1::regclass, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE "
  "pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END) "
  "FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a WHERE c.oid = $2::oid AND a.grantee <> c.relowner "
  "UNION ALL SELECT pg_catalog.format('ALTER INDEX %s RENAME TO %I', n.indexrelid::regclass, o.name) FROM "
  "(SELECT indexrelid, pg_catalog.row_number() OVER (ORDER BY indexrelid) k FROM pg_catalog.pg_index WHERE indrelid = $1::oid) n JOIN "
  "(SELECT i.relname AS name, pg_catalog.row_number() OVER (ORDER BY indexrelid) k FROM pg_catalog.pg_index x "
  "JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = $2::oid) o USING (k) "
  "UNION ALL SELECT pg_catalog.format('ALTER TABLE %s CLUSTER ON %I', $1::regclass, i.relname) FROM pg_catalog.pg_index x "
  "JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = $2::oid AND x.indisclustered "
  "UNION ALL SELECT pg_catalog.format('COMMENT ON TABLE %s IS %L', $1::regclass, d.description) FROM pg_catalog.pg_description d "
  "WHERE d.objoid = $2::oid AND d.classoid = 'pg_catalog.pg_class'::regclass AND d.objsubid = 0 "
  "UNION ALL SELECT pg_catalog.format('ALTER TABLE %s ALTER %I SET STATISTICS %s', $1::regclass, attname, attstattarget) FROM pg_catalog.pg_attribute "
  "WHERE attrelid = $2::oid AND attnum > 0 AND NOT attisdropped AND attstattarget >= 0";

/* There is no old table: the primary key of the new one ($1) gets the name it would have had in a table $2 of the schema $3, if that is free. */
static const char first_sql[] =
  "SELECT pg_catalog.format('ALTER INDEX %s RENAME TO %I', indexrelid::regclass, pg_catalog.left($2, 58) || '_pkey') FROM pg_catalog.pg_index "
  "WHERE indrelid = $1::oid AND indisprimary AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n "
  "ON n.oid = c.relnamespace WHERE n.nspname = $3 AND c.relname = pg_catalog.left($2, 58) || '_pkey')";

static int32_t swap_by_name(struct target *g, const char *aside, const char *aside_oid, const char *old_oid, struct text *sql) {
  struct instance *in = g->in;
  PGresult *statements = NULL;
  int32_t rc;
  if (old_oid) {
    rc = session_query(&in->session, "reading owner and grants of the target", inherit_sql, 2, (const char *const[]){aside_oid, old_oid},
                       &statements);
    text_add(sql, "DROP TABLE ");
    sql_target(sql, g);
    text_add(sql, "; ");
  } else {
    rc = session_query(&in->session, "naming the key of the new table", first_sql, 3,
                       (const char *const[]){aside_oid, g->table, g->schema}, &statements);
  }
  for (int i = 0; rc == ETL_OK && i < PQntuples(statements); i++)
    text_addf(sql, "%s; ", PQgetvalue(statements, i, 0));
  PQclear(statements);
  text_add(sql, "ALTER TABLE ");
  add_aside(sql, g, aside);
  text_add(sql, " RENAME TO ");
  text_add_name(sql, g->table);
  return rc == ETL_OK ? run_text(in, "putting the new table in place", sql) : rc;
}

/* Triggers of the target may drop rows, and policies hide them: then the rows would be gone with the table aside. */
static int32_t count_rows(struct target *g, const char *aside, struct text *sql) {
  struct instance *in = g->in;
  PGresult *r = NULL;
  text_add(sql, "SELECT (SELECT count(*) FROM ONLY ");
  sql_target(sql, g);
  text_add(sql, "), (SELECT count(*) FROM ");
  add_aside(sql, g, aside);
  text_add(sql, ")");
  int32_t rc = sql->failed ? out_of_memory(in) : session_query(&in->session, "counting what was put in place", text_str(sql), 0, NULL, &r);
  text_clear(sql);
  if (rc == ETL_OK && strcmp(PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1)) != 0) {
    struct etl_error e = ETL_ERROR(ETL_E_PERMANENT);
    e.remedy = "drop the trigger or rule of the table that leaves rows out; the target is as it was";
    rc = etl_failf(in->host, &e, "postgres: %s cannot be replaced: of %s rows it would have %s", g->name, PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 0));
  }
  PQclear(r);
  return rc;
}

/* The target gets the columns and types that the rows brought to the table aside. */
static int32_t alter_as(struct target *g, const struct table *t, const struct table *made) {
  struct text sql = {0};
  size_t n = 0;
  text_add(&sql, "ALTER TABLE ");
  sql_target(&sql, g);
  for (size_t i = 0; i < made->n; i++) {
    const struct attribute *m = &made->list[i], *a = table_find(t, m->name);
    if (a && strcmp(a->type, m->type) == 0)
      continue;
    text_add(&sql, n++ ? ", " : " ");
    text_add(&sql, a ? "ALTER COLUMN " : "ADD COLUMN ");
    text_add_name(&sql, m->name);
    text_addf(&sql, a ? " TYPE %s" : " %s", m->type);
  }
  int32_t rc = n ? run_text(g->in, "altering the target", &sql) : ETL_OK;
  text_fini(&sql);
  return rc;
}

static int32_t swap_by_content(struct target *g, const char *aside, const struct table *target, const struct table *made, struct text *sql) {
  struct instance *in = g->in;
  struct table t = {0};
  size_t n = 0;
  struct text list = {0};
  int32_t rc = alter_as(g, target, made);
  if (rc == ETL_OK)
    rc = table_read(&in->session, g->schema, g->table, &t);
  for (size_t i = 0; rc == ETL_OK && i < t.n; i++)
    if (!t.list[i].generated && table_find(made, t.list[i].name)) {
      text_add(&list, n++ ? ", " : "");
      text_add_name(&list, t.list[i].name);
    }
  table_fini(&t);
  text_add(sql, "SET LOCAL row_security = off; DELETE FROM ONLY "); /* unlike TRUNCATE it lets readers go on */
  sql_target(sql, g);
  text_add(sql, "; INSERT INTO ");
  sql_target(sql, g);
  text_addf(sql, " (%s) SELECT %s FROM ", text_str(&list), text_str(&list));
  add_aside(sql, g, aside);
  sql->failed |= list.failed;
  text_fini(&list);
  if (rc == ETL_OK)
    rc = run_text(in, "filling the target from the new table", sql);
  if (rc == ETL_OK)
    rc = count_rows(g, aside, sql);
  text_add(sql, "DROP TABLE ");
  add_aside(sql, g, aside);
  return rc == ETL_OK ? run_text(in, "removing the new table", sql) : rc;
}

static int32_t is_bound(struct instance *in, const char *oid, const char *made_oid, bool *ret) {
  int32_t rc = aside_ask(in, "looking what hangs on the target", bound_sql, 1, (const char *const[]){oid}, ret);
  if (rc == ETL_OK && !*ret && made_oid)
    rc = aside_ask(in, "looking what the target got meanwhile", changed_sql, 2, (const char *const[]){oid, made_oid}, ret);
  return rc;
}

static int32_t lock_target(struct target *g, const struct table *target, bool bound, struct text *sql) {
  if (!target->oid)
    return ETL_OK;
  text_add(sql, "LOCK TABLE ");
  sql_target(sql, g);
  text_addf(sql, " IN %s MODE", bound ? "SHARE ROW EXCLUSIVE" : "ACCESS EXCLUSIVE");
  return run_text(g->in, "locking the target", sql);
}

static int32_t swap(struct target *g, const char *aside, struct text *sql) {
  struct instance *in = g->in;
  struct table target = {0}, made = {0};
  char target_oid[16], aside_oid[16];
  bool bound = false;
  int32_t rc = table_read(&in->session, g->schema, g->table, &target);
  if (rc == ETL_OK)
    rc = table_read(&in->session, g->schema, aside, &made);
  snprintf(target_oid, sizeof target_oid, "%u", target.oid);
  snprintf(aside_oid, sizeof aside_oid, "%u", made.oid);
  if (rc == ETL_OK && target.oid)
    rc = is_bound(in, target_oid, aside_oid, &bound);
  if (rc == ETL_OK && bound)
    rc = aside_refuse_cascade(g, target_oid);
  if (rc == ETL_OK)
    rc = lock_target(g, &target, bound, sql);
  if (rc == ETL_OK && target.oid && !bound) /* it may have got something before the lock was ours */
    rc = is_bound(in, target_oid, aside_oid, &bound);
  if (rc == ETL_OK)
    rc = bound ? swap_by_content(g, aside, &target, &made, sql) : swap_by_name(g, aside, aside_oid, target.oid ? target_oid : NULL, sql);
  table_fini(&target);
  table_fini(&made);
  return rc;
}

static int32_t move_cursors(struct instance *in, const char *run, struct text *sql) {
  static const char *const steps[][2] = {{"DELETE FROM ", "cursors WHERE pipeline = $1 AND aside = '' AND $2 <> ''"},
                                         {"UPDATE ", "cursors SET aside = '' WHERE pipeline = $1 AND aside = $2"},
                                         {"DELETE FROM ", "quarantine WHERE pipeline = $1 AND aside = '' AND $2 <> ''"},
                                         {"UPDATE ", "quarantine SET aside = '' WHERE pipeline = $1 AND aside = $2"},
                                         {"DELETE FROM ", "asides WHERE pipeline = $1 AND run = $2"}};
  int32_t rc = ETL_OK;
  for (size_t i = 0; i < sizeof steps / sizeof *steps && rc == ETL_OK; i++) {
    text_add(sql, steps[i][0]);
    sql_state(sql, in, steps[i][1]);
    rc = sql->failed ? out_of_memory(in)
                     : session_query(&in->session, "moving the cursors", text_str(sql), 2, (const char *const[]){in->pipeline, run}, NULL);
    text_clear(sql);
  }
  return rc == ETL_OK ? capture_adopt(in, run) : rc;
}

/* Puts the tables that this run built in place; none: they are already, or nothing came. */
static int32_t swap_all(struct instance *in, const char *run, struct text *sql) {
  PGresult *r = NULL;
  text_add(sql, "SELECT table_name, stream FROM ");
  sql_state(sql, in, "asides");
  text_add(sql, " WHERE pipeline = $1 AND run = $2 ORDER BY schema_name, table_name");
  int32_t rc = sql->failed ? out_of_memory(in)
                           : session_query(&in->session, "looking for the tables aside", text_str(sql), 2, (const char *const[]){in->pipeline, run}, &r);
  text_clear(sql);
  for (int i = 0; rc == ETL_OK && i < PQntuples(r); i++) {
    struct target *g;
    rc = target_of(in, PQgetvalue(r, i, 1), &g);
    if (rc == ETL_OK)
      rc = swap(g, PQgetvalue(r, i, 0), sql);
  }
  if (rc == ETL_OK && PQntuples(r) > 0)
    rc = move_cursors(in, run, sql);
  PQclear(r);
  return rc;
}

int32_t aside_finish(struct instance *in, const char *run, bool ok) {
  struct text sql = {0};
  if (!ok)
    return aside_drop(in, run);
  int32_t rc = session_run(&in->session, "beginning the swap", "BEGIN");
  if (rc == ETL_OK)
    rc = cursors_check_run(in, run);
  if (rc == ETL_OK)
    rc = swap_all(in, run, &sql);
  if (rc == ETL_OK)
    rc = session_commit(&in->session, "committing the swap");
  if (rc != ETL_OK)
    session_rollback(&in->session);
  text_fini(&sql);
  return rc;
}
