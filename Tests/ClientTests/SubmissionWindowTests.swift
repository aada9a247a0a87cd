import TestSupport
import Testing

@testable import MartletClient

@Suite struct SubmissionWindowTests {
    @Test func `numbers begin with one and ascend`() {
        var window = SubmissionWindow(producer: 1, capacity: 10)
        #expect((1...3).map { _ in window.open() } == [1, 2, 3])
        #expect(window.floor == 1)
    }

    @Test func `the floor is the lowest number that is open`() {
        var window = SubmissionWindow(producer: 1, capacity: 10)
        for _ in 1...4 { _ = window.open() }
        #expect(window.close(2) == 0)
        #expect(window.floor == 1)
        #expect(window.close(1) == 2)
        #expect(window.floor == 3)
        #expect(window.close(4) == 0)
        #expect(window.close(3) == 2)
        #expect(window.floor == 5)
        #expect(window.open() == 5)
    }

    @Test func `a full window opens nothing until its floor moves`() {
        var window = SubmissionWindow(producer: 1, capacity: 3)
        for _ in 1...3 { _ = window.open() }
        #expect(window.open() == nil)
        _ = window.close(3)
        #expect(window.open() == nil)
        _ = window.close(1)
        #expect(window.open() == 4)
        #expect(window.open() == nil)
    }

    @Test(arguments: [1, 42, 4_711] as [UInt64])
    func `the floor is right after any order of opening and closing`(seed: UInt64) {
        var random = SplitMix(seed: seed)
        var window = SubmissionWindow(producer: 1, capacity: 64)
        var open: Set<UInt64> = []
        var last: UInt64 = 0
        for _ in 0..<10_000 {
            if Bool.random(using: &random), let sequence = window.open() {
                #expect(sequence == last + 1)
                last = sequence
                open.insert(sequence)
            } else if let sequence = open.sorted().randomElement(using: &random) {
                open.remove(sequence)
                _ = window.close(sequence)
            }
            #expect(window.floor == open.min() ?? last + 1, "seed \(seed)")
            #expect(last + 1 - window.floor <= 64)
        }
    }
}
