/* What hosts have still to tell people.  A row belongs to the host that saved it, or took it over from one that is not heard of. */
#include "store/priv.h"

static int take(struct store *s, const char *target, int64_t now_ns, int64_t silent_ns, struct rows *ret, struct err *e) {
  int64_t now = now_ns + s->behind_ns;
  if (store_do(s, SQL_NOTICE_TAKE, NULL, e, PARAMS(TEXT(s->host), TEXT(target), TIME(now - silent_ns))) < 0)
    return -1;
  return store_do(s, SQL_NOTICE_LIST, ret, e, PARAMS(TEXT(s->host), TEXT(target), TIME(now_ns - STORE_NOTICE_AGE_NS)));
}

int store_notices_take(struct store *s, const char *target, int64_t now_ns, int64_t silent_ns, struct arena *a, struct store_notice **ret, size_t *ret_n,
                       struct err *e) {
  struct rows rows;
  if (store_begin(s, ACCESS_LIGHT, e) < 0 || store_end(s, take(s, target, now_ns, silent_ns, &rows, e), e) < 0)
    return -1;
  *ret = columns_read(notice_columns, sizeof **ret, &rows, a);
  *ret_n = rows.n;
  columns_keep(notice_columns, sizeof **ret, *ret, rows.n, a);
  return 0;
}

int store_notices_put(struct store *s, const char *const *forget, size_t forget_n, const struct store_notice *rows, size_t n, int64_t now_ns,
                      struct err *e) {
  if (store_begin(s, ACCESS_LIGHT, e) < 0)
    return -1;
  int rc = 0;
  for (size_t i = 0; i < forget_n && rc == 0; i++)
    rc = store_do(s, SQL_NOTICE_FORGET, NULL, e, PARAMS(TEXT(forget[i])));
  for (size_t i = 0; i < n && rc == 0; i++)
    rc = store_do(s, SQL_NOTICE_PUT, NULL, e, PARAMS(TEXT(rows[i].id), TEXT(s->host), TEXT(rows[i].target), TEXT(rows[i].waiting), TIME(now_ns)));
  return store_end(s, rc, e);
}
