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
        let plain = SettleView.completions(beginning: reader.ahead, atMost: count)
        _ = try reader.bytes(plain * SettleView.completionBytes)
        for _ in plain..<count { _ = try SettlementView(from: &reader) }
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

    /// How many completions without results the items begin with: in these nothing can be wrong.
    private static func completions(
        beginning items: UnsafeRawBufferPointer, atMost count: Int
    ) -> Int {
        var found = 0
        while found < count, (found + 1) * completionBytes <= items.count,
            items.isCompletion(at: found * completionBytes)
        {
            found += 1
        }
        return found
    }

    /// Whether every item was passed.
    package var isAtEnd: Bool { itemsRead == count }

    /// Neighbours that complete consecutive jobs under one token, without results.
    package struct Completions {
        package var first: UInt64 = 0
        package var token: UInt64 = 0
        package var count = 0
    }

    /// As many of the next items as are such; `count` is 0 when the very next is not. None is passed: see `skip`.
    package func completions() -> Completions {
        var run = Completions()
        var at = offset
        while itemsRead + run.count < count {
            guard items.isCompletion(at: at) else { break }
            let id = items.littleEndian(at + 1, as: UInt64.self)
            let token = items.littleEndian(at + 9, as: UInt64.self)
            if run.count == 0 { (run.first, run.token) = (id, token) }
            guard id == run.first &+ UInt64(run.count), token == run.token else { break }
            run.count += 1
            at += SettleView.completionBytes
        }
        return run
    }

    /// Passes the first `count` of `completions`.
    package mutating func skip(completions count: Int) {
        itemsRead += count
        offset += count * SettleView.completionBytes
    }

    /// Bytes of an item without detail.
    private static let completionBytes = 21
}

extension UnsafeRawBufferPointer {
    /// Whether the item there completes a job without a result.
    @inline(__always)
    fileprivate func isCompletion(at offset: Int) -> Bool {
        self[offset] == Outcome.complete.rawValue && littleEndian(offset + 17, as: UInt32.self) == 0
    }

    @inline(__always)
    fileprivate func littleEndian<T: FixedWidthInteger>(_ offset: Int, as type: T.Type) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
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
