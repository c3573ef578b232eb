/* The schema contract: what happens when the rows have a column that the table does not have, or one that its type cannot take.  Matching is
 * done on a description of the table and changes nothing there; contract_apply() alters the table, in a transaction of its own.  Lanes do
 * that side by side: under a lock the second one finds it done.  Since readers and other lanes hold the table, it waits a little for its lock,
 * lets them pass, and tries again. */
#include <stdio.h>
#include <stdlib.h>

#include "instance.h"

enum {
  LOCK_TRIES = 30,
  SHORT_TRIES = 5, /* then it is worth letting others wait longer */
  LOCK_PAUSE_MS = 250
};

/* ---- refusing ------------------------------------------------------------------------------------------------------------------------ */

static int32_t refuse_missing(struct target *g, const struct column *c, const char *why) {
  struct text remedy = {0};
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  text_add(&remedy, "ALTER TABLE ");
  sql_target(&remedy, g);
  text_add(&remedy, " ADD COLUMN ");
  text_add_name(&remedy, c->name);
  text_addf(&remedy, " %s; or leave the column out", c->create_type);
  e.remedy = text_str(&remedy);
  int32_t rc = etl_failf(g->in->host, &e, "postgres: the table %s has no column \"%s\" (%s at the source)%s", g->name, c->name, c->source_type, why);
  text_fini(&remedy);
  return rc;
}

static int32_t refuse_type(struct target *g, const struct column *c, const struct attribute *a, const char *to, const char *why) {
  struct text remedy = {0};
  struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
  bool zone = c->f.logical == ETL_L_TIMESTAMP && (a->oid == OID_TIMESTAMP || a->oid == OID_TIMESTAMPTZ);
  text_add(&remedy, "ALTER TABLE ");
  sql_target(&remedy, g);
  text_add(&remedy, " ALTER COLUMN ");
  text_add_name(&remedy, c->name);
  text_addf(&remedy, " TYPE %s; or cast the column with the transformer columns", to);
  e.remedy = text_str(&remedy);
  int32_t rc = etl_failf(g->in->host, &e, "postgres: column \"%s\" of %s is %s, which cannot take %s of the source%s%s", c->name, g->name, a->type,
                         c->source_type, zone ? ": one has a time zone and the other none, and etl makes none up" : "", why);
  text_fini(&remedy);
  return rc;
}

/* Columns of the table that the stream does not have must do without. */
static int32_t check_others(struct target *g, const struct table *t, const struct columns *columns) {
  for (size_t i = 0; i < t->n; i++) {
    const struct attribute *a = &t->list[i];
    if (!a->not_null || a->has_default || a->generated || columns_find(columns, a->name))
      continue;
    struct etl_error e = ETL_ERROR(ETL_E_SCHEMA);
    e.remedy = "give the column a default, drop its NOT NULL, or add it to the rows";
    return etl_failf(g->in->host, &e, "postgres: column \"%s\" of %s is NOT NULL without a default, and the source has no such column", a->name,
                     g->name);
  }
  return ETL_OK;
}

static int32_t check_kind(struct target *g, const struct table *t) {
  if (t->kind == 'r' || (t->kind == 'p' && !g->in->replace))
    return ETL_OK;
  struct etl_error e = ETL_ERROR(ETL_E_CONFIG);
  e.option = "table";
  e.remedy = "name a table";
  return etl_failf(g->in->host, &e, "postgres: %s is a %s, which cannot be loaded%s", g->name,
                   t->kind == 'v'   ? "view"
                   : t->kind == 'm' ? "materialized view"
                   : t->kind == 'f' ? "foreign table"
                                    : "partitioned table",
                   t->kind == 'p' ? " by building it anew" : "");
}

/* ---- matching ------------------------------------------------------------------------------------------------------------------------ */

static void add_action(struct text *alter, const char *verb, const char *name, const char *type) {
  text_addf(alter, "%s%s ", alter->n ? ", " : "", verb);
  text_add_name(alter, name);
  text_addf(alter, "%s %s", *verb == 'A' && verb[1] == 'D' ? "" : " TYPE", type);
}

