/* A client of the control socket: what it may send, and what becomes of what it does not fetch. */
#include "serve/client.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "serve/control.h"

struct table { /* at which a client and a host sit */
  struct ev_loop *loop;
  struct client *client;
  int fd; /* the client's own end */
  int asked, ended;
  char last[64]; /* cmd of the newest request */
  size_t rows;   /* of an answer */
  int parts;     /* that follow the first one */
  char why[200];
  struct frame_reader in;
};

static void on_asked(struct client *c, json_t *request) {
  struct table *t = c->owner;
  const char *cmd = json_string_value(json_object_get(request, "cmd"));
  t->asked++;
  if (t->parts)
    c->follow = (struct follow){.kind = FOLLOW_PARTS};
  snprintf(t->last, sizeof t->last, "%s", cmd ? cmd : "");
  for (size_t i = 0; i < t->rows; i++)
    client_answer(c, json_pack("{s[{ss, si}]}", "rows", "text", "a row of the answer, neither long nor short", "n", (int)i));
  if (!t->parts)
    client_answer(c, json_pack("{sb}", "done", 1));
}

/* 100 rows a part. */
static void on_more(struct client *c) {
  struct table *t = c->owner;
  bool last = --t->parts == 0;
  if (last)
    c->follow = (struct follow){0};
  json_t *rows = json_array();
  for (int i = 0; i < 100; i++)
    json_array_append_new(rows, json_string("a row of a part, of which there are many"));
  json_t *part = json_pack("{so}", "rows", rows);
  if (last)
    json_object_set_new(part, "done", json_true());
  client_answer(c, part);
}

static void on_ended(struct client *c) {
  struct table *t = c->owner;
  t->ended++;
  snprintf(t->why, sizeof t->why, "%s", c->why ? c->why : "");
  client_free(c);
  t->client = NULL;
}

static struct table table;

static void sit_down(void) {
  static const struct client_calls calls = {.asked = on_asked, .more = on_more, .ended = on_ended};
  int ends[2];
  cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  table = (struct table){.loop = ev_loop_new(EVFLAG_AUTO), .fd = ends[1]};
  table.client = client_new(ends[0], table.loop, &calls, &table);
}

static void rise(void) {
  if (table.client)
    client_free(table.client);
  frame_reader_fini(&table.in);
  close(table.fd);
  ev_loop_destroy(table.loop);
}

TestSuite(client, .init = sit_down, .fini = rise);

/* Everything that can happen at once does. */
static void turn(void) {
  for (int i = 0; i < 5; i++)
    ev_run(table.loop, EVRUN_NOWAIT);
}

static void put(const char *bytes, size_t n) { cr_assert_eq(write(table.fd, bytes, n), (ssize_t)n); }

static size_t frame(char *to, const char *json) {
  size_t n = strlen(json);
  for (unsigned i = 0; i < 4; i++)
    to[i] = (char)(n >> (8 * i) & 0xff);
  memcpy(to + 4, json, n);
  return 4 + n;
}

static void ask(const char *json) {
  char bytes[1000];
  put(bytes, frame(bytes, json));
}

/* All parts up to the last one, in one list of rows; NULL: the connection ended before it. */
static json_t *fetch(void) {
  json_t *part, *all = json_array(), *answer = NULL;
  while (!answer) {
    turn();
    int rc = frame_reader_next(&table.in, &part);
    cr_assert_geq(rc, 0);
    if (rc > 0) {
      json_array_extend(all, json_object_get(part, "rows"));
      if (json_is_true(json_object_get(part, "done")))
        answer = json_incref(part);
      json_decref(part);
    } else if (frame_reader_fill(&table.in, table.fd) == 0) {
      break;
    }
  }
  if (answer)
    json_object_set(answer, "rows", all);
  json_decref(all);
  return answer;
}

