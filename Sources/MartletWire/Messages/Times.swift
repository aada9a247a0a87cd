package import NIOCore

/// Asks how long a queue's jobs took.
package struct Times: Message {
    package static let opcode = Opcode.times

    package var queue: String

    package init(queue: String) { self.queue = queue }

    package init(from reader: inout WireReader) throws(WireError) { queue = try reader.text8() }

    package func write(to buffer: inout ByteBuffer) { buffer.writeText8(queue) }
}

/// How long the jobs of each type of a queue took.
package struct TimesPage: Message {
    package static let opcode = Opcode.timesPage

    package var types: [TypeTimes]

    package init(types: [TypeTimes]) { self.types = types }

    package init(from reader: inout WireReader) throws(WireError) {
        types = []
        for _ in 0..<(try reader.u16()) { types.append(try TypeTimes(from: &reader)) }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(UInt16(types.count))
        for type in types { type.write(to: &buffer) }
    }
}

package struct TypeTimes: Equatable, Sendable {
    /// Empty: the types that are not counted apart.
    package var type: String
    /// Submitted or due to delivered.
    package var wait: TimeHistogram
    /// Delivered to settled.
    package var run: TimeHistogram
    /// Submitted to finished.
    package var total: TimeHistogram

    package init(type: String, wait: TimeHistogram, run: TimeHistogram, total: TimeHistogram) {
        self.type = type
        self.wait = wait
        self.run = run
        self.total = total
    }

    init(from reader: inout WireReader) throws(WireError) {
        type = try reader.text8()
        wait = try TimeHistogram(from: &reader)
        run = try TimeHistogram(from: &reader)
        total = try TimeHistogram(from: &reader)
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeText8(type)
        wait.write(to: &buffer)
        run.write(to: &buffer)
        total.write(to: &buffer)
    }
}

/// How often which time was taken.
package struct TimeHistogram: Equatable, Sendable {
    package var count: UInt64
    package var sumMilliseconds: UInt64
    /// Number n: jobs whose time was below 2ⁿ milliseconds and not below the bucket before; the last
    /// holds the rest. At most 255.
    package var buckets: [UInt64]

    package init(count: UInt64 = 0, sumMilliseconds: UInt64 = 0, buckets: [UInt64] = []) {
        self.count = count
        self.sumMilliseconds = sumMilliseconds
        self.buckets = buckets
    }

    init(from reader: inout WireReader) throws(WireError) {
        count = try reader.u64()
        sumMilliseconds = try reader.u64()
        buckets = []
        for _ in 0..<(try reader.u8()) { buckets.append(try reader.u64()) }
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(
            count, sumMilliseconds, UInt8(buckets.count), endianness: .little)
        for bucket in buckets { buffer.writeLittle(bucket) }
    }
}
