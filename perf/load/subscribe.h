/* The plug-and-play messages of many phones on one UDP socket, in batches. */
#ifndef SUBSCRIBE_H
#define SUBSCRIBE_H
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "common.h"

enum { BATCH = 64, SIZE = 2048, ROOM_BYTES = 64 << 20 };

static int udp, udp_port;
static struct sockaddr_in pnp;
static char out_text[BATCH][SIZE], in_text[BATCH][SIZE];
static struct mmsghdr out_messages[BATCH], in_messages[BATCH];
static struct iovec out_parts[BATCH], in_parts[BATCH];
static unsigned out_ready;

static inline void open_udp(int port) {
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof own;
    int room = ROOM_BYTES;
    pnp = own;
    pnp.sin_port = htons((uint16_t)port);
    udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (setsockopt(udp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room))
        setsockopt(udp, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    if (bind(udp, (struct sockaddr *)&own, sizeof own) ||
        getsockname(udp, (struct sockaddr *)&own, &size))
        fail("bind");
    udp_port = ntohs(own.sin_port);
    for (int i = 0; i < BATCH; i++) {
        out_parts[i].iov_base = out_text[i];
        in_parts[i] = (struct iovec){in_text[i], SIZE - 1};
        out_messages[i].msg_hdr = (struct msghdr){.msg_name = &pnp,
                                                  .msg_namelen = sizeof pnp,
                                                  .msg_iov = &out_parts[i],
                                                  .msg_iovlen = 1};
        in_messages[i].msg_hdr =
            (struct msghdr){.msg_iov = &in_parts[i], .msg_iovlen = 1};
    }
}

static inline void flush_out(void) {
    for (unsigned sent = 0; sent < out_ready;) {
        int some = sendmmsg(udp, out_messages + sent, out_ready - sent, 0);
        if (some < 0 && errno != EAGAIN && errno != ENOBUFS && errno != ECONNREFUSED)
            fail("sendmmsg");
        sent += some > 0 ? (unsigned)some : 0;
    }
    out_ready = 0;
}

static inline char *next_out(void) {
    if (out_ready == BATCH)
        flush_out();
    return out_text[out_ready];
}

static inline void put_out(size_t size) { out_parts[out_ready++].iov_len = size; }

static inline void put_digits(char *to, int count, unsigned long long value,
                              unsigned base) {
    while (count--) {
        to[count] = "0123456789ABCDEF"[value % base];
        value /= base;
    }
}

/* Writes the SUBSCRIBE of a snom370; number tells its exchange from all others.  Made
   once, then only the digits change: the client must not be what limits a server. */
static inline size_t write_subscribe(char *to, unsigned long long mac,
                                     unsigned number) {
    static const char mark[] = "000000000000", call[] = "9999999999";
    static char made[SIZE];
    static size_t size, macs[3], numbers[2];
    if (!size) {
        size = (size_t)sprintf(
            made,
            "SUBSCRIBE sip:MAC%%3a%s@lan SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 127.0.0.1:%d;rport\r\n"
            "From: <sip:MAC%%3a%s@lan>;tag=%s\r\n"
            "To: <sip:MAC%%3a%s@lan>\r\n"
            "Call-ID: %s@127.0.0.1\r\nCSeq: 1 SUBSCRIBE\r\n"
            "Event: ua-profile;profile-type=\"device\";vendor=\"snom\";"
            "model=\"snom370\";version=\"8.7.5.48\"\r\nExpires: 0\r\n"
            "Accept: application/url\r\nContact: <sip:127.0.0.1:%d>\r\n"
            "User-Agent: snom370/8.7.5.48\r\nContent-Length: 0\r\n\r\n",
            mark, udp_port, mark, call, mark, call, udp_port);
        char *at = made;
        for (int i = 0; i < 3; i++, at++)
            macs[i] = (size_t)((at = strstr(at, mark)) - made);
        at = made;
        for (int i = 0; i < 2; i++, at++)
            numbers[i] = (size_t)((at = strstr(at, call)) - made);
    }
    memcpy(to, made, size);
    put_digits(to + macs[0], 12, mac, 16);
    memcpy(to + macs[1], to + macs[0], 12);
    memcpy(to + macs[2], to + macs[0], 12);
    put_digits(to + numbers[0], 10, number, 10);
    memcpy(to + numbers[1], to + numbers[0], 10);
    return size;
}

static inline void queue_subscribe(unsigned long long mac, unsigned number) {
    put_out(write_subscribe(next_out(), mac, number));
}

static inline int receive_in(void) {
    int got = recvmmsg(udp, in_messages, BATCH, 0, NULL);
    for (int i = 0; i < got; i++)
        in_text[i][in_messages[i].msg_len] = 0;
    return got > 0 ? got : 0;
}

enum kind { ODD, ACCEPTED, NOTIFIED };

/* The header fields of one message that matter here, found in one pass. */
struct fields {
    const char *call_id, *to, *to_end, *event, *length, *body;
};

static inline struct fields fields_of(const char *text) {
    struct fields found = {0};
    const char *line = strchr(text, '\n');
    while (line && line[1] && line[1] != '\r') {
        const char *end = strchr(++line, '\n');
        if (!strncmp(line, "Call-ID: ", 9))
            found.call_id = line + 9;
        else if (!strncmp(line, "To: ", 4))
            found.to = line + 4, found.to_end = end;
        else if (!strncmp(line, "Event: ", 7))
            found.event = line + 7;
        else if (!strncmp(line, "Content-Length: ", 16))
            found.length = line + 16;
        line = end;
    }
    if (line && line[1])
        found.body = line + 3;
    return found;
}

/* Returns what text is, and whose.  A NOTIFY must carry a whole http URL, the 200 a tag
   of the server's. */
static inline enum kind understand(const char *text, unsigned *number) {
    struct fields found = fields_of(text);
    if (!found.call_id || !found.to || !found.to_end || !found.body)
        return ODD;
    *number = (unsigned)strtoul(found.call_id, NULL, 10);
    if (!strncmp(text, "SIP/2.0 200 ", 12)) {
        size_t size = (size_t)(found.to_end - found.to);
        return memmem(found.to, size, ";tag=", 5) ? ACCEPTED : ODD;
    }
    if (strncmp(text, "NOTIFY ", 7) || !found.event || !found.length ||
        strncmp(found.event, "ua-profile", 10) ||
        strlen(found.body) != strtoul(found.length, NULL, 10) ||
        strncmp(found.body, "http://", 7))
        return ODD;
    return NOTIFIED;
}

/* Queues the 200 to a NOTIFY: the fields that RFC 3261 section 8.2.6.2 repeats. */
static inline void confirm(const char *text) {
    char *to = next_out(), *start = to;
    to = stpcpy(to, "SIP/2.0 200 OK\r\n");
    const char *line = strchr(text, '\n');
    while (line && line[1] && line[1] != '\r') {
        const char *end = strchr(++line, '\n');
        if (!end)
            break;
        int wanted = 0;
        switch (*line) {
        case 'V': wanted = !strncmp(line, "Via:", 4); break;
        case 'F': wanted = !strncmp(line, "From:", 5); break;
        case 'T': wanted = !strncmp(line, "To:", 3); break;
        case 'C':
            wanted = !strncmp(line, "Call-ID:", 8) || !strncmp(line, "CSeq:", 5);
        }
        if (wanted)
            to = mempcpy(to, line, (size_t)(end + 1 - line));
        line = end;
    }
    to = stpcpy(to, "Content-Length: 0\r\n\r\n");
    put_out((size_t)(to - start));
}
#endif