static int32_t match_missing(struct target *g, struct column *c, struct text *alter) {
  if (g->at_staging) { /* another lane, with other columns, made it */
    add_action(alter, "ADD COLUMN", c->name, c->target_type);
    return staged_default(g, c->name, alter);
  }
  switch (g->in->settings.contract) {
  case CONTRACT_EVOLVE:
    c->change = ETL_CHANGE_COLUMN_ADDED;
    c->can_be_null = true;
    types_match_created(c);
    add_action(alter, "ADD COLUMN", c->name, c->create_type);
    return ETL_OK;
  case CONTRACT_FREEZE: return refuse_missing(g, c, ", and schema_contract = \"freeze\" adds none");
  default: break;
  }
  if (names_has(g->key, c->name) || (g->newest_by && strcmp(g->newest_by, c->name) == 0))
    return refuse_missing(g, c, ", and without it rows cannot be told apart");
  c->change = ETL_CHANGE_COLUMN_LEFT_OUT;
  c->fits = g->in->settings.contract == CONTRACT_DISCARD_ROW ? fits_none : NULL;
  return ETL_OK;
}

/* A table aside has nothing that hangs on it: what counts is the table that it takes the place of. */
static int32_t hinders(struct target *g, const struct table *t, const char *column, char **ret) {
  struct table target = {0};
  int32_t rc = g->in->replace ? table_read(&g->in->session, g->schema, g->table, &target) : ETL_OK;
  if (rc == ETL_OK)
    rc = table_hinders(&g->in->session, target.oid ? &target : t, column, ret);
  table_fini(&target);
  return rc;
}

static int32_t widen(struct target *g, const struct table *t, struct column *c, const struct attribute *a, const char *to, bool taken,
                     struct text *alter) {
  char *what = NULL;
  struct text why = {0};
  int32_t rc = hinders(g, t, c->name, &what);
  if (rc == ETL_OK && what && !taken) {
    text_addf(&why, "; its type cannot be altered, since %s uses it: drop that, alter the type, and make it again", what);
    rc = refuse_type(g, c, a, to, text_str(&why));
  } else if (rc == ETL_OK && !what) {
    c->change = ETL_CHANGE_TYPE_WIDENED;
    snprintf(c->from_type, sizeof c->from_type, "%s", a->type);
    types_match_created(c);
    snprintf(c->target_type, sizeof c->target_type, "%s", to);
    add_action(alter, "ALTER COLUMN", c->name, to);
  }
  text_fini(&why);
  free(what);
  return rc;
}

static int32_t match_there(struct target *g, const struct table *t, struct column *c, const struct attribute *a, struct text *alter) {
  char to[TYPE_TEXT];
  enum contract contract = g->in->settings.contract;
  bool taken = !a->generated && types_match(c, a->oid, a->base), rounds = taken && types_round(c, a->oid, a->base);
  c->can_be_null = !a->not_null;
  if (a->generated)
    return refuse_type(g, c, a, c->create_type, "");
  bool wider = !a->domain && types_widen(c, a->oid, a->type, to);
  if (contract == CONTRACT_EVOLVE && wider)
    return widen(g, t, c, a, to, taken && !rounds, alter);
  if (contract == CONTRACT_DISCARD_ROW || contract == CONTRACT_DISCARD_VALUE) {
    types_narrow(c, a->oid, a->base);
    if (!taken || rounds)
      c->loss = contract == CONTRACT_DISCARD_ROW ? "rows with a value that it has no place for are set aside"
                                                 : "a value that it has no place for is written as NULL";
    return ETL_OK;
  }
  if (taken && !rounds)
    return ETL_OK;
  struct text why = {0};
  text_addf(&why, "%s%s", rounds ? "; digits would be rounded away" : "",
            contract == CONTRACT_FREEZE ? "; schema_contract = \"freeze\" alters none" : "");
  int32_t rc = refuse_type(g, c, a, wider ? to : c->create_type, text_str(&why));
  text_fini(&why);
  return rc;
}

