/* Loaded before Python: while guarding, each block ends where readable memory ends, and
   what was freed is not there any more.  So one byte too far is a SIGSEGV, read or
   written; ASan sees the same, but only what it has compiled or intercepts.  Blocks that
   others ask for (Python, for an object of ours) end at the next multiple of sixteen:
   they rely on where malloc's blocks begin. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
extern void __libc_free(void *);

/* Each guarded block is two areas of memory to the kernel, which allows 65,530. */
enum { PAGE = 4096, MOST = 20000, PLACES = 1 << 16 };

static struct { char *block; size_t size; } guarded[PLACES];
static int guarding, count, ever;

void guard_blocks(int on) { guarding = on; }
int blocks_guarded(void) { return ever; }

static size_t place_of(const void *block) {
    size_t at = ((uintptr_t)block * UINT64_C(0x9E3779B97F4A7C15)) >> 48;
    while (guarded[at].block && guarded[at].block != block)
        at = (at + 1) % PLACES;
    return at;
}

static size_t pages(size_t size) { return (size + PAGE - 1) / PAGE * PAGE; }

static int is_ours(void *caller) {
    Dl_info info;
    return dladdr(caller, &info) && info.dli_fname &&
           strstr(info.dli_fname, "/bootwave/native/");
}

static void *guarded_block(size_t size, void *caller) {
    if (!is_ours(caller))
        size = (size + 15) / 16 * 16;
    size_t room = pages(size);
    char *area = mmap(0, room + PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED || mprotect(area + room, PAGE, PROT_NONE))
        return 0;
    char *block = area + room - size;
    size_t at = place_of(block);
    guarded[at].block = block;
    guarded[at].size = size;
    count++;
    ever++;
    return block;
}

void *malloc(size_t size) {
    if (guarding && size && count < MOST)
        return guarded_block(size, __builtin_return_address(0));
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    size_t all;
    if (__builtin_mul_overflow(number, size, &all))
        return 0;
    if (guarding && all && count < MOST)
        return guarded_block(all, __builtin_return_address(0)); /* fresh pages are zeros */
    return __libc_calloc(number, size);
}

void free(void *block) {
    size_t at = place_of(block), gap, home;
    if (!block || !guarded[at].block) {
        __libc_free(block);
        return;
    }
    munmap(block - (uintptr_t)block % PAGE, pages(guarded[at].size) + PAGE);
    count--;
    guarded[at].block = 0;
    /* Whoever stands behind the gap and does not belong there moves up. */
    for (gap = at; guarded[at = (at + 1) % PLACES].block;) {
        home = ((uintptr_t)guarded[at].block * UINT64_C(0x9E3779B97F4A7C15)) >> 48;
        if ((at - home) % PLACES >= (at - gap) % PLACES) {
            guarded[gap] = guarded[at];
            guarded[at].block = 0;
            gap = at;
        }
    }
}

void *realloc(void *block, size_t size) {
    size_t at = place_of(block);
    if (!block)
        return malloc(size);
    if (!guarded[at].block)
        return __libc_realloc(block, size);
    size_t before = guarded[at].size;
    void *grown = guarding && count < MOST
                      ? guarded_block(size ? size : 1, __builtin_return_address(0))
                      : __libc_malloc(size);
    if (grown) {
        memcpy(grown, block, before < size ? before : size);
        free(block);
    }
    return grown;
}
