import NIOCore

/// The sequence numbers of one producer's submissions: which are under way, and the lowest of them.
///
/// A submission keeps its number over any number of connections until it is answered or given
/// up; that is how the server tells a repetition from a new one. `floor` tells the server which
/// answers it may forget.
struct SubmissionWindow {
    /// Names the program's run to the server; never zero, which means "no producer".
    let producer: UInt64
    /// Every number below has been closed.
    private(set) var floor: UInt64 = 1
    /// Most numbers from `floor` on: the server refuses those beyond.
    private let capacity: Int
    /// Whether `floor + index` has been closed.
    private var isClosed: CircularBuffer<Bool> = []

    init(producer: UInt64, capacity: Int) {
        precondition(producer != 0 && capacity > 0)
        self.producer = producer
        self.capacity = capacity
    }

    /// The next number; nil while the window is full.
    mutating func open() -> UInt64? {
        guard isClosed.count < capacity else { return nil }
        isClosed.append(false)
        return floor + UInt64(isClosed.count - 1)
    }

    /// The submission was answered, or nobody will send it again.
    ///
    /// - Returns: by how much the floor moved: there is room for so many more.
    mutating func close(_ sequence: UInt64) -> Int {
        precondition(sequence >= floor, "a sequence number is closed once")
        let index = Int(sequence - floor)
        precondition(
            index < isClosed.count && !isClosed[offset: index], "a sequence number is closed once")
        isClosed[offset: index] = true
        let closed = isClosed.prefix { $0 }.count
        isClosed.removeFirst(closed)
        floor += UInt64(closed)
        return closed
    }
}
