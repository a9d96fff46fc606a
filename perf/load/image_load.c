/* Phones that load an image, so many at a time, again and again until told to end.

   image_load PORT PATH SIZE PHONES

   Each has a connection and a receive buffer of its own and drops what it reads.  What it
   counts is the bytes of answers, and answers that were not 200 with SIZE bytes.  Prints
   "ready" when every phone has the first bytes of its image, "whole" and "wrong" at the
   first of these, and one JSON object when its standard input ends. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum { SOURCES = 8, EVENTS = 256, HEAD = 4096, BUFFER = 64 * 1024 };

struct phone {
    int fd;
    int asked, within; /* the head is read */
    long left;
    size_t size;
    char head[HEAD + 1];
};

static struct phone *phones;
static long bytes, whole, wrong, started;
static struct sockaddr_in server;
static const char *path;
static long image;
static int epoll;

static void begin(size_t i) {
    struct phone *p = &phones[i];
    struct sockaddr_in own = {.sin_family = AF_INET};
    int room = BUFFER;
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(i % SOURCES));
    p->asked = p->within = 0;
    p->size = 0;
    p->left = image;
    p->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room) ||
        bind(p->fd, (void *)&own, sizeof own) ||
        (connect(p->fd, (void *)&server, sizeof server) && errno != EINPROGRESS))
        fail("a connection");
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.u64 = i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &event))
        fail("epoll_ctl");
}

static void say(const char *what) {
    printf("%s\n", what);
    fflush(stdout);
}

static void end(size_t i, int right) {
    if (right && whole++ == 0)
        say("whole");
    else if (!right && wrong++ == 0) {
        fprintf(stderr, "phone %zu: %.60s (errno %d)\n", i, phones[i].head, errno);
        say("wrong");
    }
    close(phones[i].fd);
    begin(i);
}

static void progress(size_t i) {
    struct phone *p = &phones[i];
    if (!p->asked) {
        char text[512];
        int size = snprintf(text, sizeof text,
                            "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                            "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35)\r\n"
                            "Connection: close\r\n\r\n",
                            path);
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        if (send(p->fd, text, (size_t)size, MSG_NOSIGNAL) != size ||
            epoll_ctl(epoll, EPOLL_CTL_MOD, p->fd, &event)) {
            end(i, 0);
            return;
        }
        p->asked = 1;
        return;
    }
    if (!p->within) {
        ssize_t got = recv(p->fd, p->head + p->size, HEAD - p->size, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            end(i, 0);
            return;
        }
        p->size += (size_t)got;
        p->head[p->size] = 0;
        char *body = strstr(p->head, "\r\n\r\n");
        if (!body)
            return;
        if (strncmp(p->head, "HTTP/1.1 200 ", 13)) {
            end(i, 0);
            return;
        }
        long first = (long)(p->size - (size_t)(body + 4 - p->head));
        p->left -= first;
        bytes += first;
        p->within = 1;
        started++;
        return;
    }
    for (int turn = 0; turn < 4; turn++) {
        /* MSG_TRUNC drops what TCP has without copying it (tcp(7)). */
        ssize_t got = recv(p->fd, NULL, BUFFER, MSG_TRUNC);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0) {
            end(i, got == 0 && p->left == 0);
            return;
        }
        p->left -= got;
        bytes += got;
    }
}

int main(int count, char **values) {
    if (count < 5)
        return 2;
    path = values[2];
    image = atol(values[3]);
    size_t many = (size_t)atol(values[4]);
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(values[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    epoll = epoll_create1(0);
    if (epoll < 0 || !(phones = calloc(many, sizeof *phones)))
        fail("calloc");
    for (size_t i = 0; i < many; i++)
        begin(i);
    int ready = 0;
    double began = now();
    struct pollfd input = {.fd = 0, .events = POLLIN};
    while (poll(&input, 1, 0) == 0) {
        struct epoll_event events[EVENTS];
        int some = epoll_wait(epoll, events, EVENTS, 10);
        for (int i = 0; i < some; i++)
            progress(events[i].data.u64);
        if (!ready && started >= (long)many) {
            ready = 1;
            bytes = 0;
            began = now();
            say("ready");
        }
    }
    double seconds = now() - began;
    printf("{\"bytes\": %ld, \"whole\": %ld, \"wrong\": %ld, \"seconds\": %.6f}\n", bytes,
           whole, wrong, seconds);
    return 0;
}
