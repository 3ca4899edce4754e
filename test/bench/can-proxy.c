/*
 * A bus for machines whose kernel has none, to measure what reading it costs. Preloaded into the unit: a CAN
 * socket is one of UDP on the loopback interface, and datagrams of 16 bytes are its frames. Filters are
 * ignored: the sender (compiled with -DSENDER) sends only frames that would pass. Usage: sender PORT SECONDS.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <linux/can.h>
#include <linux/can/raw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in at(const char *port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

#ifdef SENDER

/* As test/journeys/bus-load.ts: 2,400 frames a second of sixty ids, of which the first twelve pass. */
enum { FRAMES_A_SECOND = 2400, IDS = 60, MAPPED = 12, FIRST_ID = 0x200 };

int main(int argc, char **argv) {
  if (argc != 3) return 64;
  struct sockaddr_in to = at(argv[1]);
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct timespec begun, when;
  clock_gettime(CLOCK_MONOTONIC, &begun);
  for (long n = 0; n < atol(argv[2]) * FRAMES_A_SECOND; n++) {
    if (n % IDS >= MAPPED) continue;
    long long ns = begun.tv_nsec + n * 1000000000LL / FRAMES_A_SECOND;
    when.tv_sec = begun.tv_sec + ns / 1000000000LL;
    when.tv_nsec = ns % 1000000000LL;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
    struct can_frame frame = {.can_id = FIRST_ID + n % IDS, .can_dlc = 8};
    frame.data[0] = n / IDS;
    frame.data[1] = n >> 14;
    sendto(fd, &frame, sizeof frame, 0, (struct sockaddr *)&to, sizeof to);
  }
  return 0;
}

#else

int socket(int domain, int type, int protocol) {
  int (*real)(int, int, int) = dlsym(RTLD_NEXT, "socket");
  if (domain != PF_CAN) return real(domain, type, protocol);
  return real(AF_INET, (type & (SOCK_NONBLOCK | SOCK_CLOEXEC)) | SOCK_DGRAM, 0);
}

int bind(int fd, const struct sockaddr *address, socklen_t size) {
  int (*real)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
  if (address->sa_family != AF_CAN) return real(fd, address, size);
  struct sockaddr_in here = at(getenv("CAN_PROXY_PORT"));
  return real(fd, (struct sockaddr *)&here, sizeof here);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
  int (*real)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
  return level == SOL_CAN_RAW ? 0 : real(fd, level, option, value, size);
}

#endif
