import Foundation
import MartletWire
import Testing

struct ErrorFingerprintTests {
    @Test func `errors have the documented fingerprints`() throws {
        let data = try Data(contentsOf: VectorFile.url("fingerprints"))
        let examples = try JSONDecoder().decode([Example].self, from: data)
        #expect(examples.count > 10)
        for example in examples {
            let fingerprint = ErrorFingerprint.of(
                errorClass: example.class, message: example.message)
            #expect(String(fingerprint) == example.fingerprint, "\(example.message)")
        }
    }

    /// By hand: FNV-1a's offset basis, then one zero byte: the basis times the prime.
    @Test func `without class and message it is that of a zero byte`() {
        #expect(
            ErrorFingerprint.of(errorClass: nil, message: "")
                == 0xcbf2_9ce4_8422_2325 &* 0x0000_0100_0000_01b3)
    }

    @Test func `errors that differ in their numbers only are the same`() {
        let first = ErrorFingerprint.of(errorClass: "E", message: "page 1 of 20, id 0123-abcd")
        let second = ErrorFingerprint.of(errorClass: "E", message: "page 17 of 3, id ffff-0000-7")
        #expect(first == second)
    }

    @Test func `errors of another class or message are others`() {
        let one = ErrorFingerprint.of(errorClass: "E", message: "no file")
        #expect(one != ErrorFingerprint.of(errorClass: "F", message: "no file"))
        #expect(one != ErrorFingerprint.of(errorClass: "E", message: "no page"))
        #expect(one != ErrorFingerprint.of(errorClass: "Eno file", message: ""))
    }

    @Test func `what is cut off a message does not count`() {
        let longest = String(repeating: "x", count: Limits.reasonBytesMax)
        #expect(
            ErrorFingerprint.of(errorClass: nil, message: longest + "y")
                == ErrorFingerprint.of(errorClass: nil, message: longest))
    }

    private struct Example: Decodable {
        let `class`: String
        let message: String
        let fingerprint: String
    }
}
