/* Phones with client certificates fetching over TLS: each answer checked.

   tls_load PORT EXPECTED IN_FLIGHT SECONDS full|resumed 1.2|1.3 PHONES [NOBODY]

   EXPECTED is as for http_load; line i is asked by the phone of PHONES/i.pem, which
   holds its chain and key, over a connection of its own: handshake, GET, answer, the
   server's close_notify.  A phone has one connection at a time.  "full" wants a session
   begun each time, "resumed" one resumed after the first of each phone; anything else
   counts as wrong.  With NOBODY the handshake is all: the connection is dropped after
   it.

   Prints one JSON object; the first wrong answer is told on standard error. */
#define _GNU_SOURCE
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "client.h"

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

static struct phone *phones;
static size_t in_flight;
static struct connection *pool;
static int resuming, nobody;
static long answered, full, resumed;
static double deadline;

static void refuse(struct connection *c, const char *why) {
    char more[300] = ", ";
    ERR_error_string_n(ERR_peek_last_error(), more + 2, sizeof more - 2);
    complain(c->line, why, more, c->text, c->size);
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
    int one = 1;
    c->line += in_flight;
    if (c->line >= lines)
        c->line = (size_t)(c - pool);
    c->size = 0;
    c->sent = 0;
    c->fd = connecting(c->line);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    c->ssl = SSL_new(phones[c->line].context);
    SSL_set_app_data(c->ssl, (void *)&phones[c->line]);
    SSL_set_fd(c->ssl, c->fd);
    c->offered = resuming && phones[c->line].session;
    if (c->offered)
        SSL_set_session(c->ssl, phones[c->line].session);
    SSL_set_connect_state(c->ssl);
    watch(c->fd, EPOLLIN | EPOLLOUT | EPOLLET, c);
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

static void progress(void *at, uint32_t events) {
    struct connection *c = at;
    int result;
    (void)events; /* OpenSSL knows what it waits for */
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
            refuse(c, "not the kind of handshake that was wanted");
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
        int size = write_request(text, all[c->line].path, "", 0);
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
            refuse(c, why);
            wrong++;
        }
        end(c);
        return;
    }
lost:
    refuse(c, "lost");
    failed++;
    end(c);
}

int main(int count, char **values) {
    if (count < 8)
        return 2;
    prepare(values[1], values[2]);
    in_flight = (size_t)atol(values[3]);
    if (in_flight > lines)
        in_flight = lines;
    resuming = !strcmp(values[5], "resumed");
    int version = strcmp(values[6], "1.2") ? TLS1_3_VERSION : TLS1_2_VERSION;
    nobody = count > 8;
    phones = calloc(lines, sizeof *phones);
    pool = calloc(in_flight, sizeof *pool);
    if (!phones || !pool)
        fail("calloc");
    for (size_t i = 0; i < lines; i++)
        read_phone(&phones[i], values[7], i, version);
    double began = now();
    deadline = began + atof(values[4]);
    for (size_t i = 0; i < in_flight; i++) {
        pool[i].line = lines;
        begin(&pool[i]);
    }
    double seconds = run(progress, began);
    printf("{\"answered\": %ld, \"wrong\": %ld, \"failed\": %ld, \"full\": %ld, "
           "\"resumed\": %ld, \"seconds\": %.6f}\n",
           answered, wrong, failed, full, resumed, seconds);
    return 0;
}
