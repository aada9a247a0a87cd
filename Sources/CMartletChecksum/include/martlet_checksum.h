#ifndef MARTLET_CHECKSUM_H
#define MARTLET_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// CRC32C (Castagnoli, RFC 3720 appendix B.4) of `length` bytes, continued from `crc` (0 to begin).
/// Uses the processor's instruction where there is one, a table elsewhere.
uint32_t martlet_crc32c(uint32_t crc, const void *bytes, size_t length);

/// What the difference (exclusive or) of two checksums becomes when the same `length` bytes follow behind both. So
/// the checksum of bytes behind some others is known from that of the bytes alone, whatever it was begun from.
uint32_t martlet_crc32c_carried(uint32_t difference, size_t length);

#endif
