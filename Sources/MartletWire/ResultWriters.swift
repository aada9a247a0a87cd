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
        frame = RunFrame(fixedBytes: 2, in: buffer)
        buffer.writeFields(frame.headBytes) { writer in
            writer.write(
                FrameHeader(length: 0, opcode: .submitted, channel: channel, requestID: requestID))
            writer.write(durability.rawValue)
            writer.write(UInt8(isRepeated ? 1 : 0))
            writer.write(RunFrame.unknownCounts)
        }
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
        frame = RunFrame(fixedBytes: 0, in: buffer)
        buffer.writeFields(frame.headBytes) { writer in
            writer.write(
                FrameHeader(length: 0, opcode: .settled, channel: channel, requestID: requestID))
            writer.write(RunFrame.unknownCounts)
        }
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

/// Writes an `ACTED` straight into a connection's buffer, like `SubmittedWriter`.
package struct ActedWriter: ~Copyable {
    private var frame: RunFrame
    private var pending: Acted.Run?

    package init(to buffer: inout ByteBuffer, requestID: UInt64, channel: UInt16 = 0) {
        frame = RunFrame(fixedBytes: 0, in: buffer)
        buffer.writeFields(frame.headBytes) { writer in
            writer.write(
                FrameHeader(length: 0, opcode: .acted, channel: channel, requestID: requestID))
            writer.write(RunFrame.unknownCounts)
        }
    }

    /// The next job is in `state` now, or gone when `nil`.
    package mutating func done(_ state: JobState?, to buffer: inout ByteBuffer) {
        frame.items += 1
        if case .done(state, let earlier) = pending {
            pending = .done(state, count: earlier + 1)
        } else {
            flush(to: &buffer)
            pending = .done(state, count: 1)
        }
    }

    /// The next job was not changed.
    package mutating func refuse(_ error: WireError, to buffer: inout ByteBuffer) {
        frame.items += 1
        if case .refused(error, let earlier) = pending {
            pending = .refused(error, count: earlier + 1)
        } else {
            flush(to: &buffer)
            pending = .refused(error, count: 1)
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

/// A frame whose item and run counts, two u16 in front of the runs, are known at its end only.
private struct RunFrame {
    /// Stand in the place of both counts until then.
    static let unknownCounts: UInt32 = 0

    var items = 0
    var runs = 0
    private let start: Int
    private let countsIndex: Int

    /// - Parameter fixedBytes: Bytes of the fields between header and counts.
    init(fixedBytes: Int, in buffer: ByteBuffer) {
        start = buffer.writerIndex
        countsIndex = start + FrameHeader.byteCount + fixedBytes
    }

    /// Bytes in front of the first run.
    var headBytes: Int { countsIndex - start + 4 }

    func finish(in buffer: inout ByteBuffer) {
        let counts = UInt32(UInt16(items)) | UInt32(UInt16(runs)) << 16
        buffer.setInteger(counts, at: countsIndex, endianness: .little)
        buffer.endFrame(at: start)
    }
}
