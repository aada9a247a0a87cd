import Testing

@testable import Bench

struct HexDigitsTests {
    @Test(arguments: [0, 1, 0x1234_5678_9abc_def0, UInt64.max, 1 << 63])
    func `a number comes back from its digits`(number: UInt64) {
        let digits = HexDigits.encode(number)
        #expect(HexDigits.decode(high: digits.high, low: digits.low) == number)
    }

    @Test func `digits are those people read`() {
        let digits = HexDigits.encode(0x0123_4567_89ab_cdef)
        #expect(text(digits.high) + text(digits.low) == "0123456789abcdef")
    }

    private func text(_ digits: UInt64) -> String {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: digits >> (56 - 8 * $0)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
