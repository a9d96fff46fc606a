/* A wave of booting phones: SUBSCRIBE, 200, NOTIFY, 200, then four GETs one after the
   other, each on a connection of its own.

   wave_load PNP_PORT HTTP_PORT MAC EXPECTED IN_FLIGHT

   EXPECTED has four lines per phone (path, length, checksum); its length says how many
   phones boot.  All ask at once; at most IN_FLIGHT fetch at a time; phone i fetches from
   127.0.0.(1 + i % 8).  A SUBSCRIBE without NOTIFY is repeated after half a second, up
   to ten times.  Prints one JSON object. */
#define _GNU_SOURCE
#include "client.h"
#include "subscribe.h"

enum { FILES = 4, REPEATS = 10 };

struct phone {
    unsigned seen; /* 1: the 200, 2: the NOTIFY */
    unsigned files, repeats;
};

struct connection {
    int fd, whole, sent;
    size_t phone, size;
    char text[ROOM + 1];
};

static struct phone *phones;
static size_t count, *waiting, waiting_head, waiting_tail;
static struct connection *pool, **spare;
static size_t spares;
static unsigned first_number;
static unsigned long long first_mac;
static long booted, odd, repeated;

/* Which of all is the one that c asks for. */
static size_t line_of(const struct connection *c) {
    return c->phone * FILES + phones[c->phone].files;
}

static void ask(struct connection *c) {
    char text[512];
    int size = write_request(text, all[line_of(c)].path, "", 0);
    c->sent = send(c->fd, text, (size_t)size, MSG_NOSIGNAL) == size;
}

static void fetch(struct connection *c) {
    c->size = 0;
    c->whole = 0;
    c->fd = connecting(c->phone);
    ask(c);
    watch(c->fd, EPOLLIN | (c->sent ? 0 : EPOLLOUT), c);
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
        enum verdict verdict = judge(c->text, c->size, &all[line_of(c)], &why);
        if (verdict == WRONG)
            goto lost;
        c->whole = verdict == RIGHT;
    }
lost:
    complain(line_of(c), why, "", c->text, c->size);
    failed++;
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
    if (values_count != 6)
        return 2;
    prepare(values[2], values[4]);
    first_mac = strtoull(values[3], NULL, 16);
    size_t in_flight = (size_t)atol(values[5]);
    count = lines / FILES;
    open_udp(atoi(values[1]));
    first_number = (unsigned)(now() * 1e6) & 0x3fffffff;
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
