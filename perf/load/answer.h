/* One HTTP answer in a buffer: is it whole, and is it the one that was expected? */
#ifndef ANSWER_H
#define ANSWER_H
#include <strings.h>

#include "common.h"

enum { ROOM = 64 * 1024 };

/* What a path must give; a length of -1 stands for "not known yet". */
struct expected {
    char path[96];
    long length;
    uint64_t sum;
};

enum verdict { PARTIAL, RIGHT, WRONG };

static inline struct expected *read_expected(const char *file, size_t *count) {
    FILE *in = fopen(file, "r");
    size_t room = 1024, used = 0;
    struct expected *all = malloc(room * sizeof *all);
    char path[96];
    long length;
    unsigned long long sum;
    if (!in || !all)
        fail(file);
    while (fscanf(in, "%95s %ld %llx", path, &length, &sum) == 3) {
        if (used == room && !(all = realloc(all, (room *= 2) * sizeof *all)))
            fail("realloc");
        memcpy(all[used].path, path, sizeof path);
        all[used].length = length;
        all[used++].sum = sum;
    }
    fclose(in);
    if (!used) {
        fprintf(stderr, "%s names no path\n", file);
        exit(2);
    }
    *count = used;
    return all;
}

/* Judges size bytes at text, which has room for one more.  What was not known of the
   expected answer is learned from the first right one. */
static inline enum verdict judge(char *text, size_t size, struct expected *wanted,
                                 const char **why) {
    text[size] = 0;
    char *body = strstr(text, "\r\n\r\n");
    if (!body)
        return PARTIAL;
    *why = "status";
    if (strncmp(text, "HTTP/1.1 200 ", 13))
        return WRONG;
    long length = -1;
    for (char *line = text; line < body; line = strstr(line, "\r\n") + 2)
        if (!strncasecmp(line, "Content-Length:", 15))
            length = atol(line + 15);
    *why = "Content-Length";
    if (length < 0 || (wanted->length >= 0 && length != wanted->length))
        return WRONG;
    body += 4;
    size_t got = size - (size_t)(body - text);
    if (got < (size_t)length)
        return PARTIAL;
    *why = "bytes behind the end";
    if (got > (size_t)length)
        return WRONG;
    uint64_t sum = checksum(body, got);
    *why = "content";
    if (wanted->length >= 0 && sum != wanted->sum)
        return WRONG;
    wanted->length = length;
    wanted->sum = sum;
    return RIGHT;
}

static inline void write_expected(const char *file, struct expected *all, size_t n) {
    FILE *out = fopen(file, "w");
    if (!out)
        fail(file);
    for (size_t i = 0; i < n; i++)
        fprintf(out, "%s %ld %llx\n", all[i].path, all[i].length,
                (unsigned long long)all[i].sum);
    if (fclose(out))
        fail(file);
}
#endif
