/* Completion for bash, out of the table of commands; and the names that it asks for while a user types. */
#include <string.h>

#include "cli/cli.h"
#include "conf/conf.h"
#include "plugin/registry.h"

/* ---- the script --------------------------------------------------------------------------------------------------------------------- */

/* What completes a value: words, or @ and what is asked for. */
static const char *values_of(const struct cli_option *o) {
  static const struct {
    const char *option, *names;
  } known[] = {{"shard", "@shards"}, {"pipeline", "@pipelines"}, {"from", "@files"}, {"to", "@files"}};
  if (strcmp(o->arg, "CONNECTION") == 0)
    return "@connections";
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].option, o->name) == 0)
      return known[i].names;
  return strcmp(o->arg, "FILE") == 0 || strcmp(o->arg, "DIR") == 0 ? "@files" : strchr(o->arg, '|') ? o->arg : "";
}

/* What a command's first argument names; NULL: nothing that can be completed. */
static const char *names_of(const struct cli_command *c) {
  const char *a = c->arguments + (*c->arguments == '[');
  if (strncmp(a, "CONF", 4) == 0 || strncmp(a, "FILE", 4) == 0)
    return "@files";
  if (strncmp(a, "NAME", 4) != 0)
    return NULL;
  return strncmp(c->name, "conns ", 6) == 0 ? "@connections" : strncmp(c->name, "plugin ", 7) == 0 ? "@plugins" : "@pipelines";
}

static void put_values(const char *command, const struct cli_option *o) {
  for (; o->name; o++)
    if (o->arg && *values_of(o)) {
      printf("    \"%s --%s\")", command, o->name);
      fputs(" echo '", stdout);
      for (const char *p = values_of(o); *p; p++)
        putchar(*p == '|' ? ' ' : *p);
      fputs("' ;;\n", stdout);
    }
}

static void put_options(const struct cli_option *o, bool with_value) {
  for (; o->name; o++)
    if (!with_value || o->arg)
      printf(" --%s", o->name);
}

static void put_script_tables(void) {
  puts("_etl_commands() {\n  cat <<'END'");
  for (const struct cli_command *c = cli_commands; c->name; c++)
    if (!c->hidden)
      puts(c->name);
  fputs("END\n}\n_etl_options() {\n  case \"$1\" in\n", stdout);
  for (const struct cli_command *c = cli_commands; c->name; c++)
    if (!c->hidden) {
      printf("    \"%s\") echo '", c->name);
      put_options(c->options, false);
      puts("' ;;");
    }
  fputs("  esac\n  echo '", stdout);
  put_options(cli_globals, false);
  puts("'\n}\n_etl_values() {\n  case \"$1\" in");
  for (const struct cli_command *c = cli_commands; c->name; c++)
    if (!c->hidden)
      put_values(c->name, c->options);
  puts("    *' --conf') echo '@files' ;;");
  for (const struct cli_command *c = cli_commands; c->name; c++)
    if (!c->hidden && names_of(c))
      printf("    \"%s\") echo '%s' ;;\n", c->name, names_of(c));
  fputs("  esac\n}\n_etl_takes_value() {\n  case \"$2\" in -c|--conf) return 0 ;; esac\n  case \"$1\" in\n", stdout);
  for (const struct cli_command *c = cli_commands; c->name; c++)
    if (!c->hidden) {
      printf("    \"%s\") case \"", c->name);
      put_options(c->options, true);
      puts(" -o \" in *\" $2 \"*) return 0 ;; esac ;;");
    }
  puts("  esac\n  return 1\n}");
}

/* Words before the cursor: the command, as far as it is there, its first argument, and what -c says.  What is offered is never
 * given to compgen -W, which expands it: names are text of a configuration. */
