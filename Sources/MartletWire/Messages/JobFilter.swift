package import NIOCore

/// Which jobs, beside queue and states; a job must match all that is said.
package struct JobFilter: Equatable, Sendable {
    package var type: String?
    package var tag: String?
    /// The unique key.
    package var unique: String?
    package var ids: ClosedRange<UInt64>?
    /// Of the error that the job died of.
    package var fingerprint: UInt64?
    /// Running at the worker with this session.
    package var session: UInt64?
    /// Running at a worker that is connected and said in `HELLO` that it is this one, `HOST/PROCESS`.
    package var worker: String?
    /// Created at or after, in milliseconds since 1970.
    package var since: UInt64?
    /// Created before, in milliseconds since 1970.
    package var until: UInt64?

    package init(
        type: String? = nil, tag: String? = nil, unique: String? = nil,
        ids: ClosedRange<UInt64>? = nil, fingerprint: UInt64? = nil, session: UInt64? = nil,
        since: UInt64? = nil, until: UInt64? = nil,
        worker: String? = nil
    ) {
        self.type = type
        self.tag = tag
        self.unique = unique
        self.ids = ids
        self.fingerprint = fingerprint
        self.session = session
        self.since = since
        self.until = until
        self.worker = worker
    }

    package var isEmpty: Bool { self == JobFilter() }

    /// Reads options to the end of `reader`.
    package init(from reader: inout WireReader) throws(WireError) {
        var filter = JobFilter()
        try reader.options { (tag, option) throws(WireError) in
            try filter.read(tag, &option)
        }
        self = filter
    }

    /// Reads the option `tag`, or skips it when it is no filter's.
    mutating func read(_ tag: UInt16, _ option: inout WireReader) throws(WireError) {
        switch tag {
        case 1: type = try option.text("type", bytesMax: Limits.typeBytesMax)
        case 2: self.tag = try option.text("tag", bytesMax: Limits.tagBytesMax)
        case 3: unique = try option.text("unique", bytesMax: Limits.uniqueKeyBytesMax)
        case 4: ids = try option.idRange()
        case 5: fingerprint = try option.u64()
        case 6: session = try option.u64()
        case 7: since = try option.u64()
        case 8: until = try option.u64()
        case 9: worker = try option.text("worker", bytesMax: Limits.workerBytesMax)
        default: option.skip()
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeOption(1, type)
        buffer.writeOption(2, tag)
        buffer.writeOption(3, unique)
        if let ids {
            buffer.writeOption(4) {
                $0.writeMultipleIntegers(ids.lowerBound, ids.upperBound, endianness: .little)
            }
        }
        buffer.writeOption(5, fingerprint)
        buffer.writeOption(6, session)
        buffer.writeOption(7, since)
        buffer.writeOption(8, until)
        buffer.writeOption(9, worker)
    }
}

extension WireReader {
    /// A text to the end, as in an option, of which more than `bytesMax` are `OPTION_INVALID`.
    mutating func text(_ name: String, bytesMax: Int) throws(WireError) -> String {
        if let refusal = refusal("\(name)'s length", UInt64(left), 0...UInt64(bytesMax)) {
            throw refusal
        }
        return try restText()
    }

    fileprivate mutating func idRange() throws(WireError) -> ClosedRange<UInt64> {
        let first = try u64()
        let last = try u64()
        guard first <= last else { throw .optionInvalid("the range of ids ends before it begins") }
        return first...last
    }
}
