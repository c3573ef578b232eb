/* serve/socket.h: where the host's control socket is, who may use it, and how both ends come to it.  Any thread.
 *
 * A path may be longer than an address of the kernel takes: both ends go through a descriptor of its folder. */
#ifndef HOST_SERVE_SOCKET_H
#define HOST_SERVE_SOCKET_H

#include <sys/types.h>
#include <time.h>

#include "base/mem.h"
#include "conf/conf.h"

/* control_socket of c; without one beside the state store's file, or named after the host in /run/etl, or in $XDG_RUNTIME_DIR for somebody who may
 * not write there.  NULL with e: there is no such place. */
const char *socket_path(const struct conf *c, struct arena *a, struct err *e);
const char *socket_host_name(const struct conf *c, struct arena *a); /* 'host' of 'serve', or the machine's name */

struct listening {
  int fd; /* non-blocking; -1: it does not listen */
  char *path;
  dev_t device; /* of the file at path that is ours */
  ino_t inode;
  struct timespec changed;
};
/* Listens at path, for this user and the group, its own if group is NULL.  What a dead host has left there is removed; while another one listens there it
 * is refused. */
int socket_listen(const char *path, const char *group, struct err *e, struct listening *ret);
/* Another group may use it from now on; NULL: that of this process. */
int socket_give(struct listening *l, const char *group, struct err *e);
void socket_close(struct listening *l); /* removes the file, if it is ours still */

/* A blocking descriptor; -1: class ETL_E_UNSUPPORTED: nobody listens there; ETL_E_AUTH: this user may not. */
int socket_connect(const char *path, struct err *e);

enum { USER_TEXT = 64 };
char *socket_user(char buf[USER_TEXT], uid_t uid); /* the name of a user of this machine, else "uid 1000": directories of others (LDAP) may take long to answer */
struct peer {
  pid_t pid;
  char name[USER_TEXT];
};
/* Who is at the other end of a descriptor that was accepted. */
void socket_peer(int fd, struct peer *ret);

#endif
