import Testing

@testable import Bench

struct HexDigitsTests {
    @Test(arguments: [0, 1, 0x9abc_def0, 0x1234_5678, UInt32.max])
    func `a number comes back from its digits`(number: UInt32) {
        #expect(HexDigits.decode(HexDigits.encode(number)) == number)
    }

    @Test func `digits are those people read`() {
        let digits = withBigEndianBytes(of: HexDigits.encode(0x09af_1b0c))
        #expect(digits == "09af1b0c")
    }

    private func withBigEndianBytes(of value: UInt64) -> String {
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * $0)) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
