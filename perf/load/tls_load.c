/* Phones with client certificates fetching over TLS: each answer checked.

   tls_load PORT EXPECTED IN_FLIGHT SECONDS full|resumed 1.2|1.3 PHONES [NOBODY]

   EXPECTED is as for http_load; line i is asked by the phone of PHONES/i.pem, which
   holds its chain and key, over a connection of its own: handshake, GET, answer, the
   server's close_notify.  A phone has one connection at a time.  "full" wants a session begun each time, "resumed" one resumed
   after the first of each phone; anything else counts as wrong.  With NOBODY the
   handshake is all: the connection is dropped after it.

   It never sleeps, so that the server finds work whenever it looks.  Prints one JSON
   object; the first wrong answer is told on standard error. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"

enum { SOURCES = 8, EVENTS = 256 };

struct phone {
    SSL_CTX *context;
    SSL_SESSION *session;
};

struct connection {
    SSL *ssl;
    int fd;
    int sent;
    int offered; /* a session */
    size_t line, size;
    char text[ROOM + 1];
};

static struct expected *all;
static struct phone *phones;
static size_t lines, in_flight;
static struct connection *pool;
static int epoll, resuming, nobody, open_now;
static struct sockaddr_in server;
static long answered, wrong, failed, full, resumed;
static double deadline;

static void complain(struct connection *c, const char *why) {
    if (wrong + failed == 0)
        fprintf(stderr, "%s: %s (errno %d, %s)\n%.*s\n", all[c->line].path, why, errno,
                ERR_error_string(ERR_peek_last_error(), NULL),
                (int)(c->size < 300 ? c->size : 300), c->text);
    ERR_clear_error();
}

/* Keeps the latest ticket of a phone (OpenSSL calls it when one came). */
static int take_session(SSL *ssl, SSL_SESSION *session) {
    struct phone *phone = SSL_get_app_data(ssl);
    SSL_SESSION_free(phone->session);
    phone->session = session;
    return 1;
}

static void read_phone(struct phone *phone, const char *folder, size_t i, int version) {
    char file[512];
    snprintf(file, sizeof file, "%s/%zu.pem", folder, i);
    if (!(phone->context = SSL_CTX_new(TLS_client_method())))
        fail("SSL_CTX_new");
    SSL_CTX_set_min_proto_version(phone->context, version);
    SSL_CTX_set_max_proto_version(phone->context, version);
    SSL_CTX_set_session_cache_mode(phone->context,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    if (resuming)
        SSL_CTX_sess_set_new_cb(phone->context, take_session);
    if (SSL_CTX_use_certificate_chain_file(phone->context, file) != 1 ||
        SSL_CTX_use_PrivateKey_file(phone->context, file, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(2);
    }
}

static void begin(struct connection *c) {
    struct sockaddr_in own = {.sin_family = AF_INET};
    int one = 1;
    c->line += in_flight;
    if (c->line >= lines)
        c->line = (size_t)(c - pool);
    c->size = 0;
    c->sent = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (c->fd < 0)
        fail("socket");
    own.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(c->line % SOURCES));
    setsockopt(c->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(c->fd, (struct sockaddr *)&own, sizeof own))
        fail("bind");
    if (connect(c->fd, (struct sockaddr *)&server, sizeof server) &&
        errno != EINPROGRESS)
        fail("connect");
    c->ssl = SSL_new(phones[c->line].context);
    SSL_set_app_data(c->ssl, (void *)&phones[c->line]);
    SSL_set_fd(c->ssl, c->fd);
    c->offered = resuming && phones[c->line].session;
    if (c->offered)
        SSL_set_session(c->ssl, phones[c->line].session);
    SSL_set_connect_state(c->ssl);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event))
        fail("epoll_ctl");
    open_now++;
}

static void end(struct connection *c) {
    /* Or its session would count as broken. */
    SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(c->ssl);
    close(c->fd);
    c->fd = -1;
    open_now--;
    if (now() < deadline)
        begin(c);
}

/* Whether what was just done may be tried again later. */
static int later(struct connection *c, int result) {
    int error = SSL_get_error(c->ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void progress(struct connection *c) {
    int result;
    ERR_clear_error();
    if (!SSL_is_init_finished(c->ssl)) {
        if ((result = SSL_do_handshake(c->ssl)) != 1) {
            if (later(c, result))
                return;
            goto lost;
        }
        if (SSL_session_reused(c->ssl))
            resumed++;
        else
            full++;
        if (c->offered != SSL_session_reused(c->ssl)) {
            complain(c, "not the kind of handshake that was wanted");
            wrong++;
            end(c);
            return;
        }
        if (nobody) {
            answered++;
            end(c);
            return;
        }
    }
    if (!c->sent) {
        char text[512];
        int size = snprintf(text, sizeof text,
                            "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"
                            "User-Agent: Mozilla/4.0 (compatible; snom370-SIP 8.4.35)"
                            "\r\nConnection: close\r\n\r\n",
                            all[c->line].path, ntohs(server.sin_port));
        if ((result = SSL_write(c->ssl, text, size)) != size) {
            if (later(c, result))
                return;
            goto lost;
        }
        c->sent = 1;
    }
    for (;;) {
        const char *why = "";
        result = SSL_read(c->ssl, c->text + c->size, (int)(ROOM - c->size));
        if (result > 0) {
            c->size += (size_t)result;
            continue;
        }
        if (later(c, result))
            return;
        if (SSL_get_error(c->ssl, result) != SSL_ERROR_ZERO_RETURN)
            goto lost;
        if (judge(c->text, c->size, &all[c->line], &why) == RIGHT)
            answered++;
        else {
            complain(c, why);
            wrong++;
        }
        end(c);
        return;
    }
lost:
    complain(c, "lost");
    failed++;
    end(c);
}

int main(int count, char **values) {
    struct rlimit files;
    struct epoll_event events[EVENTS];
    if (count < 8)
        return 2;
    server = (struct sockaddr_in){.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(values[1])),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    all = read_expected(values[2], &lines);
    in_flight = (size_t)atol(values[3]);
    if (in_flight > lines)
        in_flight = lines;
    resuming = !strcmp(values[5], "resumed");
    int version = strcmp(values[6], "1.2") ? TLS1_3_VERSION : TLS1_2_VERSION;
    nobody = count > 8;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    phones = calloc(lines, sizeof *phones);
    pool = calloc(in_flight, sizeof *pool);
    if (!phones || !pool)
        fail("calloc");
    for (size_t i = 0; i < lines; i++)
        read_phone(&phones[i], values[7], i, version);
    double began = now(), alive = began;
    deadline = began + atof(values[4]);
    for (size_t i = 0; i < in_flight; i++) {
        pool[i].line = lines;
        begin(&pool[i]);
    }
    while (open_now) {
        int ready = epoll_wait(epoll, events, EVENTS, 0);
        for (int i = 0; i < ready; i++)
            progress(events[i].data.ptr);
        double at = now();
        if (ready > 0)
            alive = at;
        else if (at - alive > 10) /* nothing moves any more */
            break;
    }
    double seconds = now() - began;
    failed += open_now;
    printf("{\"answered\": %ld, \"wrong\": %ld, \"failed\": %ld, \"full\": %ld, "
           "\"resumed\": %ld, \"seconds\": %.6f}\n",
           answered, wrong, failed, full, resumed, seconds);
    return 0;
}
