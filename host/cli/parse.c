/* Arguments against the table of commands. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "base/mem.h"
#include "cli/cli.h"

struct parse {
  struct cli_args *a;
  struct err *e;
  char *const *argv;
  int argc, at;
};

static const struct cli_option *find_in(const struct cli_option *list, const char *name, size_t n, char letter) {
  for (; list && list->name; list++)
    if (name ? strlen(list->name) == n && memcmp(list->name, name, n) == 0 : list->letter == letter)
      return list;
  return NULL;
}

static const struct cli_option *find_option(const struct parse *p, const char *name, size_t n, char letter) {
  const struct cli_option *o = find_in(cli_globals, name, n, letter);
  return o || !p->a->command ? o : find_in(p->a->command->options, name, n, letter);
}

static size_t add_names(const struct cli_option *list, const char **names, size_t at, size_t room) {
  for (; list && list->name && at + 1 < room; list++)
    names[at++] = list->name;
  return at;
}

static const char *help_of(const struct parse *p) { return p->a->command ? p->a->command->name : ""; }

static int unknown_option(const struct parse *p, const char *name, size_t n) {
  const char *names[64] = {NULL};
  size_t count = add_names(cli_globals, names, 0, 64);
  count = add_names(p->a->command ? p->a->command->options : NULL, names, count, 64);
  names[count] = NULL;
  char *typed = xasprintf("%.*s", (int)n, name);
  const char *near = diag_nearest(typed, names);
  if (near)
    err_set(p->e, ETL_E_CONFIG, "there is no option --%s; did you mean --%s?", typed, near);
  else {
    err_set(p->e, ETL_E_CONFIG, "there is no option --%s", typed);
    err_remedy(p->e, "see etl %s%s--help", help_of(p), p->a->command ? " " : "");
  }
  free(typed);
  return -1;
}

/* Is text one of "a|b|c"? */
static bool is_choice(const char *choices, const char *text) {
  size_t n = strlen(text);
  for (const char *c = choices; c; c = strchr(c, '|') ? strchr(c, '|') + 1 : NULL)
    if (strcspn(c, "|") == n && memcmp(c, text, n) == 0)
      return true;
  return false;
}

static int check_value(const struct parse *p, const struct cli_option *o, const char *text) {
  if (strchr(o->arg, '|') && !is_choice(o->arg, text))
    return err_set(p->e, ETL_E_CONFIG, "--%s cannot be '%s'; write one of %s", o->name, text, o->arg);
  if (o->number) {
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end || errno || v < 0)
      return err_set(p->e, ETL_E_CONFIG, "--%s wants a whole number, and '%s' is none", o->name, text);
  }
  if (!o->many && cli_opt(p->a, o->name))
    return err_set(p->e, ETL_E_CONFIG, "--%s is given twice; once is enough", o->name);
  return 0;
}

static void keep(struct parse *p, const struct cli_option *o, const char *text) {
  struct cli_args *a = p->a;
  a->values = xrealloc(a->values, (a->values_n + 1) * sizeof *a->values);
  a->values[a->values_n++] = (struct cli_value){o, text};
  a->help |= strcmp(o->name, "help") == 0;
  a->version |= strcmp(o->name, "version") == 0;
}

/* joined: the value in the same argument, or NULL. */
static int take_option(struct parse *p, const struct cli_option *o, const char *joined) {
  if (!o->arg) {
    if (joined)
      return err_set(p->e, ETL_E_CONFIG, "--%s takes no value", o->name);
    keep(p, o, "");
    return 0;
  }
  if (!joined && p->at >= p->argc)
    return err_set(p->e, ETL_E_CONFIG, "--%s lacks its value: --%s %s", o->name, o->name, o->arg);
  const char *text = joined ? joined : p->argv[p->at++];
  if (check_value(p, o, text) < 0)
    return -1;
  keep(p, o, text);
  return 0;
}

static int take_long(struct parse *p, const char *name) {
  size_t n = strcspn(name, "=");
  const struct cli_option *o = find_option(p, name, n, 0);
  return o ? take_option(p, o, name[n] ? name + n + 1 : NULL) : unknown_option(p, name, n);
}

/* -oVALUE, or several flags in one. */
static int take_letters(struct parse *p, const char *letters) {
  while (*letters) {
    const struct cli_option *o = find_option(p, NULL, 0, *letters);
    if (!o) {
      err_set(p->e, ETL_E_CONFIG, "there is no option -%c", *letters);
      return err_remedy(p->e, "see etl %s%s--help", help_of(p), p->a->command ? " " : "");
    }
    letters++;
    if (o->arg)
      return take_option(p, o, *letters ? letters : NULL);
    if (take_option(p, o, NULL) < 0)
      return -1;
  }
  return 0;
}

