/* engine/strays.h: processes that connectors started and left in sessions of their own, after a worker that died: it could not end them.  They
 * are known by a variable of their environment, which they have of the worker.  Any thread. */
#ifndef HOST_ENGINE_STRAYS_H
#define HOST_ENGINE_STRAYS_H

/* Our environment, and the mark of this worker, "ETL_WORKER=..."; free with strays_environment_free(). */
char **strays_environment(const char *mark);
void strays_environment_free(char **env);
/* SIGKILL to all processes that have the mark. */
void strays_end(const char *mark);

#endif