static void expect_refusal(const char *what) {
  json_t *answer = fetch();
  cr_assert_not_null(answer);
  const char *message = json_string_value(json_object_get(json_object_get(answer, "error"), "message"));
  cr_expect(message && strstr(message, what), "%s", message);
  json_decref(answer);
  turn();
  cr_expect_eq(table.ended, 1, "it is closed");
  cr_expect_eq(table.asked, 0);
  cr_expect(*table.why, "the log is told");
}

Test(client, requests_come_in_any_pieces_and_are_answered_in_order) {
  char bytes[200];
  size_t n = frame(bytes, "{\"cmd\":\"one\"}");
  for (size_t i = 0; i < n; i++) {
    cr_expect_eq(table.asked, 0);
    put(bytes + i, 1);
    turn();
  }
  cr_expect_eq(table.asked, 1);
  cr_expect_str_eq(table.last, "one");
  n += frame(bytes + n, "{\"cmd\":\"two\"}");
  put(bytes, n);
  turn();
  cr_expect_eq(table.asked, 3);
  cr_expect_str_eq(table.last, "two");
  for (int i = 0; i < 3; i++)
    json_decref(fetch());
  cr_expect_eq(table.ended, 0);
}

Test(client, garbage_is_refused) {
  put("GET / HTTP/1.0\r\n\r\n", 18);
  expect_refusal("too long");
}

Test(client, no_json_is_refused) {
  ask("hello");
  expect_refusal("no request");
}

Test(client, json_that_is_no_object_is_refused) {
  ask("[{\"cmd\":\"one\"}]");
  expect_refusal("no request");
}

Test(client, a_request_that_would_be_too_long_is_refused_before_it_comes) {
  const unsigned char head[4] = {(CONTROL_REQUEST_MAX + 1) & 0xff, (CONTROL_REQUEST_MAX + 1) >> 8 & 0xff, (CONTROL_REQUEST_MAX + 1) >> 16 & 0xff, 0};
  put((const char *)head, sizeof head);
  expect_refusal("too long");
}

Test(client, a_long_answer_comes_whole_to_who_fetches_slowly) {
  table.rows = 30000; /* far more than a socket holds */
  ask("{\"cmd\":\"much\"}");
  turn();
  cr_expect_gt(table.client->out_n, 100000);
  ask("{\"cmd\":\"more\"}");
  turn();
  cr_expect_eq(table.asked, 1, "the next one waits until this one is fetched");
  json_t *answer = fetch();
  cr_assert_not_null(answer);
  const json_t *rows = json_object_get(answer, "rows"), *row;
  size_t i;
  cr_expect_eq(json_array_size(rows), 30000);
  json_array_foreach(rows, i, row)
    cr_assert_eq(json_integer_value(json_object_get(row, "n")), (json_int_t)i);
  json_decref(answer);
  json_decref(fetch());
  cr_expect_eq(table.asked, 2);
}

/* However much it sends meanwhile: what waits is limited. */
Test(client, who_does_not_fetch_and_sends_on_is_refused) {
  char bytes[64 * 1024];
  memset(bytes, ' ', sizeof bytes);
  frame(bytes, "{\"cmd\":\"more\"}");
  table.rows = 30000;
  ask("{\"cmd\":\"much\"}");
  turn();
  cr_assert_gt(table.client->out_n, 100000);
  for (int i = 0; i < 100 && table.client && !table.client->leaving; i++) {
    if (write(table.fd, bytes, sizeof bytes) < 0)
      cr_assert_eq(errno, EAGAIN);
    turn();
  }
  cr_assert(table.client && table.client->leaving);
  cr_expect_lt(table.client->in.cap, 1024 * 1024);
}

Test(client, who_follows_and_does_not_fetch_is_dropped) {
  json_t *part = json_pack("{ss}", "text", "something that happened, and takes a line of some length to be told to whoever wants to hear it");
  table.client->follow = (struct follow){.kind = FOLLOW_LOGS};
  for (int i = 0; i < 100000 && !table.client->over; i++)
    client_send(table.client, part);
  json_decref(part);
  cr_expect(table.client->over);
  cr_expect_lt(table.client->out_n, 5 * 1024 * 1024);
  turn();
  cr_expect_eq(table.ended, 1);
  cr_expect_not_null(strstr(table.why, "does not fetch"), "%s", table.why);
}

