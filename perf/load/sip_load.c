/* Phones asking for their settings URL by multicast SIP's messages, sent to one server.

   sip_load PORT MAC PHONES exchange OUTSTANDING SECONDS
   sip_load PORT MAC PHONES rate PER_SECOND SECONDS
   sip_load PORT MAC PHONES burst COUNT
   sip_load PORT MAC PHONES latency PER_SECOND SECONDS

   An exchange is SUBSCRIBE, 200, NOTIFY, 200; nothing is sent twice, so what was lost
   counts as lost.  "exchange" keeps OUTSTANDING of them under way, "rate" begins
   PER_SECOND whatever comes back, "burst" sends COUNT as fast as it can, prints "sent",
   and waits until nothing comes for a second.  MACs count up from MAC (hexadecimal).

   "latency" does the same as "rate", but sleeps in between, before every other process
   where the kernel lets it, and tells how many milliseconds 50, 99 and all of 100
   exchanges took from the SUBSCRIBE to the later of 200 and NOTIFY.

   Prints one JSON object: exchanges begun and complete, datagrams that were odd. */
#define _GNU_SOURCE
#include "subscribe.h"

#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>

enum { SLOTS = 1 << 17, DONE = 3, CUTS = 64 };

struct slot {
    unsigned number;
    unsigned seen; /* 1: the 200, 2: the NOTIFY */
    double began;
};

static struct slot slots[SLOTS];
static unsigned long long first_mac;
static unsigned phones, first_number;
static long begun, complete, odd, late;
static double sent_seconds;
static double *waits; /* of complete exchanges, where they are wanted */

static void begin(unsigned at, double when) {
    slots[at] = (struct slot){first_number + (unsigned)begun, 0, when};
    queue_subscribe(first_mac + (unsigned)begun % phones, slots[at].number);
    begun++;
}

/* Takes one batch; calls finished for each slot that is complete. */
static int take(void (*finished)(unsigned)) {
    int got = receive_in();
    for (int i = 0; i < got; i++) {
        unsigned number = 0;
        enum kind kind = understand(in_text[i], &number);
        if (kind == ODD) {
            if (!odd++)
                fprintf(stderr, "odd: %s\n", in_text[i]);
            continue;
        }
        if (kind == NOTIFIED)
            confirm(in_text[i]);
        struct slot *slot = &slots[number % SLOTS];
        if (slot->number != number || slot->seen == DONE) {
            late++;
            continue;
        }
        slot->seen |= kind == ACCEPTED ? 1 : 2;
        if (slot->seen == DONE) {
            if (waits)
                waits[complete] = now() - slot->began;
            complete++;
            if (finished)
                finished(number % SLOTS);
        }
    }
    flush_out();
    return got;
}

static double deadline;
static long under_way;

static void begin_next(unsigned was) {
    (void)was;
    under_way--;
    if (now() < deadline) {
        begin((first_number + (unsigned)begun) % SLOTS, now());
        under_way++;
    }
}

static void exchange(long outstanding, double seconds) {
    double at = now(), alive = at;
    deadline = at + seconds;
    for (; under_way < outstanding; under_way++)
        begin((first_number + (unsigned)begun) % SLOTS, at);
    flush_out();
    while (under_way > 0) {
        int got = take(begin_next);
        at = now();
        if (got)
            alive = at;
        else if (at - alive > 0.5) { /* all that is under way is lost */
            under_way = 0;
            while (at < deadline && under_way < outstanding) {
                begin((first_number + (unsigned)begun) % SLOTS, at);
                under_way++;
            }
            flush_out();
            alive = at;
        }
    }
}

static void rate(double per_second, double seconds) {
    double began = now(), alive = began, at;
    while ((at = now()) - began < seconds) {
        long due = (long)((at - began) * per_second);
        for (int room = BATCH; begun < due && room; room--)
            begin((first_number + (unsigned)begun) % SLOTS, at);
        flush_out();
        take(NULL);
    }
    sent_seconds = at - began;
    for (alive = at; (at = now()) - alive < 0.5;)
        if (take(NULL))
            alive = at;
}