/* Those that are left out go behind the others. */
static void move_left_out(struct columns *columns) {
  for (size_t i = 0; i < columns->n;) {
    struct column c = columns->list[i];
    if (c.change != ETL_CHANGE_COLUMN_LEFT_OUT) {
      i++;
      continue;
    }
    memmove(&columns->list[i], &columns->list[i + 1], (columns->n + columns->left - i - 1) * sizeof c);
    columns->list[columns->n + columns->left - 1] = c;
    columns->n--;
    columns->left++;
  }
}

static int32_t match_deleted_at(struct target *g, const struct table *t, struct text *alter) {
  if (!g->deleted_at || g->at_staging || table_find(t, g->deleted_at))
    return ETL_OK;
  struct column c = {.name = (char *)(uintptr_t)g->deleted_at, .source_type = "for deleted_at", .create_type = "timestamptz"};
  if (g->in->settings.contract != CONTRACT_EVOLVE)
    return refuse_missing(g, &c, "");
  add_action(alter, "ADD COLUMN", c.name, c.create_type);
  return ETL_OK;
}

int32_t target_match(struct target *g, const struct table *t, struct columns *columns, struct text *alter) {
  int32_t rc = check_kind(g, t);
  if (rc == ETL_OK)
    rc = match_deleted_at(g, t, alter);
  for (size_t i = 0; i < columns->n && rc == ETL_OK; i++) {
    struct column *c = &columns->list[i];
    const struct attribute *a = table_find(t, c->name);
    rc = a ? match_there(g, t, c, a, alter) : match_missing(g, c, alter);
  }
  if (rc == ETL_OK)
    move_left_out(columns);
  return rc == ETL_OK ? check_others(g, t, columns) : rc;
}

/* ---- altering ------------------------------------------------------------------------------------------------------------------------ */

static void tell_change(struct target *g, const struct column *c) {
  bool added = c->change == ETL_CHANGE_COLUMN_ADDED, left_out = c->change == ETL_CHANGE_COLUMN_LEFT_OUT;
  drift_report(g, c->change, c->name, added ? NULL : left_out ? c->source_type : c->from_type, left_out ? NULL : c->target_type);
}

static int32_t refuse_owner(struct target *g) {
  for (size_t i = 0; i < g->columns.n; i++) {
    const struct column *c = &g->columns.list[i];
    if (c->change == ETL_CHANGE_COLUMN_ADDED)
      return refuse_missing(g, c, ", and only its owner may add one");
    if (c->change == ETL_CHANGE_TYPE_WIDENED)
      return refuse_type(g, c, &(struct attribute){.type = (char *)(uintptr_t)c->from_type}, c->target_type,
                         ", and only the table's owner may alter it");
  }
  return ETL_OK;
}

/* In the transaction.  A lock that is not to be had is no error here: the next look at the table tells. */
static int32_t alter_now(struct target *g, const struct table *t, const struct text *actions, int wait_s) {
  struct text sql = {0}, block = {0};
  bool ours = false;
  int32_t rc = table_is_ours(&g->in->session, t, &ours);
  if (rc == ETL_OK && !ours)
    rc = refuse_owner(g);
  if (rc != ETL_OK)
    return rc;
  text_add(&block, "BEGIN ALTER TABLE ");
  sql_table(&block, g);
  text_addf(&block, " %s; EXCEPTION WHEN lock_not_available THEN NULL; END", text_str(actions));
  text_addf(&sql, "SET LOCAL lock_timeout = '%ds'; ", wait_s);
  text_add_block(&sql, &block);
  text_fini(&block);
  rc = sql.failed || actions->failed ? out_of_memory(g->in) : session_run(&g->in->session, "altering the target", text_str(&sql));
  text_fini(&sql);
  return rc;
}

static int32_t look(struct target *g, struct table *t, struct text *actions) {
  table_fini(t);
  text_clear(actions);
  int32_t rc = table_read(&g->in->session, g->into_schema, g->into, t);
  return rc == ETL_OK ? target_match(g, t, &g->columns, actions) : rc;
}

