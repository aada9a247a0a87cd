/// A `SETTLE` read where it lies.
///
/// Not to be kept beyond the closure that lent the reader.
package struct SettleView {
    /// Items of the whole message.
    package let count: Int

    private let items: UnsafeRawBufferPointer
    private var itemsRead = 0
    private var offset = 0

    /// Walks over all items, so that a message broken anywhere is refused before any of it is carried out.
    ///
    /// - Throws: `INVALID_MESSAGE`, `BATCH_TOO_LARGE`: each refuses the request as a whole.
    package init(from reader: inout WireReader, batchMax: Int = Limits.batchMax) throws(WireError) {
        count = Int(try reader.u16())
        let begin = reader.offset
        for _ in 0..<count { _ = try SettlementView(from: &reader) }
        items = reader.passed(from: begin)
        try reader.expectEnd()
        guard (1...batchMax).contains(count) else {
            throw .batchTooLarge(actual: count, limit: batchMax)
        }
    }

    /// The next settlement; `nil` after the last.
    ///
    /// - Throws: Nothing that `init` has not seen before.
    package mutating func nextItem() throws(WireError) -> SettlementView? {
        guard itemsRead < count else { return nil }
        var reader = WireReader(items, from: offset, to: items.count)
        let item = try SettlementView(from: &reader)
        itemsRead += 1
        offset = reader.offset
        return item
    }
}

/// What is said of one job; not to be kept.
package struct SettlementView {
    package let outcome: Outcome
    package let id: UInt64
    package let token: UInt64
    /// Not looked at yet: what is wrong with it refuses this item alone.
    package let detail: SettlementDetail

    init(from reader: inout WireReader) throws(WireError) {
        outcome = try reader.named("outcome")
        id = try reader.u64()
        token = try reader.u64()
        detail = SettlementDetail(bytes: try reader.bytes32())
    }

    /// Why this item can't be carried out, whatever the job's state, or `nil` when its detail is in order.
    /// Reads all of a result.
    package func refusal(payloadBytesMax: Int = Limits.payloadBytesMax) -> WireError? {
        do throws(WireError) {
            switch outcome {
            case .complete:
                return try detail.result()?.refusal(bytesMax: payloadBytesMax, allowsEmpty: true)
            case .fail: _ = try detail.failure()
            case .release: try detail.none()
            case .extend: _ = try detail.extendMilliseconds()
            }
            return nil
        } catch {
            return error
        }
    }
}
