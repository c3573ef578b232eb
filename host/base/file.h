/* base/file.h: a file as a whole.  Any thread. */
#ifndef HOST_BASE_FILE_H
#define HOST_BASE_FILE_H

#include <stddef.h>
#include <sys/stat.h>

/* Its bytes, and a NUL behind them; *ret_st is what it was when it was opened.  NULL with the reason, such as "No such file or directory", also of
 * what is larger than limit, or no file: to read a named pipe is to wait, maybe for ever. */
char *file_read(const char *path, size_t limit, struct stat *ret_st, size_t *ret_n, const char **ret_why);

#endif
