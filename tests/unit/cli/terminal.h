/* unit/cli/terminal.h: a terminal that a display writes to, and what then stands on its screen. */
#ifndef TESTS_UNIT_CLI_TERMINAL_H
#define TESTS_UNIT_CLI_TERMINAL_H

#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

enum {
  SCREEN_MAX = 200
};
struct terminal {
  FILE *f; /* the display's end */
  int master;
  int columns, lines;
  int x, y;
  bool wrapped; /* a line reached beyond the last column */
  char cells[SCREEN_MAX][SCREEN_MAX + 1];
};

static inline void terminal_clear(struct terminal *t, int from_y, int from_x) {
  for (int y = from_y; y < t->lines; y++)
    for (int x = y == from_y ? from_x : 0; x < t->columns; x++)
      t->cells[y][x] = ' ';
}

static inline void terminal_open(struct terminal *t, int columns, int lines) {
  struct winsize size = {.ws_col = (unsigned short)columns, .ws_row = (unsigned short)lines};
  int slave;
  *t = (struct terminal){.columns = columns, .lines = lines};
  terminal_clear(t, 0, 0);
  setenv("TERM", "xterm", 1);
  setenv("NO_COLOR", "1", 1);
  cr_assert_eq(openpty(&t->master, &slave, NULL, NULL, &size), 0);
  t->f = fdopen(slave, "w");
  cr_assert_not_null(t->f);
}

static inline void terminal_close(struct terminal *t) {
  fclose(t->f);
  close(t->master);
}

static inline void terminal_newline(struct terminal *t) {
  if (t->y + 1 < t->lines) {
    t->y++;
    return;
  }
  memmove(t->cells[0], t->cells[1], sizeof *t->cells * (size_t)(t->lines - 1));
  terminal_clear(t, t->lines - 1, 0);
}

/* ESC [ n letter; returns the bytes after ESC. */
static inline size_t terminal_escape(struct terminal *t, const char *s) {
  char *end;
  cr_assert_eq(*s, '[');
  long n = strtol(s + 1, &end, 10);
  if (*end == 'A')
    t->y -= (int)(n ? n : 1);
  else if (*end == 'K')
    memset(t->cells[t->y] + t->x, ' ', (size_t)(t->columns - t->x));
  else if (*end == 'J')
    terminal_clear(t, t->y, t->x);
  else
    cr_assert_eq(*end, 'm', "a sequence that this terminal does not know: %c", *end);
  cr_assert_geq(t->y, 0, "the display went above the screen");
  return (size_t)(end + 1 - s);
}

/* Letters are ASCII. */
static inline void terminal_type(struct terminal *t, const char *s, size_t n) {
  for (size_t i = 0; i < n; i++) {
    if (s[i] == '\033') {
      i += terminal_escape(t, s + i + 1);
    } else if (s[i] == '\r') {
      t->x = 0;
    } else if (s[i] == '\n') {
      terminal_newline(t);
    } else {
      if (t->x == t->columns) {
        t->wrapped = true;
        t->x = 0;
        terminal_newline(t);
      }
      t->cells[t->y][t->x++] = s[i];
    }
  }
}

/* Takes what was written so far: the screen, lines without the blanks at their ends, empty ones at the end left out. */
static inline const char *terminal_screen(struct terminal *t) {
  static char text[SCREEN_MAX * (SCREEN_MAX + 2)];
  static char raw[1 << 16];
  size_t n = 0, at = 0, last = 0;
  fflush(t->f);
  cr_assert_eq(write(fileno(t->f), "\001", 1),
               1); /* the terminal takes its time; whatever comes before this mark was written before */
  do {
    ssize_t got = read(t->master, raw + n, sizeof raw - 1 - n);
    cr_assert_gt(got, 0);
    n += (size_t)got;
  } while (raw[n - 1] != '\001');
  n--;
  raw[n] = '\0';
  terminal_type(t, raw, n);
  for (int y = 0; y < t->lines; y++) {
    int width = t->columns;
    while (width > 0 && t->cells[y][width - 1] == ' ')
      width--;
    at += (size_t)snprintf(text + at, sizeof text - at, "%.*s\n", width, t->cells[y]);
    if (width)
      last = at;
  }
  text[last] = '\0';
  return text;
}

#endif
