/* message.h: how the SDK formats the messages that it hands to the host.  Any thread. */
#ifndef ETL_SDK_MESSAGE_H
#define ETL_SDK_MESSAGE_H

#include <stdarg.h>
#include <stdint.h>

enum { ETL_MESSAGE_BYTES = 2048 };
/* The text, cut between two letters where it is too long.  0, or -1: the format cannot be printed, text is empty. */
__attribute__((format(printf, 2, 0))) int etl_message_(char text[ETL_MESSAGE_BYTES], const char *fmt, va_list ap);

#endif
