import MartletWire
import TestSupport
import Testing

struct JobIDTests {
    @Test(arguments: [
        (1, "000000000001"), (31, "00000000000z"), (32, "000000000010"), (4096, "000000000400"),
        (1 << 60 - 1, "zzzzzzzzzzzz"), (20_107_351, "0000000k5m2q"),
    ])
    func `is twelve digits of Crockford's base 32`(id: UInt64, text: String) {
        #expect(JobID(rawValue: id).description == text)
        #expect(JobID(text)?.rawValue == id)
    }

    @Test func `is read back whatever it is`() {
        var generator = SplitMix(seed: 7)
        for _ in 0..<1000 {
            let id = JobID(rawValue: generator.next() >> 4 | 1)
            #expect(JobID(id.description) == id)
            #expect(JobID(id.description.uppercased()) == id)
        }
    }

    @Test func `is read with i, l and o for 1, 1 and 0`() {
        #expect(JobID("oOO0000000iL") == JobID("000000000011"))
        #expect(JobID("I00000000000") == JobID("100000000000"))
    }

    @Test(arguments: [
        "", "0", "000000000000", "00000000001", "0000000000001", "00000000000u", "00000000000-",
        "00000000000é", "00000000000 ", "００００００００００００",
    ])
    func `is nothing else`(text: String) {
        #expect(JobID(text) == nil)
    }

    @Test func `sorts as its number does, also as text`() {
        let ids = [1, 31, 32, 1023, 1024, 1 << 59].map { JobID(rawValue: $0) }
        #expect(ids.sorted() == ids)
        #expect(ids.map(\.description).sorted() == ids.map(\.description))
    }
}