/* The command that begins with `words`: its whole name, or *ret_open when a further word is needed. */
static const struct cli_command *find_command(const char *words, bool *ret_open) {
  size_t n = strlen(words);
  *ret_open = false;
  for (const struct cli_command *c = cli_commands; c->name; c++) {
    if (strcmp(c->name, words) == 0)
      return c;
    *ret_open |= strncmp(c->name, words, n) == 0 && c->name[n] == ' ';
  }
  return NULL;
}

static int unknown_command(const struct parse *p, const char *typed) {
  const char *names[64];
  size_t n = 0;
  for (const struct cli_command *c = cli_commands; c->name && n + 1 < 64; c++)
    if (!c->hidden)
      names[n++] = c->name;
  names[n] = NULL;
  const char *near = diag_nearest(typed, names);
  if (near)
    return err_set(p->e, ETL_E_CONFIG, "there is no command '%s'; did you mean '%s'?", typed, near);
  err_set(p->e, ETL_E_CONFIG, "there is no command '%s'", typed);
  return err_remedy(p->e, "see etl --help");
}

/* Takes a word for the command's name as long as that is not whole. */
static int take_command_word(struct parse *p, char **pending, const char *word) {
  bool open;
  char *typed = *pending ? xasprintf("%s %s", *pending, word) : xstrdup(word);
  p->a->command = find_command(typed, &open);
  free(*pending);
  *pending = NULL;
  int rc = p->a->command || open ? 0 : unknown_command(p, typed);
  if (!p->a->command && open)
    *pending = typed;
  else
    free(typed);
  return rc;
}

static int half_command(const struct parse *p, const char *pending) {
  char all[256] = "";
  size_t n = strlen(pending), at = 0;
  for (const struct cli_command *c = cli_commands; c->name; c++)
    if (strncmp(c->name, pending, n) == 0 && at < sizeof all)
      at += (size_t)snprintf(all + at, sizeof all - at, "%s'etl %s'", at ? ", " : "", c->name);
  return err_set(p->e, ETL_E_CONFIG, "'etl %s' is half a command; there are: %s", pending, all);
}

static int check_words(const struct parse *p) {
  const struct cli_command *c = p->a->command;
  if (p->a->words_n < c->min_args) {
    err_set(p->e, ETL_E_CONFIG, "'etl %s' wants %s", c->name, c->arguments);
    return err_remedy(p->e, "see etl %s --help", c->name);
  }
  if (p->a->words_n > c->max_args)
    return err_set(p->e, ETL_E_CONFIG, "'etl %s' does not know what to do with '%s'", c->name, p->a->words[c->max_args]);
  return 0;
}

int cli_parse(int argc, char *const *argv, struct cli_args *ret, struct err *e) {
  *ret = (struct cli_args){.words = xcalloc((size_t)argc + 1, sizeof *ret->words)};
  struct parse p = {ret, e, argv, argc, 1};
  cleanup_free char *pending = NULL;
  bool only_words = false;
  int rc = 0;
  while (rc == 0 && p.at < argc) {
    const char *word = argv[p.at++];
    if (!only_words && strcmp(word, "--") == 0)
      only_words = true;
    else if (!only_words && strncmp(word, "--", 2) == 0)
      rc = take_long(&p, word + 2);
    else if (!only_words && word[0] == '-' && word[1])
      rc = take_letters(&p, word + 1);
    else if (!ret->command)
      rc = take_command_word(&p, &pending, word);
    else
      ret->words[ret->words_n++] = word;
  }
  if (rc < 0 || ret->help || ret->version)
    return rc;
  if (pending)
    return half_command(&p, pending);
  if (!ret->command) {
    err_set(e, ETL_E_CONFIG, "what shall be done?");
    return err_remedy(e, "see etl --help");
  }
  return check_words(&p);
}

void cli_args_fini(struct cli_args *a) {
  free(a->values);
  free(a->words);
  *a = (struct cli_args){0};
}

const char *cli_opt_at(const struct cli_args *a, const char *name, size_t i) {
  for (size_t k = 0; k < a->values_n; k++)
    if (strcmp(a->values[k].option->name, name) == 0 && i-- == 0)
      return a->values[k].text;
  return NULL;
}

size_t cli_opt_n(const struct cli_args *a, const char *name) {
  size_t n = 0;
  while (cli_opt_at(a, name, n))
    n++;
  return n;
}

const char *cli_opt(const struct cli_args *a, const char *name) {
  size_t n = cli_opt_n(a, name);
  return n ? cli_opt_at(a, name, n - 1) : NULL;
}

bool cli_flag(const struct cli_args *a, const char *name) { return cli_opt(a, name) != NULL; }

const char *cli_word(const struct cli_args *a, size_t i) { return i < a->words_n ? a->words[i] : NULL; }
