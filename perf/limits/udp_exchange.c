/* The least an exchange can cost: take what waits at an inherited UDP socket in
   batches, answer each datagram with canned ones, print nanoseconds of CPU per
   datagram taken.

   Arguments: descriptor, how many datagrams wait, sizes of the answers. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { BATCH = 64, ANSWERS = 2 };

static char in[BATCH][4096], control[BATCH][128];
static char out[ANSWERS][4096] = {"SIP/2.0 200 OK", "NOTIFY"};

int main(int count, char **values) {
    struct mmsghdr heard[BATCH], told[BATCH * ANSWERS];
    struct sockaddr_in sources[BATCH];
    struct iovec parts[BATCH], bodies[ANSWERS];
    struct timespec spent;
    int fd = atoi(values[1]), answers = count - 3;
    long wanted = atol(values[2]), taken = 0;

    for (int k = 0; k < answers; k++)
        bodies[k] = (struct iovec){out[k], (size_t)atol(values[3 + k])};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    long began = spent.tv_sec * 1000000000L + spent.tv_nsec;
    while (taken < wanted) {
        for (int i = 0; i < BATCH; i++) {
            parts[i] = (struct iovec){in[i], sizeof in[i]};
            heard[i].msg_hdr = (struct msghdr){
                .msg_name = &sources[i], .msg_namelen = sizeof sources[i],
                .msg_iov = &parts[i], .msg_iovlen = 1,
                .msg_control = control[i], .msg_controllen = sizeof control[i]};
        }
        int got = recvmmsg(fd, heard, BATCH, MSG_DONTWAIT, NULL);
        if (got <= 0)
            return 1;
        taken += got;
        int ready = 0;
        for (int i = 0; i < got; i++) {
            /* IP_PKTINFO as it came: answer from where it was heard. */
            struct cmsghdr *here = CMSG_FIRSTHDR(&heard[i].msg_hdr);
            while (here && (here->cmsg_level != IPPROTO_IP ||
                            here->cmsg_type != IP_PKTINFO))
                here = CMSG_NXTHDR(&heard[i].msg_hdr, here);
            for (int k = 0; k < answers; k++)
                told[ready++].msg_hdr = (struct msghdr){
                    .msg_name = &sources[i], .msg_namelen = sizeof sources[i],
                    .msg_iov = &bodies[k], .msg_iovlen = 1,
                    .msg_control = here,
                    .msg_controllen =
                        here ? CMSG_SPACE(sizeof(struct in_pktinfo)) : 0};
        }
        for (int sent = 0; sent < ready;) {
            int now = sendmmsg(fd, told + sent, (unsigned)(ready - sent), 0);
            if (now <= 0)
                return 2;
            sent += now;
        }
    }
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    printf("%ld\n", (spent.tv_sec * 1000000000L + spent.tv_nsec - began) / taken);
    return 0;
}
