/* Random bits: Philox-4x64-10 and Threefry-2x32, with the streams of funcgrad.random.

Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"
(doi 10.1145/2063384.2063405). */

#include <stdint.h>

/* The high 64 bits of a b. */
INLINED uint64_t high_product(uint64_t a, uint64_t b) {
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)a * b >> 64);
#else
    const uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
    const uint64_t middle = ah * bl + (al * bl >> 32), other = al * bh + (uint32_t)middle;
    return ah * bh + (middle >> 32) + (other >> 32);
#endif
}

/* Block number i of the stream of a key for one use: 0 bits, 1 split, 2 fold_in. */
static void philox_block(
    const uint64_t *key, uint64_t i, uint64_t data, uint64_t use, uint64_t *block
) {
    uint64_t x0 = i + 1, x1 = data, x2 = 0, x3 = use, k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t m0 = 0xd2e7470ee14c6c93, m1 = 0xca5a826395121157;
        const uint64_t high0 = high_product(m0, x0), high1 = high_product(m1, x2);
        const uint64_t low0 = m0 * x0, low1 = m1 * x2;
        x0 = high1 ^ x1 ^ k0;
        x1 = low1;
        x2 = high0 ^ x3 ^ k1;
        x3 = low0;
        k0 += 0x9e3779b97f4a7c15;
        k1 += 0xbb67ae8584caa73b;
    }
    block[0] = x0;
    block[1] = x1;
    block[2] = x2;
    block[3] = x3;
}

/* The first words of the stream of a key for one use. */
static void philox_words(
    const uint64_t *key, uint64_t data, uint64_t use, int count, uint64_t *words
) {
    uint64_t block[4];
    for (int i = 0; i < count; i++) {
        if (i % 4 == 0)
            philox_block(key, (uint64_t)(i / 4), data, use, block);
        words[i] = block[i % 4];
    }
}

static void philox_bits_uint64(const uint64_t *key, int count, uint64_t *bits) {
    philox_words(key, 0, 0, count, bits);
}

static void philox_bits_uint32(const uint64_t *key, int count, uint32_t *bits) {
    uint64_t block[4];
    for (int i = 0; i < count; i++) {
        if (i % 8 == 0)
            philox_block(key, (uint64_t)(i / 8), 0, 0, block);
        bits[i] = (uint32_t)(block[i / 2 % 4] >> 32 * (i % 2));
    }
}

static void philox_bits_uint16(const uint64_t *key, int count, uint16_t *bits) {
    uint64_t block[4];
    for (int i = 0; i < count; i++) {
        if (i % 16 == 0)
            philox_block(key, (uint64_t)(i / 16), 0, 0, block);
        bits[i] = (uint16_t)(block[i / 4 % 4] >> 16 * (i % 4));
    }
}

static void philox_bits_uint8(const uint64_t *key, int count, uint8_t *bits) {
    uint64_t block[4];
    for (int i = 0; i < count; i++) {
        if (i % 32 == 0)
            philox_block(key, (uint64_t)(i / 32), 0, 0, block);
        bits[i] = (uint8_t)(block[i / 8 % 4] >> 8 * (i % 8));
    }
}

static void philox_split(const uint64_t *key, int count, uint64_t *keys) {
    philox_words(key, 0, 1, 2 * count, keys);
}

static void philox_fold_in(const uint64_t *key, uint64_t data, uint64_t *folded) {
    philox_words(key, data, 2, 2, folded);
}

INLINED uint32_t rotated(uint32_t x, int bits) { return x << bits | x >> (32 - bits); }

/* The hash of two words. */
INLINED void threefry_hash(const uint32_t *key, uint32_t high, uint32_t low, uint32_t *hash) {
    static const int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    const uint32_t keys[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1bd11bda};
    uint32_t x0 = high + keys[0], x1 = low + keys[1];
    for (int group = 0; group < 5; group++) {
        for (int i = 0; i < 4; i++) {
            x0 += x1;
            x1 = rotated(x1, rotations[group % 2][i]) ^ x0;
        }
        x0 += keys[(group + 1) % 3];
        x1 += keys[(group + 2) % 3] + (uint32_t)group + 1;
    }
    hash[0] = x0;
    hash[1] = x1;
}

static void threefry2x32_bits_uint64(const uint32_t *key, int count, uint64_t *bits) {
    uint32_t hash[2];
    for (int i = 0; i < count; i++) {
        threefry_hash(key, 0, (uint32_t)i, hash);
        bits[i] = (uint64_t)hash[0] << 32 | hash[1];
    }
}

static void threefry2x32_bits_uint32(const uint32_t *key, int count, uint32_t *bits) {
    uint32_t hash[2];
    for (int i = 0; i < count; i++) {
        threefry_hash(key, 0, (uint32_t)i, hash);
        bits[i] = hash[0] ^ hash[1];
    }
}

static void threefry2x32_bits_uint16(const uint32_t *key, int count, uint16_t *bits) {
    uint32_t hash[2];
    for (int i = 0; i < count; i++) {
        threefry_hash(key, 0, (uint32_t)i, hash);
        bits[i] = (uint16_t)(hash[0] ^ hash[1]);
    }
}

static void threefry2x32_bits_uint8(const uint32_t *key, int count, uint8_t *bits) {
    uint32_t hash[2];
    for (int i = 0; i < count; i++) {
        threefry_hash(key, 0, (uint32_t)i, hash);
        bits[i] = (uint8_t)(hash[0] ^ hash[1]);
    }
}

static void threefry2x32_split(const uint32_t *key, int count, uint32_t *keys) {
    for (int i = 0; i < count; i++)
        threefry_hash(key, 0, (uint32_t)i, keys + 2 * i);
}

static void threefry2x32_fold_in(const uint32_t *key, uint64_t data, uint32_t *folded) {
    threefry_hash(key, 0, (uint32_t)data, folded);
}
