/* Notes of files that are whole, cut at every length, and damaged. */
#include "plugin/note.h"

#include <elf.h>
#include <sys/mman.h>

#include "samples.h"

static int memory_file(const char *p, size_t n) {
  int fd = memfd_create("sample", MFD_CLOEXEC);
  cr_assert_geq(fd, 0);
  cr_assert_eq(write(fd, p, n), (ssize_t)n);
  return fd;
}

Test(note, whole) {
  size_t n;
  char *p = sample_bytes("good", &n);
  int fd = memory_file(p, n);
  struct etl_note note;
  struct err e;
  cr_assert_eq(note_read(fd, &note, &e), 0, "%s", e.message);
  cr_expect_str_eq(note.id, "sample");
  cr_expect_str_eq(note.version, "1.2");
  cr_expect_eq(note.kinds, 1u << ETL_KIND_EXTRACTOR);
  cr_expect_eq(note.abi_major, ETL_ABI_MAJOR);
  cr_expect_eq(note_check_abi(&note, &e), 0);
  close(fd);
  free(p);
}

/* However much of the end is missing, it is an error: never a crash, never a success. */
Test(note, every_truncation, .timeout = 60) {
  size_t n;
  char *p = sample_bytes("good", &n);
  int fd = memory_file(p, n);
  for (size_t len = n; len-- > 0;) {
    struct etl_note note;
    struct err e;
    cr_assert_eq(ftruncate(fd, (off_t)len), 0);
    cr_assert_eq(note_read(fd, &note, &e), -1, "with %zu of %zu bytes", len, n);
    cr_assert_neq(e.message[0], '\0');
  }
  close(fd);
  free(p);
}

/* Each byte of headers and notes set to several values: an error or a sound result, never a crash. */
Test(note, every_damaged_byte, .timeout = 60) {
  static const unsigned char values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  size_t n, sound = 0;
  char *p = sample_bytes("good", &n);
  int fd = memory_file(p, n);
  size_t last = n < 4096 ? n : 4096;
  for (size_t i = 0; i < last; i++)
    for (size_t v = 0; v < sizeof values; v++) {
      struct etl_note note;
      struct err e;
      cr_assert_eq(pwrite(fd, &values[v], 1, (off_t)i), 1);
      if (note_read(fd, &note, &e) == 0) {
        sound++;
        cr_assert_leq(strnlen(note.id, sizeof note.id), sizeof note.id - 1);
        cr_assert_leq(strnlen(note.version, sizeof note.version), sizeof note.version - 1);
      }
      cr_assert_eq(pwrite(fd, p + i, 1, (off_t)i), 1);
    }
  cr_expect_gt(sound, 0);
  cr_expect_lt(sound, last * sizeof values);
  close(fd);
  free(p);
}

static void expect_refused(const char *p, size_t n, const char *why) {
  struct etl_note note;
  struct err e;
  int fd = memory_file(p, n);
  cr_expect_eq(note_read(fd, &note, &e), -1);
  cr_expect_str_eq(e.message, why);
  cr_expect_neq(e.remedy[0], '\0');
  close(fd);
}

Test(note, what_is_no_connector) {
  expect_refused("", 0, "it is not a shared object (no ELF header)");
  expect_refused("#!/bin/sh\nexit 0\n", 17, "it is not a shared object (no ELF header)");
  size_t n;
  char *p = sample_bytes("no_note", &n);
  expect_refused(p, n, "it has no ETL note: it is no connector, or was built without ETL_NOTE()");
  Elf64_Ehdr *h = (Elf64_Ehdr *)(void *)p;
  h->e_machine = EM_S390;
  expect_refused(p, n, "it is built for another kind of machine");
  h->e_machine = EM_X86_64;
  h->e_ident[EI_CLASS] = ELFCLASS32;
  expect_refused(p, n, "it is built for another kind of machine");
  free(p);
}

Test(note, other_abi) {
  struct err e;
  struct etl_note newer = {.abi_major = ETL_ABI_MAJOR + 1}, older = {.abi_major = ETL_ABI_MAJOR - 1},
                  minor = {.abi_major = ETL_ABI_MAJOR, .abi_minor_needed = ETL_ABI_MINOR + 1};
  cr_expect_eq(note_check_abi(&newer, &e), -1);
  cr_expect_not_null(strstr(e.remedy, "newer etl"));
  cr_expect_eq(note_check_abi(&older, &e), -1);
  cr_expect_not_null(strstr(e.remedy, "build the connector anew"));
  cr_expect_eq(note_check_abi(&minor, &e), -1);
  cr_expect_not_null(strstr(e.message, "1.1"));
}
