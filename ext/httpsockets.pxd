# System calls of the lane, and whose end of a connection is which.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

cdef extern from *:
    """
    #ifndef _GNU_SOURCE
    #define _GNU_SOURCE
    #endif
    #include <errno.h>
    #include <arpa/inet.h>
    #include <netinet/in.h>
    #include <netinet/tcp.h>
    #include <sys/epoll.h>
    #include <sys/socket.h>
    #include <time.h>
    #include <unistd.h>

    #define BW_GONE (EPOLLHUP | EPOLLERR)

    static inline int bw_accept(int fd, struct sockaddr_storage *from) {
        socklen_t size = sizeof *from;
        return accept4(
            fd, (struct sockaddr *)from, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    }

    /* Whose end of a connection: family 0 for what is not of the internet. */
    struct bw_end {
        uint32_t zone;
        uint16_t port;
        uint8_t family;
        uint8_t zero;
        uint8_t address[16];
    };
    static inline void bw_end_of(
            const struct sockaddr_storage *from, struct bw_end *end) {
        memset(end, 0, sizeof *end);
        if (from->ss_family == AF_INET) {
            const struct sockaddr_in *in = (const struct sockaddr_in *)from;
            end->family = 4;
            end->port = ntohs(in->sin_port);
            memcpy(end->address, &in->sin_addr, 4);
        } else if (from->ss_family == AF_INET6) {
            const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)from;
            end->port = ntohs(in->sin6_port);
            if (IN6_IS_ADDR_V4MAPPED(&in->sin6_addr)) {
                end->family = 4;
                memcpy(end->address, in->sin6_addr.s6_addr + 12, 4);
            } else {
                end->family = 6;
                end->zone = in->sin6_scope_id;
                memcpy(end->address, &in->sin6_addr, 16);
            }
        }
    }
    static inline int bw_own_end(int fd, struct bw_end *end) {
        struct sockaddr_storage own;
        socklen_t size = sizeof own;
        if (getsockname(fd, (struct sockaddr *)&own, &size))
            return -1;
        bw_end_of(&own, end);
        return 0;
    }
    static inline int bw_peer_end(int fd, struct bw_end *end) {
        struct sockaddr_storage peer;
        socklen_t size = sizeof peer;
        if (getpeername(fd, (struct sockaddr *)&peer, &size))
            return -1;
        bw_end_of(&peer, end);
        return 0;
    }
    static inline int bw_is_on_link(const uint8_t *address) {
        return (address[0] == 0xfe && (address[1] & 0xc0) == 0x80)
            || IN6_IS_ADDR_LOOPBACK((const struct in6_addr *)address);
    }
    static inline int bw_watch(int set, int how, int fd, uint32_t events) {
        struct epoll_event event;
        memset(&event, 0, sizeof event);
        event.events = events;
        event.data.fd = fd;
        return epoll_ctl(set, how, fd, &event);
    }
    /* Whether something came that nobody has read. */
    static inline int bw_has_unread(int fd) {
        char byte;
        return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
    }
    static inline void bw_no_delay(int fd) {
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    static inline void bw_reset_on_close(int fd) {
        struct linger now = {1, 0};
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    }
    static inline double bw_clock(clockid_t clock) {
        struct timespec now;
        clock_gettime(clock, &now);
        return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
    }
    static const char bw_days[] = "SunMonTueWedThuFriSat";
    static const char bw_months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    /* IMF-fixdate, RFC 9110 section 5.6.7: 29 bytes. */
    static inline int bw_date(time_t second, char *out, size_t room) {
        struct tm tm;
        gmtime_r(&second, &tm);
        return snprintf(out, room, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
            bw_days + 3 * tm.tm_wday, tm.tm_mday, bw_months + 3 * tm.tm_mon,
            tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
    }
    """
    cdef struct sockaddr_storage:
        pass
    cdef struct bw_end:
        uint32_t zone
        uint16_t port
        uint8_t family
        uint8_t[16] address
    cdef union epoll_data:
        int fd
    cdef struct epoll_event:
        uint32_t events
        epoll_data data
    int bw_accept(int fd, sockaddr_storage* peer) nogil
    void bw_end_of(const sockaddr_storage* peer, bw_end* end) nogil
    int bw_own_end(int fd, bw_end* end) nogil
    int bw_peer_end(int fd, bw_end* end) nogil
    bint bw_is_on_link(const uint8_t* address) nogil
    int bw_watch(int set, int how, int fd, uint32_t events) nogil
    bint bw_has_unread(int fd) nogil
    void bw_no_delay(int fd) nogil
    void bw_reset_on_close(int fd) nogil
    double bw_clock(int clock) nogil
    int bw_date(int64_t second, char* out, size_t room) nogil
    int epoll_create1(int flags) nogil
    int epoll_wait(int set, epoll_event* events, int count, int timeout) nogil
    ssize_t recv(int fd, void* buffer, size_t size, int flags) nogil
    ssize_t send(int fd, const void* buffer, size_t size, int flags) nogil
    int close(int fd) nogil
    const char* inet_ntop(int family, const void* address, char* out, uint32_t room)
    int inet_pton(int family, const char* text, void* address) nogil
    int snprintf(char* out, size_t room, const char* format, ...) nogil
    enum:
        AF_INET
        AF_INET6
        INET6_ADDRSTRLEN
        CLOCK_BOOTTIME
        CLOCK_MONOTONIC
        CLOCK_REALTIME
        EPOLLIN
        EPOLLOUT
        EPOLL_CLOEXEC
        EPOLL_CTL_ADD
        EPOLL_CTL_DEL
        EPOLL_CTL_MOD
        MSG_MORE
        MSG_NOSIGNAL
