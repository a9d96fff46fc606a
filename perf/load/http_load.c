/* Phones fetching over HTTP: so many in flight, each answer checked.

   http_load PORT EXPECTED IN_FLIGHT SECONDS close|keep [HEADER]
   http_load PORT EXPECTED IN_FLIGHT once LEARNED

   EXPECTED holds lines of path, length and checksum.  Line i is always asked from
   127.0.0.(1 + i % 8), because windows are pinned to the address that used them.
   "close" opens a connection for each request and waits for the server to close it,
   "keep" asks again on connections that stay open.  "once" asks for each line one time
   and writes the lines to LEARNED, lengths and checksums filled in.

   It never sleeps, so that the server finds work whenever it looks.  Prints one JSON
   object; the first wrong answer is told on standard error. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"

enum { SOURCES = 8, EVENTS = 256 };

struct connection {
    int fd;
    int whole; /* the answer is complete; only the close is awaited */
    int sent;
    size_t line, size;
    double began;
    char text[ROOM + 1];
};

static struct expected *all;
static size_t lines, asked;
static struct connection *pool;
static int epoll, keep, once, open_now;
static struct sockaddr_in server;
static const char *header = "";
static long answered, wrong, failed;
static double deadline;

static void complain(struct connection *c, const char *why) {
    if (wrong + failed == 0)
        fprintf(stderr, "%s: %s (errno %d)\n%.*s\n", all[c->line].path, why, errno,
                (int)(c->size < 300 ? c->size : 300), c->text);
}

static int more(void) { return once ? asked < lines : now() < deadline; }

static void ask(struct connection *c) {
    char text[512];
    int size = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                        "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35)\r\n"
                        "%sConnection: %s\r\n\r\n",
                        all[c->line].path, ntohs(server.sin_port), header,
                        keep ? "keep-alive" : "close");
    c->size = 0;
    c->whole = 0;
    ssize_t sent = send(c->fd, text, (size_t)size, MSG_NOSIGNAL);
    c->sent = sent == size;
}

static void begin(struct connection *c) {
    struct sockaddr_in own = {.sin_family = AF_INET};
    int one = 1;
    c->line = asked++ % lines;
    c->size = 0;
    c->began = now();
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        fail("socket");
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(c->line % SOURCES));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(c->fd, (struct sockaddr *)&own, sizeof own))
        fail("bind");
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) &&
        errno != EINPROGRESS)
        fail("connect");
    ask(c);
    struct epoll_event event = {.events = EPOLLIN | (c->sent ? 0 : EPOLLOUT),
                                .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event))
        fail("epoll_ctl");
    open_now++;
}

static void end(struct connection *c) {
    close(c->fd);
    c->fd = -1;
    open_now--;
    if (more())
        begin(c);
}

static void again(struct connection *c) {
    if (!more()) {
        end(c);
        return;
    }
    /* Another line of the same source: the number of lines is a multiple of it. */
    c->line = (c->line + SOURCES * 61) % lines;
    asked++;
    c->began = now();
    ask(c);
}

static void progress(struct connection *c, uint32_t events) {
    if (!c->sent) {
        if (!(events & EPOLLOUT))
            goto lost;
        ask(c);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (!c->sent || epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event))
            goto lost;
    }
    for (;;) {
        const char *why = "";
        ssize_t got = recv(c->fd, c->text + c->size, ROOM - c->size, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got == 0 && c->whole) {
            answered++;
            end(c);
            return;
        }
        if (got <= 0)
            goto lost;
        c->size += (size_t)got;
        switch (judge(c->text, c->size, &all[c->line], &why)) {
        case PARTIAL:
            continue;
        case WRONG:
            complain(c, why);
            wrong++;
            end(c);
            return;
        case RIGHT:
            if (keep) {
                answered++;
                again(c);
                return;
            }
            c->whole = 1;
        }
    }
lost:
    complain(c, "lost");
    failed++;
    end(c);
}

int main(int count, char **values) {
    struct rlimit files;
    struct epoll_event events[EVENTS];
    if (count < 6)
        return 2;
    server = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(values[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    all = read_expected(values[2], &lines);
    size_t in_flight = (size_t)atol(values[3]);
    once = !strcmp(values[4], "once");
    keep = !once && !strcmp(values[5], "keep");
    static char line[256];
    if (!once && count > 6) {
        snprintf(line, sizeof line, "%s\r\n", values[6]);
        header = line;
    }
    if (lines % SOURCES) {
        fprintf(stderr, "the number of paths is no multiple of %d\n", SOURCES);
        return 2;
    }
    if (in_flight > lines)
        in_flight = lines;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    if (!(pool = calloc(in_flight, sizeof *pool)))
        fail("calloc");
    double began = now();
    deadline = began + (once ? 1e9 : atof(values[4]));
    for (size_t i = 0; i < in_flight; i++)
        begin(&pool[i]);
    double alive = began;
    while (open_now) {
        int ready = epoll_wait(epoll, events, EVENTS, 0);
        for (int i = 0; i < ready; i++)
            progress(events[i].data.ptr, events[i].events);
        double at = now();
        if (ready > 0)
            alive = at;
        else if (at - alive > 10) /* nothing moves any more */
            break;
    }
    double seconds = now() - began;
    failed += open_now;
    for (size_t i = 0; open_now && i < in_flight; i++)
        if (pool[i].fd >= 0) {
            fprintf(stderr, "%s: no answer\n", all[pool[i].line].path);
            break;
        }
    if (once)
        write_expected(values[5], all, lines);
    printf("{\"answered\": %ld, \"wrong\": %ld, \"failed\": %ld, \"seconds\": %.6f}\n",
           answered, wrong, failed, seconds);
    return 0;
}
