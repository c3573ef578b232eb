/* base/member.h: members of JSON objects by name.  An object that is NULL, or is none, has no members. */
#ifndef HOST_BASE_MEMBER_H
#define HOST_BASE_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

const char *member_text(const json_t *object, const char *name);   /* the object's; NULL: there is none, or it is no text */
int64_t member_number(const json_t *object, const char *name);     /* 0: there is none, or it is no integer */
bool member_true(const json_t *object, const char *name);          /* false: there is none, or it is anything but true */

#endif
