/* What the load programs share: time, failing, and the check of a document. */
#ifndef COMMON_H
#define COMMON_H
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static inline double now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static inline void fail(const char *what) {
    perror(what);
    exit(2);
}

/* The sum of all prefix sums of the document's 64-bit words (little endian, the last
   one filled with zeros), modulo 2^64: it sees a changed word, a lost one and two that
   changed places, and costs half a microsecond for 8 KB.  perf/documents.py has the
   same in Python. */
static inline uint64_t checksum(const char *at, size_t size) {
    uint64_t sum = 0, sums = 0, word;
    for (; size >= 8; at += 8, size -= 8) {
        memcpy(&word, at, 8);
        sum += word;
        sums += sum;
    }
    if (size) {
        word = 0;
        memcpy(&word, at, size);
        sum += word;
        sums += sum;
    }
    return sums;
}
#endif
