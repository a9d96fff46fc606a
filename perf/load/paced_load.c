/* Phones that ask one after the other at a steady rate: how long each waits.

   paced_load PORT EXPECTED RATE

   EXPECTED holds lines of path, length and checksum.  Each line is asked once, line i
   from 127.0.0.(1 + i % 8) at i / RATE seconds, whether or not those before were
   answered, on a connection of its own that the server closes.  What is measured is the
   time from when a request was due to the last byte of its answer.  Prints one JSON
   object. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"

enum { SOURCES = 8, EVENTS = 256 };

struct connection {
    int fd;
    int asked;
    size_t size;
    double due;
    char *text;
};

static struct expected *all;
static struct connection *pool;
static double *waits;
static size_t lines, answered;
static long wrong, failed;
static struct sockaddr_in server;

static void complain(size_t line, const char *why) {
    if (wrong + failed == 0)
        fprintf(stderr, "%s: %s (errno %d)\n", all[line].path, why, errno);
}

static void begin(int epoll, size_t i, double due) {
    struct connection *c = &pool[i];
    struct sockaddr_in own = {.sin_family = AF_INET};
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(i % SOURCES));
    c->due = due;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0 || !(c->text = malloc(ROOM + 1)))
        fail("a connection");
    if (bind(c->fd, (void *)&own, sizeof own))
        fail("bind");
    if (connect(c->fd, (void *)&server, sizeof server) && errno != EINPROGRESS)
        fail("connect");
    struct epoll_event event = {.events = EPOLLOUT, .data.u64 = i};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event))
        fail("epoll_ctl");
}

static void end(size_t i) {
    close(pool[i].fd);
    free(pool[i].text);
    pool[i].fd = -1;
}

static void progress(int epoll, size_t i, uint32_t events) {
    struct connection *c = &pool[i];
    const char *why = "lost";
    if (!c->asked) {
        char text[512];
        int size = snprintf(text, sizeof text,
                            "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                            "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35)\r\n"
                            "Connection: close\r\n\r\n",
                            all[i].path, ntohs(server.sin_port));
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = i};
        if (!(events & EPOLLOUT) || send(c->fd, text, (size_t)size, MSG_NOSIGNAL) != size ||
            epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event))
            goto lost;
        c->asked = 1;
        return;
    }
    for (;;) {
        ssize_t got = recv(c->fd, c->text + c->size, ROOM - c->size, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            goto lost;
        c->size += (size_t)got;
        enum verdict verdict = judge(c->text, c->size, &all[i], &why);
        if (verdict == PARTIAL)
            continue;
        if (verdict == WRONG) {
            complain(i, why);
            wrong++;
        } else {
            waits[answered++] = now() - c->due;
        }
        end(i);
        return;
    }
lost:
    complain(i, why);
    failed++;
    end(i);
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int count, char **values) {
    if (count < 4)
        return 2;
    double rate = atof(values[3]);
    all = read_expected(values[2], &lines);
    pool = calloc(lines, sizeof *pool);
    waits = calloc(lines, sizeof *waits);
    int epoll = epoll_create1(0);
    if (!pool || !waits || epoll < 0)
        fail("calloc");
    server.sin_family = AF_INET;
    server.sin_port = htons((uint16_t)atoi(values[1]));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    double began = now(), patience = 60;
    size_t begun = 0;
    while (answered + (size_t)(wrong + failed) < lines) {
        double at = now() - began;
        while (begun < lines && (double)begun / rate <= at) {
            begin(epoll, begun, began + (double)begun / rate);
            begun++;
        }
        if (at > (double)lines / rate + patience) {
            failed += (long)(lines - answered) - wrong - failed;
            break;
        }
        struct epoll_event events[EVENTS];
        /* Until the next is due: the core is shared with phones that load images. */
        double wait = begun < lines ? began + (double)begun / rate - now() : 0.1;
        struct timespec until = {0, wait > 0 ? (long)(wait * 1e9) : 0};
        int ready = epoll_pwait2(epoll, events, EVENTS, &until, NULL);
        for (int i = 0; i < ready; i++)
            progress(epoll, events[i].data.u64, events[i].events);
    }
    qsort(waits, answered, sizeof *waits, by_size);
    double p50 = answered ? waits[answered / 2] : 0;
    double p99 = answered ? waits[answered * 99 / 100] : 0;
    double most = answered ? waits[answered - 1] : 0;
    printf("{\"answered\": %zu, \"wrong\": %ld, \"failed\": %ld, \"p50_ms\": %.4f, "
           "\"p99_ms\": %.4f, \"most_ms\": %.4f}\n",
           answered, wrong, failed, p50 * 1e3, p99 * 1e3, most * 1e3);
    return 0;
}