Test(client, who_says_nothing_more_still_gets_the_answer) {
  ask("{\"cmd\":\"one\"}");
  shutdown(table.fd, SHUT_WR);
  json_t *answer = fetch();
  cr_expect_not_null(answer);
  json_decref(answer);
  turn();
  cr_expect_eq(table.ended, 1);
}

Test(client, all_that_was_asked_for_in_one_breath_is_answered) {
  table.rows = 30000;
  ask("{\"cmd\":\"one\"}");
  ask("{\"cmd\":\"two\"}");
  shutdown(table.fd, SHUT_WR);
  json_decref(fetch());
  json_t *answer = fetch();
  cr_expect_not_null(answer);
  json_decref(answer);
  turn();
  cr_expect_eq(table.ended, 1);
}

/* Of a long list no more is made than is fetched, and the next request waits for its end. */
Test(client, a_list_in_parts) {
  table.rows = 1;
  table.parts = 1000;
  ask("{\"cmd\":\"list\"}");
  shutdown(table.fd, SHUT_WR);
  for (int i = 0; i < 300; i++)
    turn();
  cr_expect_gt(table.parts, 800);
  cr_expect_lt(table.client->out_n, 100000);
  json_t *answer = fetch();
  cr_assert_not_null(answer);
  cr_expect_eq(json_array_size(json_object_get(answer, "rows")), 100001);
  json_decref(answer);
  turn();
  cr_expect_eq(table.parts, 0);
  cr_expect_eq(table.ended, 1);
}

Test(client, who_vanishes_is_forgotten) {
  table.rows = 30000;
  ask("{\"cmd\":\"much\"}");
  turn();
  close(table.fd);
  table.fd = -1;
  turn();
  cr_expect_eq(table.ended, 1);
}

Test(client, time_is_limited) {
  put("\x20", 1);
  turn();
  cr_expect(ev_is_active(&table.client->patience));
  ev_feed_event(table.loop, &table.client->patience, EV_TIMER); /* as if it were over */
  turn();
  cr_expect_eq(table.ended, 1);
  cr_expect_not_null(strstr(table.why, "does not come to an end"), "%s", table.why);
}

Test(client, who_follows_may_be_silent) {
  ask("{\"cmd\":\"one\"}");
  json_decref(fetch());
  table.client->follow = (struct follow){.kind = FOLLOW_LOGS};
  json_t *part = json_object();
  client_send(table.client, part);
  json_decref(part);
  turn();
  cr_expect_not(ev_is_active(&table.client->patience));
  client_ready(table.client);
  turn();
  cr_expect(ev_is_active(&table.client->patience));
}

/* Bytes by chance, some of them within frames of the right length: whatever comes, the host is there for the next one. */
Test(client, any_bytes) {
  unsigned seed = 4711;
  for (int round = 0; round < 2000; round++) {
    char bytes[300];
    size_t n = 1 + (size_t)rand_r(&seed) % 200, at = rand_r(&seed) % 2 ? 4 : 0;
    for (size_t i = 0; i < n; i++)
      bytes[at + i] = rand_r(&seed) % 3 ? "{}[]\",:0 cmd\\u\n"[rand_r(&seed) % 16] : (char)rand_r(&seed);
    if (at)
      memcpy(bytes, (const char[4]){(char)n}, 4);
    put(bytes, at + n);
    turn();
    if (!table.client || table.client->over || round % 10 == 9) {
      rise();
      sit_down();
    }
  }
  ask("{\"cmd\":\"one\"}");
  json_t *answer = fetch();
  cr_expect_not_null(answer);
  json_decref(answer);
}
