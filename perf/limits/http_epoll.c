/* The least a document over HTTP can cost: accept in batches, one recv, one send, close.

   http_epoll PORT FILE [merged]: every request gets FILE.  Requests arrive whole
   (deferred accept); one that says "Connection: close" has its connection closed.
   With "merged" the end of an answer leaves with the close, and no acknowledgement by
   itself: the same four calls, but eight packets instead of ten. */
#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, BACKLOG = 4096 };

static char request[8192], answer[128 * 1024];
static size_t size;
static int merged;

/* Returns whether the connection stays open. */
static int serve(int fd) {
    ssize_t got = recv(fd, request, sizeof request - 1, 0);
    if (got < 0 && errno == EAGAIN)
        return 1;
    if (got <= 0 || memcmp(request, "GET ", 4))
        return 0;
    request[got] = 0;
    int stays = !strstr(request, "Connection: close");
    int flags = MSG_NOSIGNAL | (merged && !stays ? MSG_MORE : 0);
    return send(fd, answer, size, flags) == (ssize_t)size && stays;
}

int main(int count, char **values) {
    static char body[64 * 1024];
    struct epoll_event events[BATCH], event = {.events = EPOLLIN};
    int one = 1, none = 0, seconds = 5;
    FILE *file = count == 3 || count == 4 ? fopen(values[2], "rb") : NULL;
    if (!file)
        return 2;
    size_t length = fread(body, 1, sizeof body, file);
    size = (size_t)snprintf(answer, sizeof answer,
                            "HTTP/1.1 200 OK\r\nDate: Sun, 01 Jan 2026 00:00:00 GMT\r\n"
                            "Content-Type: application/xml\r\nContent-Length: %zu\r\n"
                            "ETag: \"0123456789abcdef0123456789abcdef\"\r\n\r\n",
                            length);
    memcpy(answer + size, body, length);
    size += length;
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_port = htons((uint16_t)atoi(values[1])),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
    if (bind(listener, (struct sockaddr *)&own, sizeof own) ||
        listen(listener, BACKLOG)) {
        perror("listen");
        return 2;
    }
    merged = count == 4;
    if (merged)
        setsockopt(listener, IPPROTO_TCP, TCP_QUICKACK, &none, sizeof none);
    int epoll = epoll_create1(0);
    event.data.fd = listener;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll, events, BATCH, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd != listener) {
                if (!serve(events[i].data.fd))
                    close(events[i].data.fd);
                continue;
            }
            for (int taken = 0; taken < BATCH; taken++) {
                int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (fd < 0)
                    break;
                if (!serve(fd)) {
                    close(fd);
                    continue;
                }
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.fd = fd;
                epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
            }
        }
    }
}
