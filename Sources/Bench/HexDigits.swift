/// Numbers as 16 hexadecimal digits, eight at a time in one register: a payload is stamped and read for every job.
enum HexDigits {
    /// The ASCII digits of `value`, the first in the highest byte.
    static func encode(_ value: UInt32) -> UInt64 {
        var nibbles = UInt64(value)
        nibbles = (nibbles | nibbles << 16) & 0x0000_ffff_0000_ffff
        nibbles = (nibbles | nibbles << 8) & 0x00ff_00ff_00ff_00ff
        nibbles = (nibbles | nibbles << 4) & 0x0f0f_0f0f_0f0f_0f0f
        let isLetter = ((nibbles &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return nibbles &+ 0x3030_3030_3030_3030 &+ isLetter &* 0x27
    }

    /// The opposite of `encode`. Characters that are no digits give some number.
    static func decode(_ digits: UInt64) -> UInt32 {
        let isLetter = (digits >> 6) & 0x0101_0101_0101_0101
        var value = (digits & 0x0f0f_0f0f_0f0f_0f0f) &+ isLetter &* 9
        value = (value | value >> 4) & 0x00ff_00ff_00ff_00ff
        value = (value | value >> 8) & 0x0000_ffff_0000_ffff
        return UInt32(truncatingIfNeeded: value | value >> 16)
    }
}
