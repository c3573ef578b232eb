/* Reading ETL_FAULT, and counting calls.  A fault counts the calls at its own point and lane; counters are atomic, since lanes call
 * side by side. */
#include "spec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  enum etl_kind kind; /* 0: any */
  const char *name;
} points[FAULT_POINTS] = {
  [FAULT_OPEN] = {0, "open"},
  [FAULT_DISCOVER] = {ETL_KIND_EXTRACTOR, "discover"},
  [FAULT_PLAN] = {ETL_KIND_EXTRACTOR, "plan"},
  [FAULT_SPLIT] = {ETL_KIND_EXTRACTOR, "split"},
  [FAULT_READER_OPEN] = {ETL_KIND_EXTRACTOR, "reader_open"},
  [FAULT_READ] = {ETL_KIND_EXTRACTOR, "read"},
  [FAULT_ACK] = {ETL_KIND_EXTRACTOR, "ack"},
  [FAULT_BIND] = {ETL_KIND_TRANSFORMER, "bind"},
  [FAULT_PROCESS] = {ETL_KIND_TRANSFORMER, "process"},
  [FAULT_FLUSH] = {ETL_KIND_TRANSFORMER, "flush"},
  [FAULT_CLAIM] = {ETL_KIND_LOADER, "claim"},
  [FAULT_COMMITTED] = {ETL_KIND_LOADER, "committed"},
  [FAULT_RUN_BEGIN] = {ETL_KIND_LOADER, "run_begin"},
  [FAULT_PREPARE] = {ETL_KIND_LOADER, "prepare"},
  [FAULT_BEGIN] = {ETL_KIND_LOADER, "begin"},
  [FAULT_WRITE] = {ETL_KIND_LOADER, "write"},
  [FAULT_SETTLE] = {ETL_KIND_LOADER, "settle"},
  [FAULT_REJECT] = {ETL_KIND_LOADER, "reject"},
  [FAULT_COMMIT] = {ETL_KIND_LOADER, "commit"},
  [FAULT_ABORT] = {ETL_KIND_LOADER, "abort"},
  [FAULT_RUN_END] = {ETL_KIND_LOADER, "run_end"},
  [FAULT_CAPTURE] = {ETL_KIND_LOADER, "capture"},
  [FAULT_PRUNE] = {ETL_KIND_LOADER, "prune"},
  [FAULT_CLOSE] = {0, "close"},
};
static const char *const kinds[] = {[ETL_KIND_EXTRACTOR] = "extractor", [ETL_KIND_TRANSFORMER] = "transformer", [ETL_KIND_LOADER] = "loader"};
static const char *const actions[FAULT_ACTIONS] = {
  [FAULT_KILL] = "kill",           [FAULT_SEGV] = "segv",           [FAULT_ABRT] = "abort",         [FAULT_EXIT] = "exit",
  [FAULT_LEAVE] = "leave",         [FAULT_OVERFLOW] = "overflow",   [FAULT_LEAK] = "leak",           [FAULT_HOARD] = "hoard",
  [FAULT_FILES] = "files",         [FAULT_SPIN] = "spin",           [FAULT_FORK] = "fork",           [FAULT_DAEMON] = "daemon",
  [FAULT_HANG] = "hang",           [FAULT_FAIL] = "fail",           [FAULT_RETRYABLE] = "retryable", [FAULT_PERMANENT] = "permanent",
  [FAULT_INDOUBT] = "indoubt",     [FAULT_TDS_RESET] = "tds-reset", [FAULT_PG_TERMINATE] = "pg-terminate", [FAULT_CHATTER] = "chatter",
  [FAULT_PG_CRASH] = "pg-crash",
};

/* Splits "KIND.POINT".  1: a point of `kind`; 0: of another kind; -1: unknown. */
static int parse_point(const char *word, enum etl_kind kind, enum fault_point *ret_point) {
  const char *dot = strchr(word, '.');
  for (unsigned k = ETL_KIND_EXTRACTOR; dot && k <= ETL_KIND_LOADER; k++) {
    if (strlen(kinds[k]) != (size_t)(dot - word) || strncmp(kinds[k], word, (size_t)(dot - word)) != 0)
      continue;
    for (unsigned i = 0; i < FAULT_POINTS; i++) {
      if (strcmp(points[i].name, dot + 1) != 0 || (points[i].kind && points[i].kind != k))
        continue;
      *ret_point = (enum fault_point)i;
      return k == kind;
    }
  }
  return -1;
}

static int parse_action(const char *word, enum fault_action *ret_action) {
  for (unsigned i = 0; i < FAULT_ACTIONS; i++) {
    if (strcmp(actions[i], word) == 0) {
      *ret_action = (enum fault_action)i;
      return 0;
    }
  }
  return -1;
}

/* One FAULT.  1: kept in *f; 0: meant for another kind; -1: not understood. */
static int parse_fault(char *text, enum etl_kind kind, struct fault *f) {
  char *save = NULL;
  char *when = strtok_r(text, ":", &save), *point = strtok_r(NULL, ":", &save), *nth = strtok_r(NULL, ":", &save);
  char *action = strtok_r(NULL, ":", &save), *lane = strtok_r(NULL, "", &save), *end = NULL;
  if (!when || !point || !nth || !action || (strcmp(when, "before") != 0 && strcmp(when, "after") != 0))
    return -1;
  f->after = strcmp(when, "after") == 0;
  f->nth = strcmp(nth, "*") == 0 ? 0 : strtoull(nth, &end, 10);
  if (end && (*end || f->nth == 0))
    return -1;
  if (parse_action(action, &f->action) < 0 || (lane && strlen(lane) >= sizeof f->lane))
    return -1;
  if (lane)
    memcpy(f->lane, lane, strlen(lane) + 1);
  return parse_point(point, kind, &f->point);
}

int faults_parse(const char *text, enum etl_kind kind, struct faults *ret) {
  if (!text || !*text)
    return 0;
  char *copy = strdup(text), *save = NULL;
  int status = copy ? 0 : -1;
  for (char *one = copy ? strtok_r(copy, ",", &save) : NULL; one && status == 0; one = strtok_r(NULL, ",", &save)) {
    int found = ret->n < FAULTS_MAX ? parse_fault(one, kind, &ret->list[ret->n]) : -1;
    if (found < 0)
      status = -1;
    else if (found)
      ret->n++;
  }
  free(copy);
  if (status < 0)
    fprintf(stderr, "ETL_FAULT: cannot read \"%s\"; write before|after:KIND.POINT:N:ACTION[:LANE]\n", text);
  return status;
}

int32_t faults_before(struct faults *f, enum fault_point point, const char *lane, const struct etl_host *host, struct fault **ret_after) {
  int32_t status = ETL_OK;
  *ret_after = NULL;
  for (unsigned i = 0; i < f->n; i++) {
    struct fault *one = &f->list[i];
    if (one->point != point || (one->lane[0] && (!lane || strcmp(one->lane, lane) != 0)))
      continue;
    uint64_t call = atomic_fetch_add(&one->calls, 1) + 1;
    if (one->nth && call != one->nth)
      continue;
    if (one->after)
      *ret_after = one;
    else if (status == ETL_OK)
      status = fault_act(one->action, host, points[point].name);
  }
  return status;
}

int32_t faults_after(struct fault *after, const struct etl_host *host, int32_t result) {
  if (!after)
    return result;
  int32_t status = fault_act(after->action, host, points[after->point].name);
  return status == ETL_OK ? result : status;
}
