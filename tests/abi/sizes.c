/* What host/kit/sizes.h says of ABI 1.0 is what the frozen header has; compiled with that header. */
#include "kit/sizes.h"

#define AS_FROZEN(struct_, last_) _Static_assert((KIT_1_0_##struct_ + 7) / 8 * 8 == sizeof(struct struct_), #struct_);
KIT_STRUCTS(AS_FROZEN)
int sizes_are_as_frozen(void);
int sizes_are_as_frozen(void) { return ETL_ABI_MINOR; }
