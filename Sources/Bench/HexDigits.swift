/// Numbers as 16 hexadecimal digits, eight at a time in one register: a payload is stamped and read for every job.
enum HexDigits {
    /// The ASCII digits of `value`, the first in the highest byte of `high`.
    static func encode(_ value: UInt64) -> (high: UInt64, low: UInt64) {
        (encode(half: value >> 32), encode(half: value & 0xffff_ffff))
    }

    /// The opposite of `encode`. Characters that are no digits give some number.
    static func decode(high: UInt64, low: UInt64) -> UInt64 {
        decode(half: high) << 32 | decode(half: low)
    }

    private static func encode(half value: UInt64) -> UInt64 {
        var nibbles = value
        nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff
        nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff
        nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f
        let isLetter = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ isLetter &* 0x27
    }

    private static func decode(half digits: UInt64) -> UInt64 {
        let isLetter = (digits >> 6) & 0x0101_0101_0101_0101
        var value = (digits & 0x0f0f_0f0f_0f0f_0f0f) &+ isLetter &* 9
        value = (value | value >> 4) & 0x00ff_00ff_00ff_00ff
        value = (value | value >> 8) & 0x0000_ffff_0000_ffff
        return (value | value >> 16) & 0xffff_ffff
    }
}
