/* Phones that fetch over TCP: their sockets, their request, and the loop they run in.

   What belongs to phone i is always asked from 127.0.0.(1 + i % 8), because windows are
   pinned to the address that used them. */
#ifndef CLIENT_H
#define CLIENT_H
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"

enum { SOURCES = 8, EVENTS = 256 };

static struct expected *all;
static size_t lines;
static int epoll, open_now;
static struct sockaddr_in server;
static long wrong, failed;

/* Begins with what all programs are told: the server's port and what to expect. */
static inline void prepare(const char *port, const char *file) {
    struct rlimit files;
    server = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(port)),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    all = read_expected(file, &lines);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(EPOLL_CLOEXEC);
}

/* A socket that connects, non-blocking, from where phone i asks. */
static inline int connecting(size_t i) {
    struct sockaddr_in own = {.sin_family = AF_INET};
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        fail("socket");
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(i % SOURCES));
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&own, sizeof own))
        fail("bind");
    if (connect(fd, (struct sockaddr *)&server, sizeof server) &&
        errno != EINPROGRESS)
        fail("connect");
    return fd;
}

/* Watches the connection at, which is counted as open from here on. */
static inline void watch(int fd, uint32_t events, void *at) {
    struct epoll_event event = {.events = events, .data.ptr = at};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event))
        fail("epoll_ctl");
    open_now++;
}

/* Writes the GET for path, with more header lines, to text of 512 bytes; its size. */
static inline int write_request(char *text, const char *path, const char *header,
                                int keep) {
    return snprintf(text, 512,
                    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                    "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35)\r\n"
                    "%sConnection: %s\r\n\r\n",
                    path, ntohs(server.sin_port), header,
                    keep ? "keep-alive" : "close");
}

/* Tells of the first wrong answer, of which size bytes came to text. */
static inline void complain(size_t line, const char *why, const char *more,
                            const char *text, size_t size) {
    if (wrong + failed == 0)
        fprintf(stderr, "%s: %s (errno %d%s)\n%.*s\n", all[line].path, why, errno, more,
                (int)(size < 300 ? size : 300), text);
}

/* Lets connections progress until none is open, or nothing moves any more: what is
   open then has failed.  It never sleeps, so that the server finds work whenever it
   looks.  Returns the seconds since began. */
static inline double run(void (*progress)(void *at, uint32_t events), double began) {
    struct epoll_event events[EVENTS];
    double alive = began;
    while (open_now) {
        int ready = epoll_wait(epoll, events, EVENTS, 0);
        for (int i = 0; i < ready; i++)
            progress(events[i].data.ptr, events[i].events);
        double at = now();
        if (ready > 0)
            alive = at;
        else if (at - alive > 10)
            break;
    }
    failed += open_now;
    return now() - began;
}
#endif
