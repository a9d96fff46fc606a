/* The least a plug-and-play exchange can cost: SUBSCRIBEs in batches, for each a 200 and
   a NOTIFY, nothing remembered, nothing sent twice, responses thrown away.

   sip_echo PORT */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BATCH = 64, SIZE = 2048, BUFFER_BYTES = 16 << 20 };

static char in[BATCH][SIZE], out[2 * BATCH][SIZE];

/* Copies the lines of the header fields that an answer repeats; returns their size. */
static size_t repeat(char *to, const char *at, const char *end) {
    size_t size = 0;
    while (at < end) {
        const char *next = memchr(at, '\n', (size_t)(end - at));
        if (!next)
            break;
        size_t line = (size_t)(++next - at);
        if (!memcmp(at, "Via:", 4) || !memcmp(at, "From:", 5) ||
            !memcmp(at, "Call-ID:", 8) || !memcmp(at, "CSeq:", 5)) {
            memcpy(to + size, at, line);
            size += line;
        } else if (!memcmp(at, "To:", 3)) {
            memcpy(to + size, at, line - 2);
            memcpy(to + size + line - 2, ";tag=1\r\n", 8);
            size += line + 6;
        }
        at = next;
    }
    return size;
}

int main(int count, char **values) {
    static const char ok[] = "SIP/2.0 200 OK\r\n";
    static const char ok_end[] = "Contact: <sip:127.0.0.1>\r\nExpires: 0\r\n"
                                 "Content-Length: 0\r\n\r\n";
    static const char notify[] =
        "NOTIFY sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;"
        "branch=z9hG4bK0123456789abcdef;rport\r\nMax-Forwards: 70\r\n"
        "From: <sip:127.0.0.1>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCSeq: 1 NOTIFY\r\n"
        "Contact: <sip:127.0.0.1>\r\nEvent: ua-profile\r\n"
        "Subscription-State: terminated;reason=timeout\r\n"
        "Content-Type: application/url\r\nContent-Length: 32\r\n";
    static const char url[] = "\r\nhttp://127.0.0.1:65535/{mac}.xml";
    struct mmsghdr heard[BATCH], told[2 * BATCH];
    struct iovec ins[BATCH], outs[2 * BATCH];
    struct sockaddr_in sources[BATCH];
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int size = BUFFER_BYTES, fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (count != 2)
        return 2;
    own.sin_port = htons((uint16_t)atoi(values[1]));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&own, sizeof own)) {
        perror("bind");
        return 2;
    }
    for (;;) {
        for (int i = 0; i < BATCH; i++) {
            ins[i] = (struct iovec){in[i], SIZE};
            heard[i].msg_hdr = (struct msghdr){.msg_name = &sources[i],
                                               .msg_namelen = sizeof sources[i],
                                               .msg_iov = &ins[i],
                                               .msg_iovlen = 1};
        }
        int got = recvmmsg(fd, heard, BATCH, MSG_WAITFORONE, NULL), ready = 0;
        for (int i = 0; i < got; i++) {
            const char *end = in[i] + heard[i].msg_len;
            if (heard[i].msg_len < 20 || memcmp(in[i], "SUBSCRIBE ", 10))
                continue;
            char *to = out[ready], *from = to;
            memcpy(to, ok, sizeof ok - 1);
            to += sizeof ok - 1;
            to += repeat(to, in[i], end);
            memcpy(to, ok_end, sizeof ok_end - 1);
            outs[ready] = (struct iovec){from, (size_t)(to - from) + sizeof ok_end - 1};
            from = to = out[ready + 1];
            memcpy(to, notify, sizeof notify - 1);
            to += sizeof notify - 1;
            const char *call = memmem(in[i], heard[i].msg_len, "Call-ID:", 8);
            const char *stop = call ? memchr(call, '\n', (size_t)(end - call)) : NULL;
            if (!stop)
                continue;
            memcpy(to, call, (size_t)(stop + 1 - call));
            to += stop + 1 - call;
            memcpy(to, url, sizeof url - 1);
            outs[ready + 1] = (struct iovec){from, (size_t)(to - from) + sizeof url - 1};
            for (int k = 0; k < 2; k++)
                told[ready + k].msg_hdr = (struct msghdr){.msg_name = &sources[i],
                                                          .msg_namelen = sizeof *sources,
                                                          .msg_iov = &outs[ready + k],
                                                          .msg_iovlen = 1};
            ready += 2;
        }
        for (int sent = 0; sent < ready;) {
            int some = sendmmsg(fd, told + sent, (unsigned)(ready - sent), 0);
            if (some <= 0)
                break;
            sent += some;
        }
    }
}
