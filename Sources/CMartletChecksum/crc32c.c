#include "martlet_checksum.h"

#include <string.h>

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

static uint32_t by_table(uint32_t crc, const uint8_t *at, size_t length) {
    while (length--) crc = (crc >> 8) ^ table[(uint8_t)crc ^ *at++];
    return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t crc, const uint8_t *at, size_t length) {
    uint64_t state = crc;
    for (; length >= 8; length -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, 8);
        state = __builtin_ia32_crc32di(state, word);
    }
    for (; length; length--) state = __builtin_ia32_crc32qi((uint32_t)state, *at++);
    return (uint32_t)state;
}
static int has_instruction(void) { return __builtin_cpu_supports("sse4.2"); }
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
static int has_instruction(void) { return 1; }
#else
#define by_instruction by_table
static int has_instruction(void) { return 0; }
#endif

uint32_t martlet_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return ~(has_instruction() ? by_instruction : by_table)(~crc, bytes, length);
}
