import Store

/// One delivery: the jobs that went to one subscription in one turn, and which of them are not
/// settled. Its key is the first job's id and the lease token; a job of it is one bit.
struct LeaseRow {
    var session: UInt64
    var subscription: UInt32
    var queue: UInt32
    var startedAt: UInt64
    var deadline: UInt64
    /// When its timer fires. An extended lease keeps its timer, which then finds a later deadline.
    var timerAt: UInt64
    /// No end is later, since the job may not run longer; 0: any end may be said.
    var endsAtLatest: UInt64 = 0
    var jobs = JobSet()

    init(
        session: UInt64, subscription: UInt32, queue: UInt32, startedAt: UInt64, deadline: UInt64
    ) {
        self.session = session
        self.subscription = subscription
        self.queue = queue
        self.startedAt = startedAt
        self.deadline = deadline
        timerAt = deadline
    }

    init(from reader: inout RowReader) throws(StoreError) {
        session = try reader.u64()
        subscription = try reader.u32()
        queue = try reader.u32()
        startedAt = try reader.u64()
        deadline = try reader.u64()
        timerAt = try reader.u64()
        endsAtLatest = try reader.u64()
        let words = Int(try reader.u8())
        guard words <= JobSet.words else {
            throw nonsense(Tables.leases, Key(), "a lease of \(words) words")
        }
        for index in 0..<words { jobs.storage[index] = try reader.u64() }
    }

    func write(to writer: inout RowWriter) {
        writer.u64(session)
        writer.u32(subscription)
        writer.u32(queue)
        writer.u64(startedAt)
        writer.u64(deadline)
        writer.u64(timerAt)
        writer.u64(endsAtLatest)
        let words = jobs.wordsUsed
        writer.u8(UInt8(words))
        for index in 0..<words { writer.u64(jobs.storage[index]) }
    }
}

extension LeaseRow {
    func timer(_ key: LeaseKey) -> Timer { Timer(due: timerAt, kind: .lease, key.first, key.token) }

    /// Whether it ends since its job has run as long as it may.
    var hasTimedOut: Bool { endsAtLatest > 0 && deadline >= endsAtLatest }

    /// An end that somebody asks for, as far as it may be.
    func bounded(_ deadline: UInt64) -> UInt64 {
        endsAtLatest > 0 ? min(deadline, endsAtLatest) : deadline
    }

    /// A lease of the same delivery, for some of its jobs and with an end of its own.
    func with(_ jobs: JobSet, until deadline: UInt64) -> LeaseRow {
        var part = self
        part.jobs = jobs
        part.deadline = deadline
        part.timerAt = deadline
        return part
    }
}

/// Jobs of a lease that are to have another end, as offsets from its first.
struct Extension {
    var deadline: UInt64
    var jobs: JobSet
}

/// Key of a lease row.
struct LeaseKey: Hashable {
    var first: UInt64
    var token: UInt64

    var key: Key { .lease(first, token) }

    init(first: UInt64, token: UInt64) {
        self.first = first
        self.token = token
    }

    init(from reader: inout KeyReader) throws(StoreError) {
        first = try reader.u64()
        token = try reader.u64()
    }
}

/// A set of job ids within `EngineLimits.leaseSpanMax` of a first one, as offsets from it.
struct JobSet: Equatable, ExpressibleByArrayLiteral {
    static let words = Int(EngineLimits.leaseSpanMax / 64)

    var storage = InlineArray<8, UInt64>(repeating: 0)

    init() {}

    init(arrayLiteral offsets: UInt64...) {
        for offset in offsets { insert(offset) }
    }

    var isEmpty: Bool { wordsUsed == 0 }

    var wordsUsed: Int {
        var words = JobSet.words
        while words > 0, storage[words - 1] == 0 { words -= 1 }
        return words
    }

    func contains(_ offset: UInt64) -> Bool {
        offset < EngineLimits.leaseSpanMax && storage[Int(offset / 64)] & (1 << (offset % 64)) != 0
    }

    mutating func insert(_ offset: UInt64) {
        precondition(offset < EngineLimits.leaseSpanMax)
        storage[Int(offset / 64)] |= 1 << (offset % 64)
    }

    mutating func insert(_ offsets: Range<UInt64>) {
        for offset in offsets { insert(offset) }
    }

    mutating func remove(_ offset: UInt64) {
        storage[Int(offset / 64)] &= ~(1 << (offset % 64))
    }

    mutating func remove(_ offsets: Range<UInt64>) {
        for offset in offsets { remove(offset) }
    }

    /// How many consecutive offsets from one on are in the set, at most `limit`.
    func count(from offset: UInt64, atMost limit: UInt32) -> UInt32 {
        var count: UInt32 = 0
        while count < limit, contains(offset + UInt64(count)) { count += 1 }
        return count
    }

    func intersection(_ other: JobSet) -> JobSet {
        var result = self
        for word in 0..<JobSet.words { result.storage[word] &= other.storage[word] }
        return result
    }

    func subtracting(_ other: JobSet) -> JobSet {
        var result = self
        for word in 0..<JobSet.words { result.storage[word] &= ~other.storage[word] }
        return result
    }

    /// The smallest offset; nil when the set is empty.
    var first: UInt64? {
        for word in 0..<JobSet.words where storage[word] != 0 {
            return UInt64(word * 64 + storage[word].trailingZeroBitCount)
        }
        return nil
    }

    /// The same jobs as offsets from a first one that is `offset` later.
    func shifted(down offset: UInt64) -> JobSet {
        var result = JobSet()
        for old in offsets { result.insert(old - offset) }
        return result
    }

    var count: Int {
        var count = 0
        for word in 0..<JobSet.words { count += storage[word].nonzeroBitCount }
        return count
    }

    /// The offsets in ascending order.
    var offsets: [UInt64] {
        var result: [UInt64] = []
        for word in 0..<JobSet.words {
            var bits = storage[word]
            while bits != 0 {
                result.append(UInt64(word * 64 + bits.trailingZeroBitCount))
                bits &= bits - 1
            }
        }
        return result
    }

    static func == (one: JobSet, other: JobSet) -> Bool {
        for word in 0..<words where one.storage[word] != other.storage[word] { return false }
        return true
    }
}
