package import NIOCore

/// What a worker says of jobs it holds.
package struct Settle: Message {
    package static let opcode = Opcode.settle

    /// 1 to `batch_max`.
    package var items: [Settlement]

    package init(items: [Settlement]) { self.items = items }

    package init(from reader: inout WireReader) throws(WireError) {
        items = []
        for _ in 0..<(try reader.u16()) { items.append(try Settlement(from: &reader)) }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(UInt16(items.count))
        for item in items { item.write(to: &buffer) }
    }
}

/// The verbs of a settlement.
package enum Outcome: UInt8, CaseIterable, Sendable {
    case complete = 1
    case fail = 2
    case release = 3
    case extend = 4
}

/// What is said of one job under one lease token.
package struct Settlement: Equatable, Sendable {
    package var id: JobID
    package var token: UInt64
    package var verdict: Verdict

    package enum Verdict: Equatable, Sendable {
        /// Done, with a result or without.
        case complete(Payload?)
        /// What was wrong, and what is to become of the job.
        indirect case fail(JobFailure)
        /// Back to ready, at its old place, unspent.
        case release
        /// The lease ends that long from now, 1,000 to 43,200,000.
        case extend(milliseconds: UInt32)
    }

    package init(id: JobID, token: UInt64, _ verdict: Verdict) {
        self.id = id
        self.token = token
        self.verdict = verdict
    }

    init(from reader: inout WireReader) throws(WireError) {
        let outcome: Outcome = try reader.named("outcome")
        id = JobID(rawValue: try reader.u64())
        token = try reader.u64()
        let detail = SettlementDetail(bytes: try reader.bytes32())
        switch outcome {
        case .complete: verdict = .complete(try detail.result().map { Payload($0) })
        case .fail: verdict = .fail(JobFailure(try detail.failure()))
        case .release:
            try detail.none()
            verdict = .release
        case .extend: verdict = .extend(milliseconds: try detail.extendMilliseconds())
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(outcome.rawValue, id.rawValue, token, endianness: .little)
        buffer.writeSized32 { buffer in
            switch verdict {
            case .complete(let result): if let result { buffer.writePayload(result) }
            case .fail(let failure): failure.write(to: &buffer)
            case .release: break
            case .extend(let milliseconds): buffer.writeLittle(milliseconds)
            }
        }
    }

    package var outcome: Outcome {
        switch verdict {
        case .complete: .complete
        case .fail: .fail
        case .release: .release
        case .extend: .extend
        }
    }
}

/// The detail of a settlement inside a message that is being read; which method fits is said by the outcome.
///
/// Each throws `INVALID_MESSAGE` when the bytes are not what the outcome asks for.
package struct SettlementDetail {
    package let bytes: UnsafeRawBufferPointer

    package init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Of `complete`: the result, or `nil` without one.
    package func result() throws(WireError) -> PayloadView? {
        if bytes.isEmpty { return nil }
        var reader = WireReader(bytes)
        let payload = try reader.payload()
        try reader.expectEnd()
        return payload
    }

    /// Of `fail`.
    package func failure() throws(WireError) -> JobFailureView {
        var reader = WireReader(bytes)
        return try JobFailureView(from: &reader)
    }

    /// Of `release`.
    package func none() throws(WireError) {
        guard bytes.isEmpty else {
            throw .invalidMessage(
                "release has a detail of \(bytes.count.grouped) bytes; it has none")
        }
    }

    /// Of `extend`: how long from now the lease lasts.
    package func extendMilliseconds() throws(WireError) -> UInt32 {
        var reader = WireReader(bytes)
        let milliseconds = try reader.u32()
        try reader.expectEnd()
        try checkLease(milliseconds, "extension")
        return milliseconds
    }
}