static const char script[] =
    "_etl() {\n"
    "  local etl=${COMP_WORDS[0]} cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} command= first= conf= open=1 i word quoted values list\n"
    "  COMPREPLY=()\n"
    "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "    word=${COMP_WORDS[i]}\n"
    "    if [[ $word == -c || $word == --conf ]]; then conf=${COMP_WORDS[i+1]}; ((i++)); continue; fi\n"
    "    if [[ $word == -* ]]; then _etl_takes_value \"$command\" \"$word\" && ((i++)); continue; fi\n"
    "    if [[ $open ]]; then\n"
    "      command=${command:+$command }$word\n"
    "      _etl_commands | grep -qxF -- \"$command\" && open=\n"
    "    elif [[ ! $first ]]; then first=$word; fi\n"
    "  done\n"
    "  if [[ $prev == -* && $prev != -- ]] && _etl_takes_value \"$command\" \"$prev\"; then\n"
    "    [[ $prev == -c ]] && prev=--conf\n"
    "    [[ $prev == -o ]] && prev=--output\n"
    "    values=$(_etl_values \"$command $prev\")\n"
    "  elif [[ $cur == -* ]]; then\n"
    "    values=$(_etl_options \"$command\")\n"
    "  elif [[ $open ]]; then\n"
    "    command=${command:+$command }\n"
    "    values=$(_etl_commands | while IFS= read -r word; do\n"
    "      [[ $word == \"$command\"* ]] && word=${word:${#command}} && printf '%s\\n' \"${word%% *}\"\n"
    "    done | sort -u)\n"
    "  else\n"
    "    values=$(_etl_values \"$command\")\n"
    "  fi\n"
    "  case $values in\n"
    "    @files) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n"
    "    @*) list=$(\"$etl\" ${conf:+-c \"$conf\"} _names \"${values#@}\" ${first:+\"$first\"} 2>/dev/null) ;;\n"
    "    *) list=${values// /$'\\n'} ;;\n"
    "  esac\n"
    "  while IFS= read -r word; do\n"
    "    printf -v quoted %q \"$word\"\n"
    "    [[ $word && ($word == \"$cur\"* || $quoted == \"$cur\"*) ]] && COMPREPLY+=(\"$quoted\")\n"
    "  done <<<\"$list\"\n"
    "}\n"
    "complete -F _etl etl\n";

int cmd_completion(const struct cli_args *a) {
  (void)a;
  puts("# bash completion for etl, made by: etl _completion bash");
  put_script_tables();
  fputs(script, stdout);
  return CLI_OK;
}

/* ---- names -------------------------------------------------------------------------------------------------------------------------- */

static void put_names(const char *const *names) {
  for (; names && *names; names++)
    puts(*names);
}

/* Those that the settings name: nobody is connected to while a user types. */
static void put_shards(const struct conf *c, const char *pipeline) {
  const struct conf_pipeline *p = pipeline ? conf_pipeline_find(c, pipeline) : NULL;
  const struct conf_node *shards = p && p->extract.options ? conf_node_find(p->extract.options, "shards") : NULL;
  for (size_t i = 0; shards && i < shards->kids_n; i++) {
    const struct conf_node *id = shards->kids[i]->kind == CONF_GROUP ? conf_node_find(shards->kids[i], "id") : shards->kids[i];
    if (id && id->text)
      puts(id->text);
  }
}

static void put_plugins(const struct conf *c) {
  struct registry *r;
  struct err e;
  if (registry_scan(c->plugin_dirs, &e, &r) < 0)
    return;
  for (size_t i = 0; i < r->files_n; i++)
    if (!r->files[i].bad && !r->files[i].shadowed_by)
      puts(r->files[i].id);
  registry_free(r);
}

int cmd_names(const struct cli_args *a) {
  const char *what = cli_word(a, 0), *of = cli_word(a, 1);
  struct diags d = {0}; /* a mistake in the configuration is no reason to disturb who types */
  struct conf *c = NULL;
  if (conf_load_for_check(cli_opt(a, "conf"), strcmp(what, "shards") == 0 ? of : NULL, &d, &c) == 0) {
    if (strcmp(what, "pipelines") == 0)
      put_names(conf_pipeline_names(c));
    else if (strcmp(what, "connections") == 0)
      put_names(c->connection_names);
    else if (strcmp(what, "shards") == 0)
      put_shards(c, of);
    else if (strcmp(what, "plugins") == 0)
      put_plugins(c);
  }
  conf_free(c);
  diags_fini(&d);
  return CLI_OK;
}
