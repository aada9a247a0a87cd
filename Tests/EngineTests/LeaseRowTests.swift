import Testing

@testable import Engine

/// The set of jobs in a lease row.
@Suite struct LeaseRowTests {
    private let edges: [UInt64] = [0, 1, 62, 63, 64, 65, 127, 128, 447, 448, 510, 511]

    @Test func `a set holds what was put in and not taken out`() {
        var set = JobSet()
        #expect(set.isEmpty)
        #expect(set.first == nil)
        for offset in edges { set.insert(offset) }
        #expect(set.offsets == edges)
        #expect(set.count == edges.count)
        #expect(!set.contains(2))
        #expect(!set.contains(512))
        #expect(!set.contains(.max))
        for offset in edges.dropLast() {
            #expect(set.first == offset)
            set.remove(offset)
        }
        #expect(set == [511])
        #expect(set.wordsUsed == 8)
        set.remove(511)
        #expect(set.isEmpty)
    }

    @Test func `runs are put in, counted and taken out`() {
        var set = JobSet()
        set.insert(60..<512)
        #expect(set.count == 452)
        #expect(set.count(from: 59, atMost: 9) == 0)
        #expect(set.count(from: 60, atMost: 9) == 9)
        #expect(set.count(from: 60, atMost: 1_000) == 452)
        set.remove(64..<128)
        #expect(set.count(from: 60, atMost: 1_000) == 4)
        #expect(set.contains(128) && !set.contains(127))
    }

    @Test func `sets meet, part and move`() {
        let one: JobSet = [3, 64, 200, 511]
        let other: JobSet = [3, 65, 511]
        #expect(one.intersection(other) == [3, 511])
        #expect(one.subtracting(other) == [64, 200])
        #expect(one.shifted(down: 3) == [0, 61, 197, 508])
    }
}
