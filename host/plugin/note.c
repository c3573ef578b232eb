/* ELF64 program headers, PT_NOTE segments, notes; every offset is checked against the file's length before it is used. */
#include "plugin/note.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

enum {
  HEADERS_LIMIT = 128,
  NOTES_LIMIT = 1024 * 1024,
  NOTE_HEAD = 12,
  NOTE_DESC = sizeof(struct etl_note) - 16,
  NOTE_TYPE = 1
};

#if defined(__x86_64__)
#define OWN_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define OWN_MACHINE EM_AARCH64
#else
#define OWN_MACHINE EM_NONE
#endif

struct image {
  int fd;
  uint64_t size;
  struct err *e;
};

static int refuse(struct err *e, const char *why, const char *remedy) {
  err_set(e, ETL_E_CONFIG, "%s", why);
  return err_remedy(e, "%s", remedy);
}

static int truncated(struct err *e) {
  return refuse(e, "it is cut short: parts that its own header announces are missing", "copy it again");
}

/* n bytes at offset, all of them. */
static int get(const struct image *f, uint64_t offset, void *to, size_t n) {
  if (offset > f->size || n > f->size - offset)
    return truncated(f->e);
  for (size_t done = 0; done < n;) {
    ssize_t got = pread(f->fd, (char *)to + done, n - done, (off_t)(offset + done));
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return err_set(f->e, ETL_E_CONFIG, "it cannot be read: %s", strerror(errno));
    if (got == 0)
      return truncated(f->e);
    done += (size_t)got;
  }
  return 0;
}

static int read_header(const struct image *f, Elf64_Ehdr *h) {
  if (f->size < SELFMAG || get(f, 0, h, f->size < sizeof *h ? SELFMAG : sizeof *h) < 0 || memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
    return refuse(f->e, "it is not a shared object (no ELF header)", "remove it, or build the connector anew");
  if (f->size < sizeof *h)
    return truncated(f->e);
  if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
      (OWN_MACHINE != EM_NONE && h->e_machine != OWN_MACHINE))
    return refuse(f->e, "it is built for another kind of machine", "build the connector on this one");
  if (h->e_type != ET_DYN || h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0 || h->e_phnum > HEADERS_LIMIT)
    return refuse(f->e, "it is an ELF file, but no shared object", "link the connector as a shared module");
  return 0;
}

/* A file whose end is missing would kill the process that maps it. */
static int check_whole(const struct image *f, const Elf64_Ehdr *h, const Elf64_Phdr *p) {
  for (unsigned i = 0; i < h->e_phnum; i++)
    if (p[i].p_type == PT_LOAD && (p[i].p_offset > f->size || p[i].p_filesz > f->size - p[i].p_offset))
      return truncated(f->e);
  uint64_t sections = (uint64_t)h->e_shnum * h->e_shentsize;
  if (h->e_shoff && (h->e_shoff > f->size || sections > f->size - h->e_shoff))
    return truncated(f->e);
  return 0;
}

static bool is_text(const char *s, size_t room, bool as_id) {
  size_t n = strnlen(s, room);
  if (n == 0 || n == room)
    return false;
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)s[i];
    if (as_id ? !(islower(c) || isdigit(c) || c == '_') : !isgraph(c))
      return false;
  }
  return true;
}

static int take_note(const struct image *f, const char *desc, size_t desc_n, struct etl_note *ret) {
  struct etl_note n = {.namesz = 4, .descsz = (uint32_t)desc_n, .type = NOTE_TYPE};
  if (desc_n < NOTE_DESC)
    return refuse(f->e, "its ETL note is too short", "build it with the ETL_NOTE() of etl/plugin.h");
  memcpy(&n.abi_major, desc, NOTE_DESC);
  uint32_t known = 1u << ETL_KIND_EXTRACTOR | 1u << ETL_KIND_TRANSFORMER | 1u << ETL_KIND_LOADER;
  if (!is_text(n.id, sizeof n.id, true) || !is_text(n.version, sizeof n.version, false))
    return refuse(f->e, "its ETL note has no valid name or version", "use [a-z0-9_]+ as the name in ETL_NOTE()");
  if (!(n.kinds & known))
    return refuse(f->e, "its ETL note names no kind of connector that this host knows", "set the kinds in ETL_NOTE()");
  memcpy(n.name, "ETL", 4);
  *ret = n;
  return 0;
}

