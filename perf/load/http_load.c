/* Phones fetching over HTTP: so many in flight, each answer checked.

   http_load PORT EXPECTED IN_FLIGHT SECONDS close|keep [HEADER]
   http_load PORT EXPECTED IN_FLIGHT once LEARNED

   EXPECTED holds lines of path, length and checksum; their number is a multiple of 8.
   "close" opens a connection for each request and waits for the server to close it,
   "keep" asks again on connections that stay open.  "once" asks for each line one time
   and writes the lines to LEARNED, lengths and checksums filled in.

   Prints one JSON object; the first wrong answer is told on standard error. */
#define _GNU_SOURCE
#include "client.h"

struct connection {
    int fd;
    int whole; /* the answer is complete; only the close is awaited */
    int sent;
    size_t line, size;
    char text[ROOM + 1];
};

static size_t asked;
static struct connection *pool;
static int keep, once;
static const char *header = "";
static long answered;
static double deadline;

static int more(void) { return once ? asked < lines : now() < deadline; }

static void ask(struct connection *c) {
    char text[512];
    int size = write_request(text, all[c->line].path, header, keep);
    c->size = 0;
    c->whole = 0;
    ssize_t sent = send(c->fd, text, (size_t)size, MSG_NOSIGNAL);
    c->sent = sent == size;
}

static void begin(struct connection *c) {
    c->line = asked++ % lines;
    c->fd = connecting(c->line);
    ask(c);
    watch(c->fd, EPOLLIN | (c->sent ? 0 : EPOLLOUT), c);
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
    ask(c);
}

static void progress(void *at, uint32_t events) {
    struct connection *c = at;
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
            complain(c->line, why, "", c->text, c->size);
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
    complain(c->line, "lost", "", c->text, c->size);
    failed++;
    end(c);
}

int main(int count, char **values) {
    if (count < 6)
        return 2;
    prepare(values[1], values[2]);
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
    if (!(pool = calloc(in_flight, sizeof *pool)))
        fail("calloc");
    double began = now();
    deadline = began + (once ? 1e9 : atof(values[4]));
    for (size_t i = 0; i < in_flight; i++)
        begin(&pool[i]);
    double seconds = run(progress, began);
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
