/* What every reader of messages asks. */
#include "base/member.h"

const char *member_text(const json_t *object, const char *name) { return json_string_value(json_object_get(object, name)); }

int64_t member_number(const json_t *object, const char *name) { return json_integer_value(json_object_get(object, name)); }

bool member_true(const json_t *object, const char *name) { return json_is_true(json_object_get(object, name)); }
