# SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012): a pseudo-random
# function of a key of 128 bits.  Who does not know the key can neither foretell an
# output nor choose inputs that share one, however many pairs he saw.  Inline only, as
# scan.pxd is.

from libc.stdint cimport uint8_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    typedef struct {
        uint64_t k0, k1;
    } bw_siphash_key;

    static inline uint64_t bw_rotl64(uint64_t x, int n) {
        return x << n | x >> (64 - n);
    }

    static inline uint64_t bw_little64(const uint8_t *at) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
    #if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
    #endif
        return word;
    }

    static inline void bw_siphash_start(bw_siphash_key *key, const uint8_t *at) {
        key->k0 = bw_little64(at);
        key->k1 = bw_little64(at + 8);
    }

    #define BW_SIPROUND                                                             \\
        v0 += v1; v1 = bw_rotl64(v1, 13); v1 ^= v0; v0 = bw_rotl64(v0, 32);         \\
        v2 += v3; v3 = bw_rotl64(v3, 16); v3 ^= v2;                                 \\
        v0 += v3; v3 = bw_rotl64(v3, 21); v3 ^= v0;                                 \\
        v2 += v1; v1 = bw_rotl64(v1, 17); v1 ^= v2; v2 = bw_rotl64(v2, 32);

    /* The two halves of the output as the numbers that their bytes spell, the first
       byte the highest. */
    static inline void bw_siphash(
        const bw_siphash_key *key, const uint8_t *at, size_t size, uint64_t *high,
        uint64_t *low
    ) {
        uint64_t v0 = 0x736f6d6570736575 ^ key->k0;
        uint64_t v1 = 0x646f72616e646f6d ^ key->k1 ^ 0xee;
        uint64_t v2 = 0x6c7967656e657261 ^ key->k0;
        uint64_t v3 = 0x7465646279746573 ^ key->k1;
        uint64_t m, last = (uint64_t)size << 56;
        uint8_t rest[8] = {0};
        for (; size >= 8; at += 8, size -= 8) {
            m = bw_little64(at);
            v3 ^= m;
            BW_SIPROUND BW_SIPROUND
            v0 ^= m;
        }
        memcpy(rest, at, size);
        m = last | bw_little64(rest);
        v3 ^= m;
        BW_SIPROUND BW_SIPROUND
        v0 ^= m;
        v2 ^= 0xee;
        BW_SIPROUND BW_SIPROUND BW_SIPROUND BW_SIPROUND
        *high = __builtin_bswap64(v0 ^ v1 ^ v2 ^ v3);
        v1 ^= 0xdd;
        BW_SIPROUND BW_SIPROUND BW_SIPROUND BW_SIPROUND
        *low = __builtin_bswap64(v0 ^ v1 ^ v2 ^ v3);
    }
    #undef BW_SIPROUND
    """
    ctypedef struct bw_siphash_key:
        uint64_t k0
        uint64_t k1
    void bw_siphash_start(bw_siphash_key* key, const uint8_t* at) noexcept nogil
    void bw_siphash(
        const bw_siphash_key* key,
        const uint8_t* at,
        size_t size,
        uint64_t* high,
        uint64_t* low,
    ) noexcept nogil
