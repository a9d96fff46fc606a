/* A wave of booting phones: SUBSCRIBE, 200, NOTIFY, 200, then four GETs one after the
   other, each on a connection of its own.

   wave_load PNP_PORT HTTP_PORT MAC EXPECTED IN_FLIGHT

   EXPECTED has four lines per phone (path, length, checksum); its length says how many
   phones boot.  All ask at once; at most IN_FLIGHT fetch at a time; phone i fetches from
   127.0.0.(1 + i % 8).  A SUBSCRIBE without NOTIFY is repeated after half a second, up
   to ten times.  Prints one JSON object. */
#define _GNU_SOURCE
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "answer.h"
#include "subscribe.h"

enum { SOURCES = 8, EVENTS = 256, FILES = 4, REPEATS = 10 };

struct phone {
    unsigned seen; /* 1: the 200, 2: the NOTIFY */
    unsigned files, repeats;
};

struct connection {
    int fd, whole, sent;
    size_t phone, size;
    char text[ROOM + 1];
};

static struct expected *all;
static struct phone *phones;
static size_t count, *waiting, waiting_head, waiting_tail;
static struct connection *pool, **spare;
static size_t spares;
static int epoll;
static struct sockaddr_in server;
static unsigned first_number;
static unsigned long long first_mac;
static long booted, failed, odd, repeated;

static void lose(struct connection *c, const char *why) {
    struct expected *wanted = &all[c->phone * FILES + phones[c->phone].files];
    if (!failed++)
        fprintf(stderr, "%s: %s (errno %d)\n%.*s\n", wanted->path, why, errno,
                (int)(c->size < 300 ? c->size : 300), c->text);
}

static void ask(struct connection *c) {
    char text[512];
    int size = snprintf(text, sizeof text,
                        "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                        "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35)\r\n"
                        "Connection: close\r\n\r\n",
                        all[c->phone * FILES + phones[c->phone].files].path,
                        ntohs(server.sin_port));
    c->sent = send(c->fd, text, (size_t)size, MSG_NOSIGNAL) == size;
}

static void fetch(struct connection *c) {
    struct sockaddr_in own = {.sin_family = AF_INET};
    int one = 1;
    c->size = 0;
    c->whole = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0)
        fail("socket");
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(c->phone % SOURCES));
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
}

static void fetch_waiting(void) {
    while (spares && waiting_head < waiting_tail) {
        struct connection *c = spare[--spares];
        c->phone = waiting[waiting_head++];
        fetch(c);
    }
}

static void end(struct connection *c, int right) {
    close(c->fd);
    if (right && ++phones[c->phone].files < FILES) {
        fetch(c);
        return;
    }
    booted += right;
    spare[spares++] = c;
    fetch_waiting();
}

static void progress(struct connection *c, uint32_t events) {
    const char *why = "not connected";
    if (!c->sent) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (events & EPOLLOUT)
            ask(c);
        if (!c->sent || epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &event))
            goto lost;
    }
    for (;;) {
        ssize_t got = recv(c->fd, c->text + c->size, ROOM - c->size, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got == 0 && c->whole) {
            end(c, 1);
            return;
        }
        why = "cut off";
        if (got <= 0)
            goto lost;
        c->size += (size_t)got;
        enum verdict verdict =
            judge(c->text, c->size, &all[c->phone * FILES + phones[c->phone].files],
                  &why);
        if (verdict == WRONG)
            goto lost;
        c->whole = verdict == RIGHT;
    }
lost:
    lose(c, why);
    end(c, 0);
}

static int take(void) {
    int got = receive_in();
    for (int i = 0; i < got; i++) {
        unsigned number = 0;
        enum kind kind = understand(in_text[i], &number);
        size_t at = number - first_number;
        if (kind == ODD || at >= count) {
            if (!odd++)
                fprintf(stderr, "odd: %s\n", in_text[i]);
            continue;
        }
        if (kind == NOTIFIED)
            confirm(in_text[i]);
        struct phone *phone = &phones[at];
        unsigned before = phone->seen;
        phone->seen |= kind == ACCEPTED ? 1 : 2;
        if (before != 3 && phone->seen == 3)
            waiting[waiting_tail++] = at;
    }
    flush_out();
    fetch_waiting();
    return got;
}

int main(int values_count, char **values) {
    struct epoll_event events[EVENTS];
    struct rlimit files;
    size_t lines;
    if (values_count != 6)
        return 2;
    server = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(values[2])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    first_mac = strtoull(values[3], NULL, 16);
    all = read_expected(values[4], &lines);
    size_t in_flight = (size_t)atol(values[5]);
    count = lines / FILES;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    open_udp(atoi(values[1]));
    first_number = (unsigned)(now() * 1e6) & 0x3fffffff;
    epoll = epoll_create1(0);
    phones = calloc(count, sizeof *phones);
    waiting = calloc(count, sizeof *waiting);
    pool = calloc(in_flight, sizeof *pool);
    spare = calloc(in_flight, sizeof *spare);
    if (!phones || !waiting || !pool || !spare)
        fail("calloc");
    for (; spares < in_flight; spares++)
        spare[spares] = &pool[spares];
    double began = now(), alive = began, checked = began, at = began;
    size_t started = 0;
    while (booted + failed < (long)count && at - alive < 10) {
        for (int room = BATCH; started < count && room; room--, started++)
            queue_subscribe(first_mac + started, first_number + (unsigned)started);
        int moved = take();
        int ready = epoll_wait(epoll, events, EVENTS, 0);
        for (int i = 0; i < ready; i++)
            progress(events[i].data.ptr, events[i].events);
        at = now();
        if (moved || ready > 0)
            alive = at;
        if (at - checked > 0.5 && started == count) {
            checked = at;
            for (size_t i = 0; i < count; i++)
                if (phones[i].seen != 3 && phones[i].repeats < REPEATS) {
                    phones[i].repeats++;
                    repeated++;
                    queue_subscribe(first_mac + i, first_number + (unsigned)i);
                }
            flush_out();
        }
    }
    printf("{\"phones\": %zu, \"booted\": %ld, \"failed\": %ld, \"odd\": %ld, "
           "\"repeated\": %ld, \"seconds\": %.6f}\n",
           count, booted, (long)count - booted, odd, repeated, now() - began);
    return 0;
}
