/*
 * Preloaded into the service: the name server does not answer for names that begin with "hang", and
 * fsync(2) does not return while the file $HANG_FSYNC exists. glibc itself gives a silent name server up
 * after 5 to 40 s, as /etc/resolv.conf says; here it takes a minute.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found) {
  static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  if (node && strncmp(node, "hang", 4) == 0) {
    sleep(60);
    return EAI_AGAIN;
  }
  if (!real) real = dlsym(RTLD_NEXT, "getaddrinfo");
  return real(node, service, hints, found);
}

static int hanging(const char *name, int fd) {
  const char *file = getenv("HANG_FSYNC");
  while (file && access(file, F_OK) == 0) usleep(20000);
  int (*real)(int) = dlsym(RTLD_NEXT, name);
  return real(fd);
}

int fsync(int fd) { return hanging("fsync", fd); }

int fdatasync(int fd) { return hanging("fdatasync", fd); }
