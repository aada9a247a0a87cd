/// A `SUBMIT` read where it lies: no string and no array is made, whatever the number of its jobs.
///
/// Not to be kept beyond the closure that lent the reader.
package struct SubmitView {
    /// Checked to be a queue's name.
    package let queue: UnsafeRawBufferPointer
    /// Checked to be a type's name.
    package let type: UnsafeRawBufferPointer
    package let producer: UInt64
    package let sequence: UInt64
    package let floor: UInt64
    package let durability: Durability
    package let isAtomic: Bool
    /// Items of the whole message.
    package let count: Int
    /// For every job of the frame; checked to be in their ranges.
    package let options: SubmitOptions
    /// Another number for other options, of views that were read with the same memo; 0: not known.
    package private(set) var optionsGeneration = 0

    private let items: UnsafeRawBufferPointer
    private var itemsRead = 0
    private var offset = 0

    /// Reads the head and walks over all items, so that a message broken anywhere is refused before
    /// any of its jobs is looked at.
    ///
    /// - Throws: `INVALID_MESSAGE`, `BATCH_TOO_LARGE`, `QUEUE_NAME_INVALID`, `TYPE_INVALID`, `OPTION_INVALID`:
    ///   each refuses the request as a whole.
    package init(from reader: inout WireReader, batchMax: Int = Limits.batchMax) throws(WireError) {
        var memo = SubmitMemo()
        try self.init(from: &reader, batchMax: batchMax, memo: &memo)
    }

    /// - Parameter memo: of messages read before; has this one afterwards.
    package init(
        from reader: inout WireReader, batchMax: Int, memo: inout SubmitMemo
    ) throws(WireError) {
        queue = try reader.bytes8()
        type = try reader.bytes8()
        producer = try reader.u64()
        sequence = try reader.u64()
        floor = try reader.u64()
        durability = try reader.named("durability")
        isAtomic = try reader.flags(known: 1) == 1
        count = Int(try reader.u16())

        let begin = reader.offset
        for _ in 0..<count { try SubmitItemView.skip(&reader) }
        items = reader.passed(from: begin)
        let optionBytes = reader.ahead
        let isKnown = memo.knows(queue: queue, type: type, options: optionBytes)
        options = isKnown ? memo.options : try SubmitOptions(from: &reader)
        if isKnown { _ = reader.rest() }
        try reader.expectEnd()

        guard (1...batchMax).contains(count) else {
            throw .batchTooLarge(actual: count, limit: batchMax)
        }
        if !isKnown {
            try Names.check(queue: queue)
            try Names.check(type: type)
            if !options.isEmpty, let refusal = options.refusal { throw refusal }
            guard memo.note(self, optionBytes: optionBytes) else { return }
        }
        optionsGeneration = memo.generation
    }

    /// The next job; `nil` after the last.
    ///
    /// - Throws: Nothing that `init` has not seen before.
    package mutating func nextItem() throws(WireError) -> SubmitItemView? {
        guard itemsRead < count else { return nil }
        var reader = WireReader(items, from: offset, to: items.count)
        var item = try SubmitItemView(from: &reader)
        if let own = item.ownOptions { item.ownOptions = own.filled(from: options) }
        itemsRead += 1
        offset = reader.offset
        return item
    }
}

/// One job of a `SUBMIT`; not to be kept.
package struct SubmitItemView {
    package let payload: PayloadView
    /// What it says of itself, and what the frame says where it does not; nil: its options are the frame's, which have
    /// been checked with the frame.
    package fileprivate(set) var ownOptions: SubmitOptions?

    init(from reader: inout WireReader) throws(WireError) {
        payload = try reader.payload()
        let length = Int(try reader.u16())
        guard length > 0 else { return }
        var part = try reader.part(length)
        ownOptions = try SubmitOptions(from: &part)
    }

    static func skip(_ reader: inout WireReader) throws(WireError) {
        _ = try reader.payload()
        let length = Int(try reader.u16())
        if length > 0 {
            var part = try reader.part(length)
            _ = try SubmitOptions(from: &part)
        }
    }

    /// Why this job can't be taken, or `nil` when it can. Reads all of the payload.
    package func refusal(payloadBytesMax: Int = Limits.payloadBytesMax) -> WireError? {
        payload.refusal(bytesMax: payloadBytesMax) ?? ownOptions?.refusal
    }
}
