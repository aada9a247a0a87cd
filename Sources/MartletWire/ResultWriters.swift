package import NIOCore

/// Writes a `SUBMITTED` straight into a connection's buffer, item by item; neighbours of the same fate become one run.
///
/// The buffer must be the same in every call, and nothing else may be written to it or read from it before `finish`.
package struct SubmittedWriter: ~Copyable {
    private var frame: RunFrame
    private var pending: Submitted.Run?

    package init(
        to buffer: inout ByteBuffer, requestID: UInt64, channel: UInt16 = 0, durability: Durability,
        isRepeated: Bool = false
    ) {
        let start = buffer.beginFrame(.submitted, requestID: requestID, channel: channel)
        buffer.writeLittle(durability.rawValue)
        buffer.writeLittle(UInt8(isRepeated ? 1 : 0))
        frame = RunFrame(at: start, to: &buffer)
    }

    /// The next `count` items became jobs whose ids begin with `first` and follow by one.
    package mutating func accept(_ first: JobID, count: Int = 1, to buffer: inout ByteBuffer) {
        frame.items += count
        if case .accepted(let begin, let earlier) = pending,
            begin.rawValue + UInt64(earlier) == first.rawValue
        {
            pending = .accepted(first: begin, count: earlier + UInt16(count))
        } else {
            flush(to: &buffer)
            pending = .accepted(first: first, count: UInt16(count))
        }
    }

    /// The next `count` items were refused.
    package mutating func refuse(_ error: WireError, count: Int = 1, to buffer: inout ByteBuffer) {
        frame.items += count
        if case .refused(error, let earlier) = pending {
            pending = .refused(error, count: earlier + UInt16(count))
        } else {
            flush(to: &buffer)
            pending = .refused(error, count: UInt16(count))
        }
    }

    package consuming func finish(in buffer: inout ByteBuffer) {
        flush(to: &buffer)
        frame.finish(in: &buffer)
    }

    private mutating func flush(to buffer: inout ByteBuffer) {
        guard let run = pending else { return }
        run.write(to: &buffer)
        frame.runs += 1
    }
}

/// Writes a `SETTLED` straight into a connection's buffer, like `SubmittedWriter`.
package struct SettledWriter: ~Copyable {
    private var frame: RunFrame
    private var pending: Settled.Run?

    package init(to buffer: inout ByteBuffer, requestID: UInt64, channel: UInt16 = 0) {
        let start = buffer.beginFrame(.settled, requestID: requestID, channel: channel)
        frame = RunFrame(at: start, to: &buffer)
    }

    /// The next `count` items were carried out (`error` is `nil`) or refused.
    package mutating func append(_ error: WireError?, count: Int = 1, to buffer: inout ByteBuffer) {
        frame.items += count
        if let run = pending, run.error == error {
            pending = Settled.Run(count: run.count + UInt16(count), error: error)
        } else {
            flush(to: &buffer)
            pending = Settled.Run(count: UInt16(count), error: error)
        }
    }

    package consuming func finish(in buffer: inout ByteBuffer) {
        flush(to: &buffer)
        frame.finish(in: &buffer)
    }

    private mutating func flush(to buffer: inout ByteBuffer) {
        guard let run = pending else { return }
        run.write(to: &buffer)
        frame.runs += 1
    }
}

/// A frame whose item and run counts are known at its end only.
private struct RunFrame {
    var items = 0
    var runs = 0
    private let start: Int
    private let countsIndex: Int

    init(at start: Int, to buffer: inout ByteBuffer) {
        self.start = start
        countsIndex = buffer.writerIndex
        buffer.writeMultipleIntegers(UInt16(0), UInt16(0), endianness: .little)
    }

    func finish(in buffer: inout ByteBuffer) {
        buffer.setInteger(UInt16(items), at: countsIndex, endianness: .little)
        buffer.setInteger(UInt16(runs), at: countsIndex + 2, endianness: .little)
        buffer.endFrame(at: start)
    }
}