static int by_size(const void *a, const void *b) {
    double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

static void latency(double per_second, double seconds) {
    struct sched_param first = {.sched_priority = 1};
    sched_setscheduler(0, SCHED_FIFO, &first);
    if (!(waits = calloc((size_t)(per_second * seconds) + 2, sizeof *waits)))
        fail("calloc");
    double began = now(), alive = began, at;
    while ((at = now()) - began < seconds || at - alive < 0.5) {
        long due = at - began < seconds ? (long)((at - began) * per_second) : 0;
        while (begun < due)
            begin((first_number + (unsigned)begun) % SLOTS, at);
        flush_out();
        if (take(NULL) || at - began < seconds)
            alive = at;
        struct timespec pause = {0, 500000};
        struct pollfd in = {.fd = udp, .events = POLLIN};
        ppoll(&in, 1, &pause, NULL);
    }
    qsort(waits, (size_t)complete, sizeof *waits, by_size);
}

/* Lets the kernel cut what is handed over into datagrams of size bytes (0: not any
   more): each is queued for the receiver and counts against its buffer as one that was
   sent alone.  Returns how many go at once. */
static long cut(size_t size) {
    int each = (int)size;
    return setsockopt(udp, SOL_UDP, UDP_SEGMENT, &each, sizeof each) ? 1 : CUTS;
}

/* All is written before the first is sent: what takes time then is the kernel's way to
   the receiver. */
static void burst(long count) {
    char *texts = malloc((size_t)count * SIZE);
    struct mmsghdr *messages = calloc((size_t)count, sizeof *messages);
    struct iovec *parts = calloc((size_t)count, sizeof *parts);
    if (!texts || !messages || !parts)
        fail("malloc");
    char *end = texts;
    for (long i = 0; i < count; i++, begun++) {
        unsigned number = first_number + (unsigned)i;
        slots[number % SLOTS] = (struct slot){number, 0, 0};
        end += write_subscribe(end, first_mac + (unsigned)i % phones, number);
    }
    size_t size = (size_t)(end - texts) / (size_t)count; /* all are of one size */
    long together = cut(size), ready = 0;
    for (long i = 0; i < count; i += together, ready++) {
        long some = count - i < together ? count - i : together;
        parts[ready] = (struct iovec){texts + (size_t)i * size, (size_t)some * size};
        messages[ready].msg_hdr = (struct msghdr){.msg_name = &pnp,
                                                  .msg_namelen = sizeof pnp,
                                                  .msg_iov = &parts[ready],
                                                  .msg_iovlen = 1};
    }
    double began = now(), alive, at;
    for (long sent = 0; sent < ready;) {
        int some = sendmmsg(udp, messages + sent, (unsigned)(ready - sent), 0);
        if (some < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
            fail("sendmmsg");
        sent += some > 0 ? some : 0;
    }
    sent_seconds = now() - began;
    cut(0);
    puts("sent");
    fflush(stdout);
    for (alive = now(); (at = now()) - alive < 1.0 && complete < count;)
        if (take(NULL))
            alive = at;
}

int main(int count, char **values) {
    if (count < 6)
        return 2;
    open_udp(atoi(values[1]));
    first_mac = strtoull(values[2], NULL, 16);
    phones = (unsigned)atol(values[3]);
    /* Call-IDs of one run must not meet those of the run before. */
    first_number = (unsigned)(now() * 1e6) & 0x3fffffff;
    double began = now();
    if (!strcmp(values[4], "exchange") && count == 7)
        exchange(atol(values[5]), atof(values[6]));
    else if (!strcmp(values[4], "rate") && count == 7)
        rate(atof(values[5]), atof(values[6]));
    else if (!strcmp(values[4], "burst"))
        burst(atol(values[5]));
    else if (!strcmp(values[4], "latency") && count == 7)
        latency(atof(values[5]), atof(values[6]));
    else
        return 2;
    if (waits && complete)
        printf("{\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"most_ms\": %.3f, ",
               1e3 * waits[complete / 2], 1e3 * waits[complete * 99 / 100],
               1e3 * waits[complete - 1]);
    else
        printf("{");
    printf("\"begun\": %ld, \"complete\": %ld, \"odd\": %ld, \"late\": %ld, "
           "\"seconds\": %.6f, \"sent_seconds\": %.6f}\n",
           begun, complete, odd, late, now() - began, sent_seconds);
    return 0;
}
