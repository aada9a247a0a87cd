import Store

/// How often something took how long, in steps that double: step n counts what took less than 2ⁿ
/// milliseconds and did not fit the step before it; the last holds the rest.
package struct Histogram: Sendable, Equatable {
    /// The last but one ends after 17 years.
    package static let stepsMax = 41
    /// By step, as many as were ever counted in.
    package private(set) var steps: [UInt64] = []
    /// Milliseconds of all together.
    package private(set) var sum: UInt64 = 0

    package init() {}

    /// How often it was counted.
    package var count: UInt64 { steps.reduce(0, +) }

    mutating func count(_ milliseconds: UInt64, times: UInt64 = 1) {
        let step = min(64 - milliseconds.leadingZeroBitCount, Histogram.stepsMax - 1)
        while steps.count <= step { steps.append(0) }
        steps[step] += times
        sum &+= milliseconds &* times
    }

    init(from reader: inout RowReader) throws(StoreError) {
        sum = try reader.u64()
        for _ in 0..<(try reader.u8()) { steps.append(try reader.u64()) }
    }

    func write(to writer: inout RowWriter) {
        writer.u64(sum)
        writer.u8(UInt8(steps.count))
        for count in steps { writer.u64(count) }
    }
}

/// Times of the jobs of one type in one queue, in milliseconds.
package struct JobTimes: Sendable, Equatable {
    package var type: String
    /// From when a job could run to when its last attempt began.
    package var wait = Histogram()
    /// Of the last attempt.
    package var run = Histogram()
    /// From the submission to the end.
    package var total = Histogram()
}

/// Times of all queues and types, mirrored in memory and written at most once a second: a crash loses
/// what was counted since.
struct TimesBook {
    private struct Page: Hashable {
        var queue: UInt32
        var type: UInt64
    }

    private struct Entry {
        var page: Page
        var times: JobTimes
        var isChanged = false
    }

    private static let writeMilliseconds: UInt64 = 1_000

    private var entries: [Entry] = []
    private var places: [Page: Int] = [:]
    private var changed: [Int] = []
    private var writtenAt: UInt64 = 0
    /// What was counted last: mostly what is counted next.
    private var last: (page: Page, place: Int)?

    init() {}

    /// - Parameter damaged: the rows that could not be read.
    init(reading rows: borrowing Transaction, _ damaged: inout [DamagedRow]) throws {
        var found: [Entry] = []
        damaged = try rows.survey(Tables.times) { key, reader in
            let page = Page(queue: try key.u32(), type: try key.u64())
            let times = JobTimes(
                type: try reader.string8(), wait: try Histogram(from: &reader),
                run: try Histogram(from: &reader), total: try Histogram(from: &reader))
            found.append(Entry(page: page, times: times))
        }
        for entry in found { add(entry) }
    }

    /// Counts jobs that took equally long.
    /// - Parameter type: UTF-8, at most 255 bytes.
    mutating func count(
        _ jobs: UInt64, queue: UInt32, type: UnsafeRawBufferPointer, wait: UInt64, run: UInt64,
        total: UInt64
    ) {
        let place = place(of: Page(queue: queue, type: hashed(type)), type)
        entries[place].times.wait.count(wait, times: jobs)
        entries[place].times.run.count(run, times: jobs)
        entries[place].times.total.count(total, times: jobs)
        guard !entries[place].isChanged else { return }
        entries[place].isChanged = true
        changed.append(place)
    }

    /// When there is something to write; nil: nothing is, or it is written in the turn of `now`.
    func due(after now: UInt64) -> UInt64? { dueAt.flatMap { $0 > now ? $0 : nil } }

    private var dueAt: UInt64? {
        changed.isEmpty ? nil : writtenAt + TimesBook.writeMilliseconds
    }

    /// Writes what was counted, unless it did so less than a second ago.
    mutating func write(at now: UInt64, _ rows: borrowing Transaction) throws {
        guard let dueAt, dueAt <= now else { return }
        for place in changed where places[entries[place].page] == place {
            let times = entries[place].times
            let page = entries[place].page
            try rows.put(Tables.times, .times(page.queue, page.type)) { writer in
                writer.string8(times.type)
                times.wait.write(to: &writer)
                times.run.write(to: &writer)
                times.total.write(to: &writer)
            }
            entries[place].isChanged = false
        }
        changed.removeAll(keepingCapacity: true)
        writtenAt = now
    }

    /// In ascending order of type names.
    func times(ofQueue queue: UInt32) -> [JobTimes] {
        places.filter { $0.key.queue == queue }.map { entries[$0.value].times }
            .sorted { $0.type < $1.type }
    }

    mutating func forget(queue: UInt32, _ rows: borrowing Transaction) throws {
        for page in places.keys.filter({ $0.queue == queue }) {
            _ = try rows.delete(Tables.times, .times(page.queue, page.type))
            places[page] = nil
        }
        last = nil
    }

    private mutating func place(of page: Page, _ type: UnsafeRawBufferPointer) -> Int {
        if let last, last.page == page { return last.place }
        let place: Int
        if let known = places[page] {
            place = known
        } else if places.count < EngineLimits.timedTypesMax || page.type == 0 {
            add(Entry(page: page, times: JobTimes(type: String(decoding: type, as: UTF8.self))))
            place = entries.count - 1
        } else {
            // All types beyond the limit are counted together, under an empty name.
            return self.place(of: Page(queue: page.queue, type: 0), .none)
        }
        last = (page, place)
        return place
    }

    private mutating func add(_ entry: Entry) {
        places[entry.page] = entries.count
        entries.append(entry)
    }
}

extension Key {
    static func times(_ queue: UInt32, _ type: UInt64) -> Key {
        Key().adding(u32: queue).adding(u64: type)
    }
}