/* One try: afterwards actions has what is still to be done.  Other lanes are kept out meanwhile. */
static int32_t try_alter(struct target *g, struct table *t, struct text *actions, int wait_s) {
  struct session *s = &g->in->session;
  struct text sql = {0};
  text_add(&sql, "BEGIN; ");
  sql_lock(&sql, "", g->name);
  int32_t rc = sql.failed ? out_of_memory(g->in) : session_run(s, "altering the target", text_str(&sql));
  text_fini(&sql);
  if (rc == ETL_OK)
    rc = look(g, t, actions);
  if (rc == ETL_OK && actions->n) {
    rc = alter_now(g, t, actions, wait_s);
    if (rc == ETL_OK)
      rc = look(g, t, actions);
  }
  if (rc == ETL_OK)
    rc = session_run(s, "altering the target", "COMMIT");
  if (rc != ETL_OK)
    session_rollback(s);
  return rc;
}

static int32_t alter(struct target *g, struct table *t, struct text *actions) {
  const struct etl_host *h = g->in->host;
  for (int tries = 0; actions->n; tries++) {
    if (tries == LOCK_TRIES) {
      struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
      e.remedy = "pg_locks shows which sessions; or run the statement yourself when they are gone";
      return etl_failf(h, &e, "postgres: other sessions hold %s all the time, so that it cannot be altered: ALTER TABLE ... %s",
                       g->name, text_str(actions));
    }
    if (tries && h->sleep_ms(h, LOCK_PAUSE_MS) == ETL_STOPPED)
      return ETL_STOPPED;
    int32_t rc = try_alter(g, t, actions, tries < SHORT_TRIES ? 2 : 10);
    if (rc != ETL_OK)
      return rc;
  }
  return ETL_OK;
}

int32_t contract_apply(struct target *g, struct table *t) {
  struct text actions = {0};
  int32_t rc = target_match(g, t, &g->columns, &actions);
  if (rc == ETL_OK && actions.failed)
    rc = out_of_memory(g->in);
  if (rc == ETL_OK)
    rc = alter(g, t, &actions);
  text_fini(&actions);
  for (size_t i = 0; i < g->columns.n + g->columns.left && rc == ETL_OK && !g->at_staging; i++)
    if (g->columns.list[i].change)
      tell_change(g, &g->columns.list[i]);
  return rc;
}

/* ---- while the run goes on ------------------------------------------------------------------------------------------------------------ */

static const char shape_sql[] = "SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', attnum, atttypid, atttypmod, attname), ',' ORDER BY attnum) "
                                "FROM pg_catalog.pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped";

static int32_t shape_of(struct target *g, char **ret) {
  PGresult *r;
  struct text name = {0};
  sql_table(&name, g);
  int32_t rc = name.failed ? out_of_memory(g->in)
                           : session_query(&g->in->session, "looking at the target", shape_sql, 1, (const char *const[]){text_str(&name)}, &r);
  text_fini(&name);
  if (rc != ETL_OK)
    return rc;
  *ret = strdup(PQgetvalue(r, 0, 0));
  PQclear(r);
  return *ret ? ETL_OK : out_of_memory(g->in);
}

/* Another lane made a type wider, or somebody altered it: what we would send is no longer what the server reads. */
int32_t contract_follow(struct target *g, bool *ret_changed) {
  char *shape = NULL;
  struct table t = {0};
  struct text actions = {0};
  size_t left = g->columns.left;
  *ret_changed = false;
  int32_t rc = shape_of(g, &shape);
  if (rc != ETL_OK || (g->shape && strcmp(shape, g->shape) == 0)) {
    free(shape);
    return rc;
  }
  free(g->shape);
  g->shape = shape;
  *ret_changed = true;
  g->at_staging = g->in->stages;
  rc = look(g, &t, &actions);
  g->at_staging = false;
  if (rc == ETL_OK && actions.n) {
    struct etl_error e = ETL_ERROR(ETL_E_RETRYABLE);
    rc = etl_failf(g->in->host, &e, "postgres: %s was altered while the run wrote, and no longer takes the rows", g->name);
  }
  for (size_t i = g->columns.n + left; i < g->columns.n + g->columns.left && rc == ETL_OK; i++)
    tell_change(g, &g->columns.list[i]);
  text_fini(&actions);
  table_fini(&t);
  return rc;
}