static size_t padded(size_t n, size_t to) { return (n + to - 1) & ~(to - 1); }

/* 1: found; 0: not in this segment; -1: it is, but wrong. */
static int search_segment(const struct image *f, const Elf64_Phdr *p, struct etl_note *ret) {
  size_t n = p->p_filesz, align = p->p_align == 8 ? 8 : 4;
  if (n > NOTES_LIMIT)
    return refuse(f->e, "its notes are larger than any real ones", "build the connector anew");
  cleanup_free char *buf = xcalloc(n, 1);
  if (get(f, p->p_offset, buf, n) < 0)
    return -1;
  for (size_t at = 0; n - at >= NOTE_HEAD;) {
    uint32_t head[3]; /* namesz, descsz, type */
    memcpy(head, buf + at, sizeof head);
    size_t left = n - at - NOTE_HEAD, name_n = padded(head[0], 4), desc_at = padded(NOTE_HEAD + name_n, align) - NOTE_HEAD;
    if (head[0] > left || desc_at > left || head[1] > left - desc_at)
      return refuse(f->e, "one of its notes is longer than all notes together", "copy the file again or build it anew");
    const char *name = buf + at + NOTE_HEAD;
    if (head[0] == 4 && memcmp(name, "ETL", 4) == 0 && head[2] == NOTE_TYPE)
      return take_note(f, name + desc_at, head[1], ret) < 0 ? -1 : 1;
    size_t step = padded(NOTE_HEAD + desc_at + head[1], align);
    if (step > n - at)
      break;
    at += step;
  }
  return 0;
}

int note_read(int fd, struct etl_note *ret, struct err *e) {
  struct stat st;
  if (fstat(fd, &st) < 0)
    return err_set(e, ETL_E_CONFIG, "it cannot be read: %s", strerror(errno));
  struct image f = {fd, (uint64_t)st.st_size, e};
  Elf64_Ehdr h;
  if (read_header(&f, &h) < 0)
    return -1;
  Elf64_Phdr p[HEADERS_LIMIT];
  if (get(&f, h.e_phoff, p, h.e_phnum * sizeof *p) < 0 || check_whole(&f, &h, p) < 0)
    return -1;
  for (unsigned i = 0; i < h.e_phnum; i++) {
    int rc = p[i].p_type == PT_NOTE ? search_segment(&f, &p[i], ret) : 0;
    if (rc)
      return rc < 0 ? -1 : 0;
  }
  return refuse(e, "it has no ETL note: it is no connector, or was built without ETL_NOTE()",
                "remove it from the folder, or add ETL_NOTE()");
}

int note_check_abi(const struct etl_note *note, struct err *e) {
  if (note->abi_major != ETL_ABI_MAJOR) {
    err_set(e, ETL_E_CONFIG, "it is built for ABI %u, and this host speaks ABI %u", note->abi_major, ETL_ABI_MAJOR);
    return err_remedy(e,
                      note->abi_major > ETL_ABI_MAJOR ? "install a newer etl, or a connector built for ABI %u"
                                                      : "build the connector anew with the etl/plugin.h of ABI %u",
                      ETL_ABI_MAJOR);
  }
  if (note->abi_minor_needed > ETL_ABI_MINOR) {
    err_set(e, ETL_E_CONFIG, "it needs a host with ABI %u.%u or later, and this one has %u.%u", note->abi_major,
            note->abi_minor_needed, ETL_ABI_MAJOR, ETL_ABI_MINOR);
    return err_remedy(e, "install a newer etl, or an older release of the connector");
  }
  return 0;
}
