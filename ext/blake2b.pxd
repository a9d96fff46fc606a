# BLAKE2b with a key (RFC 7693), for digests of 32 bytes.  Inline only, as scan.pxd is.

from libc.stdint cimport uint8_t, uint64_t

cdef extern from *:
    """
    #include <stdint.h>
    #include <string.h>

    typedef struct {
        uint64_t h[8];       /* the state behind the block of the key */
    } bw_blake2b_key;

    static const uint64_t bw_blake2b_iv[8] = {
        0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
        0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
    };
    static const uint8_t bw_blake2b_sigma[12][16] = {
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
        {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
        {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
        {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
        {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
        {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
        {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
        {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
        {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
        {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
        {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
        {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    };

    static inline uint64_t bw_load64(const uint8_t *at) {
        uint64_t word = 0;
        for (int i = 7; i >= 0; i--)
            word = word << 8 | at[i];
        return word;
    }

    static inline uint64_t bw_rotr64(uint64_t x, int n) {
        return x >> n | x << (64 - n);
    }

    /* One block of 128 bytes; *total* counts the bytes up to its end. */
    static void bw_blake2b_block(
        uint64_t *h, const uint8_t *at, uint64_t total, int last
    ) {
        uint64_t m[16], v[16];
        for (int i = 0; i < 16; i++)
            m[i] = bw_load64(at + 8 * i);
        for (int i = 0; i < 8; i++) {
            v[i] = h[i];
            v[i + 8] = bw_blake2b_iv[i];
        }
        v[12] ^= total;
        if (last)
            v[14] = ~v[14];
    #define BW_G(a, b, c, d, x, y)                                                  \\
        v[a] += v[b] + (x); v[d] = bw_rotr64(v[d] ^ v[a], 32);                      \\
        v[c] += v[d];       v[b] = bw_rotr64(v[b] ^ v[c], 24);                      \\
        v[a] += v[b] + (y); v[d] = bw_rotr64(v[d] ^ v[a], 16);                      \\
        v[c] += v[d];       v[b] = bw_rotr64(v[b] ^ v[c], 63);
    #define BW_ROUND(r)                                                             \\
        {                                                                           \\
            const uint8_t *s = bw_blake2b_sigma[r];                                 \\
            BW_G(0, 4, 8, 12, m[s[0]], m[s[1]])                                     \\
            BW_G(1, 5, 9, 13, m[s[2]], m[s[3]])                                     \\
            BW_G(2, 6, 10, 14, m[s[4]], m[s[5]])                                    \\
            BW_G(3, 7, 11, 15, m[s[6]], m[s[7]])                                    \\
            BW_G(0, 5, 10, 15, m[s[8]], m[s[9]])                                    \\
            BW_G(1, 6, 11, 12, m[s[10]], m[s[11]])                                  \\
            BW_G(2, 7, 8, 13, m[s[12]], m[s[13]])                                   \\
            BW_G(3, 4, 9, 14, m[s[14]], m[s[15]])                                   \\
        }
        BW_ROUND(0) BW_ROUND(1) BW_ROUND(2) BW_ROUND(3) BW_ROUND(4) BW_ROUND(5)
        BW_ROUND(6) BW_ROUND(7) BW_ROUND(8) BW_ROUND(9) BW_ROUND(10) BW_ROUND(11)
    #undef BW_ROUND
    #undef BW_G
        for (int i = 0; i < 8; i++)
            h[i] ^= v[i] ^ v[i + 8];
    }

    /* *key* has 1 to 64 bytes. */
    static inline void bw_blake2b_start(
        bw_blake2b_key *state, const uint8_t *key, size_t size
    ) {
        uint8_t block[128] = {0};
        memcpy(block, key, size);
        memcpy(state->h, bw_blake2b_iv, sizeof state->h);
        state->h[0] ^= 0x01010000 ^ size << 8 ^ 32;  /* and 32 bytes of digest */
        bw_blake2b_block(state->h, block, 128, 0);
    }

    /* The digest of at[0:size], which is not empty, into out[0:32]. */
    static inline void bw_blake2b(
        const bw_blake2b_key *state, const uint8_t *at, size_t size, uint8_t *out
    ) {
        uint64_t h[8], total = 128;
        uint8_t block[128] = {0};
        memcpy(h, state->h, sizeof h);
        for (; size > 128; at += 128, size -= 128)
            bw_blake2b_block(h, at, total += 128, 0);
        memcpy(block, at, size);
        bw_blake2b_block(h, block, total + size, 1);
        for (int i = 0; i < 32; i++)
            out[i] = (uint8_t)(h[i / 8] >> 8 * (i % 8));
    }
    """
    ctypedef struct bw_blake2b_key:
        uint64_t h[8]
    void bw_blake2b_start(
        bw_blake2b_key* state, const uint8_t* key, size_t size
    ) noexcept nogil
    void bw_blake2b(
        const bw_blake2b_key* state, const uint8_t* at, size_t size, uint8_t* out
    ) noexcept nogil
