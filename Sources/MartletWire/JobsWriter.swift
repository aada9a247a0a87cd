package import NIOCore

/// Collects deliveries into one `JOBS` message. Kept and used again, so that a push allocates nothing.
package struct JobsWriter: ~Copyable {
    /// Deliveries added since `begin`.
    package private(set) var count = 0

    private var subscription: UInt32 = 0
    private var token: UInt64 = 0
    private var leaseMilliseconds: UInt32 = 0
    private var types = ByteBuffer()
    /// Where each type's name lies in `types`.
    private var typeNames: [Range<Int>] = []
    /// With `frontBytes` before the first of them.
    private var deliveries = ByteBuffer()
    private var head = ByteBuffer()

    package init() {}

    package mutating func begin(subscription: UInt32, token: UInt64, leaseMilliseconds: UInt32) {
        self.subscription = subscription
        self.token = token
        self.leaseMilliseconds = leaseMilliseconds
        count = 0
        types.clear()
        typeNames.removeAll(keepingCapacity: true)
        deliveries.clear(minimumCapacity: JobsWriter.frontBytes)
        deliveries.moveWriterIndex(to: JobsWriter.frontBytes)
        deliveries.moveReaderIndex(to: JobsWriter.frontBytes)
    }

    /// Bytes of the message's body so far.
    package var byteCount: Int {
        JobsWriter.headBytes + types.readableBytes + deliveries.readableBytes
    }

    /// - Parameters:
    ///   - fields: Its `type` is set here.
    ///   - type: The name of the job's type.
    ///   - head: Of the whole payload.
    ///   - pieces: What the payload begins with, wherever it lies.
    ///   - rest: What of the payload is behind them.
    ///   - options: `nil` for the usual job, which has none.
    package mutating func add(
        _ fields: DeliveryFields, type: UnsafeRawBufferPointer, head: PayloadHead,
        pieces: UnsafeBufferPointer<UnsafeRawBufferPointer> = .init(start: nil, count: 0),
        rest: UnsafeRawBufferPointer, options: DeliveryOptionsView? = nil
    ) {
        precondition(pieces.reduce(rest.count) { $0 + $1.count } == Int(head.byteCount))
        var fields = fields
        fields.type = index(ofType: type)
        let fixedBytes = DeliveryFields.byteCount + PayloadHead.byteCount + noOptions.bitWidth / 8
        deliveries.writeFields(fixedBytes + Int(head.byteCount)) { writer in
            fields.write(to: &writer)
            writer.write(head)
            for piece in pieces { writer.write(piece) }
            writer.write(rest)
            writer.write(noOptions)
        }
        if let options { write(options) }
        count += 1
    }

    /// Writes the frame, or frames, of what was added.
    ///
    /// - Parameter push: The number of this push on its channel, beginning with 1.
    package mutating func finish(push: UInt64, channel: UInt16 = 0, to buffer: inout ByteBuffer) {
        let start = buffer.writerIndex
        writeHead(push, channel)
        buffer.reserveCapacity(minimumWritableBytes: FrameHeader.byteCount + byteCount)
        buffer.writeImmutableBuffer(head)
        buffer.writeImmutableBuffer(deliveries)
        if byteCount > Limits.splitBytes { buffer.endFrame(at: start) }
    }

    /// The frame, or frames, of what was added, in a buffer of their own: the one that the deliveries were written to,
    /// unless that is much larger. `begin` comes next.
    ///
    /// - Parameter push: The number of this push on its channel, beginning with 1.
    package mutating func take(push: UInt64, channel: UInt16 = 0) -> ByteBuffer {
        var frames = ByteBuffer()
        guard byteCount <= Limits.splitBytes, deliveries.capacity <= 2 * deliveries.writerIndex,
            FrameHeader.byteCount + byteCount - deliveries.readableBytes <= JobsWriter.frontBytes
        else {
            finish(push: push, channel: channel, to: &frames)
            return frames
        }
        writeHead(push, channel)
        let start = JobsWriter.frontBytes - head.readableBytes
        deliveries.moveReaderIndex(to: start)
        deliveries.setBuffer(head, at: start)
        swap(&frames, &deliveries)
        deliveries.reserveCapacity(frames.writerIndex)
        return frames
    }

    /// All of the frame that is before its deliveries.
    private mutating func writeHead(_ push: UInt64, _ channel: UInt16) {
        // Out of `self` meanwhile, which the closure reads.
        var head = ByteBuffer()
        swap(&head, &self.head)
        head.clear()
        head.writeFields(FrameHeader.byteCount + byteCount - deliveries.readableBytes) { writer in
            writer.write(
                FrameHeader(
                    length: UInt32(byteCount), opcode: .jobs, channel: channel, requestID: push))
            writer.write(subscription)
            writer.write(token)
            writer.write(leaseMilliseconds)
            writer.write(UInt16(typeNames.count))
            types.withUnsafeReadableBytes { writer.write($0) }
            writer.write(UInt16(count))
        }
        self.head = head
    }

    /// subscription, token, lease, types, count.
    private static let headBytes = 4 + 8 + 4 + 2 + 2

    /// Room for a head in front of the deliveries: one with a few types.
    private static let frontBytes = 512

    /// Types are few in a queue, and neighbours mostly have the same: beyond this many, names are repeated
    /// rather than searched.
    private static let typesSearched = 16

    /// Puts options behind the last delivery, whose end says that there are none.
    private mutating func write(_ options: DeliveryOptionsView) {
        let begin = deliveries.writerIndex
        options.write(to: &deliveries)
        deliveries.setInteger(
            UInt32(deliveries.writerIndex - begin), at: begin - noOptions.bitWidth / 8,
            endianness: .little)
    }

    private mutating func index(ofType name: UnsafeRawBufferPointer) -> UInt16 {
        var index = typeNames.count - 1
        while index >= 0, index >= typeNames.count - JobsWriter.typesSearched {
            if types.holds(name, at: typeNames[index]) { return UInt16(index) }
            index -= 1
        }
        types.writeText8(name)
        typeNames.append(types.writerIndex - name.count..<types.writerIndex)
        return UInt16(typeNames.count - 1)
    }
}

/// The length of a delivery's options where there are none.
private let noOptions: UInt32 = 0

extension ByteBuffer {
    /// Whether `bytes` stand at `range`, in a buffer of which nothing was read.
    fileprivate func holds(_ bytes: UnsafeRawBufferPointer, at range: Range<Int>) -> Bool {
        guard range.count == bytes.count else { return false }
        return withUnsafeReadableBytes {
            for index in 0..<bytes.count where $0[range.lowerBound + index] != bytes[index] {
                return false
            }
            return true
        }
    }
}
