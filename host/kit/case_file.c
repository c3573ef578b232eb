/* Cases about the file: its note, its entry function, its descriptor. */
#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "kit/cases.h"
#include "plugin/note.h"
#include "plugin/registry.h"

void case_note(struct kit *k) {
  struct etl_note n;
  struct err e;
  int fd = open(k->file, O_RDONLY | O_CLOEXEC);
  uint32_t kinds = 0;
  kit_must(k, fd >= 0 && note_read(fd, &n, &e) == 0, "struct etl_note", "%s", e.message);
  close(fd);
  kit_must(k, note_check_abi(&n, &e) == 0, "struct etl_note", "%s", e.message);
  for (const struct etl_connector *const *c = k->plugin->connectors; *c; c++) {
    kinds |= 1u << (*c)->kind;
    kit_must(k, strcmp((*c)->name, n.id) == 0, "struct etl_note: id", "the note has the id \"%s\", and the %s is called \"%s\"", n.id,
             plugin_kind_name((*c)->kind), (*c)->name);
  }
  kit_must(k, kinds == n.kinds, "struct etl_note: kinds: bit (1 << kind) for each kind inside", "the note has the kinds %#x, the file %#x", n.kinds, kinds);
  kit_must(k, strcmp(n.version, k->plugin->version) == 0, "struct etl_note: version", "the note has the version \"%s\", the descriptor \"%s\"",
           n.version, k->plugin->version);
  kit_must(k, n.abi_major == k->plugin->abi_major && n.abi_minor == k->plugin->abi_minor && n.abi_minor_needed == k->plugin->abi_minor_needed,
           "struct etl_plugin: abi_major, abi_minor: the header it was built with", "the note has ABI %u.%u (needs %u), the descriptor %u.%u (needs %u)",
           n.abi_major, n.abi_minor, n.abi_minor_needed, k->plugin->abi_major, k->plugin->abi_minor, k->plugin->abi_minor_needed);
}

static unsigned entries(const char *folder) {
  DIR *d = opendir(folder);
  unsigned n = 0;
  while (d && readdir(d))
    n++;
  if (d)
    closedir(d);
  return n;
}

void case_entry(struct kit *k) {
  static const char where[] = "etl_plugin_v1: no side effects: no threads, no I/O, no environment, no atexit";
  void *so = dlopen(k->file, RTLD_NOW | RTLD_LOCAL), *symbol = so ? dlsym(so, ETL_ENTRY_NAME) : NULL;
  etl_plugin_fn entry;
  memcpy(&entry, &symbol, sizeof entry);
  kit_must(k, entry, "ETL_ENTRY_NAME", "%s is not there", ETL_ENTRY_NAME);
  unsigned threads = entries("/proc/self/task"), files = entries("/proc/self/fd");
  snprintf(k->doing, KIT_DOING_ROOM, ETL_ENTRY_NAME "()");
  const struct etl_plugin *first = entry(ETL_ABI_MAJOR, ETL_ABI_MINOR), *again = entry(ETL_ABI_MAJOR, ETL_ABI_MINOR);
  kit_must(k, first && first == again, "struct etl_plugin: constant data: valid for the life of the process", "the second call gives another descriptor");
  kit_must(k, entry(ETL_ABI_MAJOR, ETL_ABI_MINOR + 7), "etl_plugin_v1", "a host of a later minor is refused");
  kit_must(k, !entry(ETL_ABI_MAJOR + 1, 0), "etl_plugin_v1: NULL: refuses this host", "a host of major %u is not refused", ETL_ABI_MAJOR + 1);
  kit_must(k, entries("/proc/self/task") == threads, where, "it starts threads");
  kit_must(k, entries("/proc/self/fd") == files, where, "it opens files");
  kit_must(k, k->plugin == first, "struct etl_plugin", "loading the file twice gives two descriptors");
}

static bool plain_name(const char *s) { return *s && strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s); }

void case_descriptor(struct kit *k) {
  static const uint64_t caps[] = {
    [ETL_KIND_EXTRACTOR] = ETL_CAP_ONE_AT_A_TIME | ETL_CAP_RESUME | ETL_CAP_PARALLEL_READERS | ETL_CAP_RANGE, [ETL_KIND_TRANSFORMER] = ETL_CAP_ONE_AT_A_TIME,
    [ETL_KIND_LOADER] = ETL_CAP_ONE_AT_A_TIME | ETL_CAP_TXN | ETL_CAP_STORES_CURSOR | ETL_CAP_ASIDE | ETL_CAP_CAREFUL |
                         ETL_CAP_REPLACE | ETL_CAP_CAPTURE};
  const struct etl_connector *c = k->c;
  kit_must(k, plain_name(c->name), "struct etl_connector: name: [a-z0-9_]+", "its name is \"%s\"", c->name);
  kit_must(k, *c->summary && !strchr(c->summary, '\n') && text_is_utf8(c->summary, strlen(c->summary)), "struct etl_connector: summary: one line",
           "its summary is \"%s\"", c->summary);
  kit_must(k, *c->version && *k->plugin->version, "struct etl_connector: version", "it has no version");
  kit_must(k, k->plugin->license && *k->plugin->license, "struct etl_plugin: license", "it does not say its license");
  kit_must(k, (c->caps & ~caps[c->kind]) == 0, "enum etl_caps", "it has the capabilities %#llx, which a %s cannot have",
           (unsigned long long)(c->caps & ~caps[c->kind]), plugin_kind_name(c->kind));
  kit_must(k, !(c->caps & ETL_CAP_STORES_CURSOR) || c->caps & ETL_CAP_TXN, "ETL_CAP_STORES_CURSOR: commit() stores cursors atomically with the rows",
           "it stores cursors with the rows, and has no transactions (ETL_CAP_TXN)");
  if (k->loader && c->caps & ETL_CAP_REPLACE)
    kit_must(k, c->caps & ETL_CAP_ASIDE && k->loader->run_end, "ETL_CAP_REPLACE: loader, with ETL_CAP_ASIDE", "it replaces, and has no ETL_CAP_ASIDE or run_end()");
}
