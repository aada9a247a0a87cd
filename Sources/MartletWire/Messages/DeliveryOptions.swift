package import NIOCore

/// What a delivery says beside its fixed fields and its payload.
package struct DeliveryOptions: Equatable, Sendable {
    package var headers: JobHeaders?
    /// The last one of an earlier attempt.
    package var checkpoint: ByteBuffer?
    /// After that long the handler is to be stopped and the job failed with class `Timeout`.
    package var timeoutMilliseconds: UInt32?
    package var tags: JobTags?
    package var priority: UInt8

    package init(
        headers: JobHeaders? = nil, checkpoint: ByteBuffer? = nil,
        timeoutMilliseconds: UInt32? = nil, tags: JobTags? = nil,
        priority: UInt8 = Limits.priorityDefault
    ) {
        self.headers = headers
        self.checkpoint = checkpoint
        self.timeoutMilliseconds = timeoutMilliseconds
        self.tags = tags
        self.priority = priority
    }

    /// Reads to the end of `reader`.
    package init(from reader: inout WireReader) throws(WireError) {
        self.init()
        guard reader.left > 0 else { return }
        var read = DeliveryOptions()
        try reader.options { (tag, option) throws(WireError) in
            switch tag {
            case 1: read.headers = try JobHeaders(from: &option)
            case 2: read.checkpoint = ByteBuffer(bytes: option.rest())
            case 3: read.timeoutMilliseconds = try option.u32()
            case 4: read.tags = try JobTags(from: &option)
            case 5: read.priority = try option.u8()
            default: option.skip()
            }
        }
        self = read
    }

    package func write(to buffer: inout ByteBuffer) {
        if let headers { buffer.writeOption(1) { $0.writeBytes(headers.bytes) } }
        if let checkpoint { buffer.writeOption(2) { $0.writeImmutableBuffer(checkpoint) } }
        buffer.writeOption(3, timeoutMilliseconds)
        if let tags { buffer.writeOption(4) { $0.writeBytes(tags.bytes) } }
        if priority != Limits.priorityDefault { buffer.writeOption(5, priority) }
    }
}

/// A delivery's options where they lie, for `JobsWriter`; what is empty or 0 is not said.
package struct DeliveryOptionsView {
    /// As the wire carries them.
    package var headers = UnsafeRawBufferPointer(start: nil, count: 0)
    package var checkpoint = UnsafeRawBufferPointer(start: nil, count: 0)
    package var timeoutMilliseconds: UInt32 = 0
    /// As the wire carries them.
    package var tags = UnsafeRawBufferPointer(start: nil, count: 0)
    package var priority = Limits.priorityDefault

    package init() {}

    func write(to buffer: inout ByteBuffer) {
        writeBytes(headers, tag: 1, to: &buffer)
        writeBytes(checkpoint, tag: 2, to: &buffer)
        if timeoutMilliseconds != 0 { buffer.writeOption(3, timeoutMilliseconds) }
        writeBytes(tags, tag: 4, to: &buffer)
        if priority != Limits.priorityDefault { buffer.writeOption(5, priority) }
    }

    private func writeBytes(
        _ bytes: UnsafeRawBufferPointer, tag: UInt16, to buffer: inout ByteBuffer
    ) {
        if !bytes.isEmpty { buffer.writeOption(tag) { $0.writeBytes(bytes) } }
    }
}
