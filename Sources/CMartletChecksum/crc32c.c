#include "martlet_checksum.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif
#if defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

/// Reflected polynomial of CRC32C.
#define POLYNOMIAL 0x82f63b78u

static uint32_t table[256];

__attribute__((constructor)) static void fill_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
        table[byte] = crc;
    }
}

static uint32_t carried_by_table(uint32_t difference, size_t length) {
    while (length--) difference = (difference >> 8) ^ table[(uint8_t)difference];
    return difference;
}

static uint32_t by_table(uint32_t crc, const uint8_t *at, size_t length) {
    while (length--) crc = (crc >> 8) ^ table[(uint8_t)crc ^ *at++];
    return crc;
}

#if defined(__x86_64__)
/// Words of eight bytes in each of the three lanes that are summed side by side: the instruction takes three
/// cycles, and another may begin in each. Shorter lanes cost more to join than they save.
enum { LANE_WORDS_MIN = 4, LANE_WORDS_MAX = 128 };
/// Words of a cache line.
enum { LINE_WORDS = 8 };

/// By a number of words: what a sum is multiplied by to be that of the same bytes with so many words behind them,
/// namely x to the power of 64 times the number less 33.
static uint32_t shifts[2 * LANE_WORDS_MAX + 1];

__attribute__((constructor)) static void fill_shifts(void) {
    shifts[1] = 1;
    for (size_t words = 2; words <= 2 * LANE_WORDS_MAX; words++) {
        uint32_t sum = shifts[words - 1];
        for (int bit = 0; bit < 64; bit++) sum = (sum >> 1) ^ (sum & 1 ? POLYNOMIAL : 0);
        shifts[words] = sum;
    }
}

static inline uint64_t word_at(const uint8_t *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/// Asks for a line of each of the next three lanes: long rows mostly come from memory that no cache holds, and the
/// processor by itself does not read ahead from one page into the next. What lies behind the last lane may be the next
/// row; where nothing lies, nothing happens.
static inline void fetch_ahead(const uint8_t *at, size_t words) {
    for (size_t lane = 3; lane < 6; lane++) _mm_prefetch((const char *)at + 8 * words * lane, _MM_HINT_T0);
}

__attribute__((target("sse4.2,pclmul"))) static inline uint64_t shifted(uint64_t sum, size_t words) {
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)sum), _mm_cvtsi32_si128((int)shifts[words]), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t length) {
    uint64_t state = crc;
    while (length >= 3 * 8 * LANE_WORDS_MIN) {
        size_t words = length / (3 * 8) < LANE_WORDS_MAX ? length / (3 * 8) : LANE_WORDS_MAX;
        uint64_t second = 0, third = 0;
        for (size_t left = words; left > 0;) {
            if (words == LANE_WORDS_MAX) fetch_ahead(at, words);
            size_t line = left < LINE_WORDS ? left : LINE_WORDS;
            for (left -= line; line > 0; line--, at += 8) {
                state = __builtin_ia32_crc32di(state, word_at(at));
                second = __builtin_ia32_crc32di(second, word_at(at + 8 * words));
                third = __builtin_ia32_crc32di(third, word_at(at + 16 * words));
            }
        }
        state = third ^ __builtin_ia32_crc32di(0, shifted(state, 2 * words) ^ shifted(second, words));
        at += 16 * words;
        length -= 24 * words;
    }
    for (; length >= 8; length -= 8, at += 8) state = __builtin_ia32_crc32di(state, word_at(at));
    if (length & 4) {
        uint32_t half;
        memcpy(&half, at, sizeof half);
        state = __builtin_ia32_crc32si((uint32_t)state, half);
        at += 4;
    }
    for (length &= 3; length; length--) state = __builtin_ia32_crc32qi((uint32_t)state, *at++);
    return (uint32_t)state;
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t carried_by_instruction(uint32_t difference, size_t length) {
    uint64_t state = difference;
    while (length >= 8) {
        size_t words = length / 8 < 2 * LANE_WORDS_MAX ? length / 8 : 2 * LANE_WORDS_MAX;
        state = __builtin_ia32_crc32di(0, shifted(state, words));
        length -= 8 * words;
    }
    if (length & 4) state = __builtin_ia32_crc32si((uint32_t)state, 0);
    for (length &= 3; length; length--) state = __builtin_ia32_crc32qi((uint32_t)state, 0);
    return (uint32_t)state;
}
static int has_instruction(void) { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"); }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t length) {
    for (; length >= 8; length -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        crc = __crc32cd(crc, word);
    }
    for (; length; length--) crc = __crc32cb(crc, *at++);
    return crc;
}
static uint32_t carried_by_instruction(uint32_t difference, size_t length) {
    for (; length >= 8; length -= 8) difference = __crc32cd(difference, 0);
    for (; length; length--) difference = __crc32cb(difference, 0);
    return difference;
}
static int has_instruction(void) { return 1; }
#else
#define by_instruction by_table
#define carried_by_instruction carried_by_table
static int has_instruction(void) { return 0; }
#endif

static uint32_t (*sum)(uint32_t, const uint8_t *, size_t) = by_table;
static uint32_t (*carry)(uint32_t, size_t) = carried_by_table;

__attribute__((constructor)) static void choose(void) {
    if (!has_instruction()) return;
    sum = by_instruction;
    carry = carried_by_instruction;
}

uint32_t martlet_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return ~sum(~crc, bytes, length);
}

uint32_t martlet_crc32c_carried(uint32_t difference, size_t length) {
    return carry(difference, length);
}
