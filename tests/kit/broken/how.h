/* How a connector of tests/kit/broken is to break the rules: its option `how` names one of these, or none. */
#ifndef TESTS_KIT_HOW_H
#define TESTS_KIT_HOW_H

#include <stdlib.h>

#include "etl/sdk.h"

/* An option `how`; choices ends with NULL and begins with "none". */
#define HOW_OPTION(choices_)                                                                                                       \
  &(const struct etl_option) {                                                                                                     \
    .struct_size = sizeof(struct etl_option), .type = ETL_T_ENUM, .name = "how", .choices = choices_, .dflt = "none",               \
    .doc = "Which rule to break."                                                                                                  \
  }
/* The text of that option; static memory. */
static inline const char *how_of(const struct etl_open *o, const char *const *choices) { return choices[etl_opt_int(o, 0)]; }
static inline bool is(const char *how, const char *name) { return strcmp(how, name) == 0; }

#endif
