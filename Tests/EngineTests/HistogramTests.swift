import Testing

@testable import Engine

struct HistogramTests {
    @Test(
        arguments: [
            (0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (1_023, 10), (1_024, 11), (.max, 40),
        ] as [(UInt64, Int)])
    func `a time is counted below the next power of two`(_ milliseconds: UInt64, _ step: Int) {
        var histogram = Histogram()
        histogram.count(milliseconds)
        #expect(histogram.steps == Array(repeating: 0, count: step) + [1])
        #expect((histogram.count, histogram.sum) == (1, milliseconds))
    }
}
