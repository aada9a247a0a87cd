import Store

/// The row of one job, by which those of jobs submitted alike are known.
///
/// Jobs that were submitted together differ in their payloads alone: a batch is read by its first row, and from
/// there on by comparing bytes, at a fraction of what reading each would cost. Owned by the engine; holds one row
/// at a time.
final class JobPattern {
    private let memory: UnsafeMutableRawPointer
    /// Bytes in front of the payload; 0: no row was learnt.
    private var count = 0
    private(set) var payloadPlace = JobRow.Place.row

    /// What is longer is read row by row: large tags and headers, which differ mostly.
    private static let capacity = 512

    init() {
        memory = .allocate(byteCount: JobPattern.capacity, alignment: 8)
    }

    deinit { memory.deallocate() }

    func forget() { count = 0 }

    /// Takes a row for those that come, if it has nothing but options and its payload: the row's other byte
    /// strings lie here from then on, until the next row is learnt.
    /// - Parameter bytes: those that the row was read from.
    /// - Returns: whether it was taken.
    func learn(_ row: inout JobRow, from bytes: UnsafeRawBufferPointer) -> Bool {
        count = 0
        let before = bytes.count - row.payload.bytes.count
        guard row.isSimple, before <= JobPattern.capacity else { return false }
        let start = UnsafeRawPointer(memory)
        let front = UnsafeRawBufferPointer(rebasing: bytes[..<before])
        UnsafeMutableRawBufferPointer(start: memory, count: before).copyMemory(from: front)
        row.type = UnsafeRawBufferPointer(
            start: start + JobRow.typeOffset, count: row.type.count)
        let options =
            start + JobRow.typeOffset + row.type.count + (row.payload.hasDictionary ? 4 : 0)
        row.keepOptions { UnsafeRawBufferPointer(start: options, count: $0.count) }
        count = before
        payloadPlace = row.payloadPlace
        return true
    }

    /// Writes the row of a job that differs from the one learnt in its payload alone.
    func write(_ payload: StoredPayload, to writer: inout RowWriter) {
        let length = UInt32(payload.bytes.count)
        memory.storeBytes(of: payload.codec, toByteOffset: JobRow.codecOffset, as: UInt8.self)
        store(payload.rawBytes, at: JobRow.payloadSumOffset)
        store(payload.checksum, at: JobRow.payloadSumOffset + 4)
        store(length, at: JobRow.payloadSumOffset + 8)
        writer.bytes(UnsafeRawBufferPointer(start: memory, count: count))
        writer.bytes(payload.bytes.last(payloadPlace.bytesInRow(of: length)))
    }

    private func store(_ value: UInt32, at offset: Int) {
        memory.storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
    }

    /// The payload of a row that differs from the one learnt in nothing else, with those of its bytes that are in
    /// the row, and the number of all; nil when it does.
    func payload(
        of row: UnsafeRawBufferPointer
    ) -> (payload: StoredPayload, byteCount: UInt32)? {
        guard count > 0, row.count >= count, let start = row.baseAddress else { return nil }
        let rest = JobRow.payloadSumEnd
        guard isLearnt(start, 0, JobRow.payloadSumOffset),
            isLearnt(start, rest, count - rest)
        else { return nil }
        let bytes = row.count - count
        let byteCount = row.littleEndian(JobRow.payloadSumOffset + 8, as: UInt32.self)
        guard bytes == payloadPlace.bytesInRow(of: byteCount) else { return nil }
        let payload = StoredPayload(
            codec: row[JobRow.codecOffset],
            rawBytes: row.littleEndian(JobRow.payloadSumOffset, as: UInt32.self),
            checksum: row.littleEndian(JobRow.payloadSumOffset + 4, as: UInt32.self),
            bytes: UnsafeRawBufferPointer(start: start + count, count: bytes))
        return (payload, byteCount)
    }

    /// - Parameter length: at least 8.
    private func isLearnt(_ row: UnsafeRawPointer, _ offset: Int, _ length: Int) -> Bool {
        let last = offset + length - 8
        var at = offset
        while at < last {
            guard isLearnt(row, at) else { return false }
            at += 8
        }
        return isLearnt(row, last)
    }

    /// Eight bytes.
    @inline(__always)
    private func isLearnt(_ row: UnsafeRawPointer, _ offset: Int) -> Bool {
        row.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            == memory.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }
}

extension JobRow {
    static let codecOffset = 3
    /// Where the row says how long the payload is, raw and as stored, and its checksum.
    static let payloadSumOffset = 16
    static let payloadSumEnd = 28
    static let typeOffset = 37

    /// Whether the row holds a job that has not run yet, with its payload, and nothing beside it but options.
    var isSimple: Bool {
        state == .waiting && history == nil && !hasNotes && result == nil
            && payloadPlace != .dropped && stagedPayload == nil
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    fileprivate func littleEndian<T: FixedWidthInteger>(_ offset: Int, as type: T.Type) -> T {
        T(littleEndian: loadUnaligned(fromByteOffset: offset, as: T.self))
    }
}
