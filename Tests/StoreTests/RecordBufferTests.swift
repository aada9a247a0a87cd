import Testing

@testable import Store

/// A record's checksum is put together from the check values of its rows.
struct RecordBufferTests {
    private let log = LogID(high: 7, low: 0x0123_4567_89ab_cdef)

    /// Adds a row of so many bytes, as a stage does.
    private func put(_ valueCount: Int, keyCount: Int, in buffer: RecordBuffer) {
        let at = buffer.next(keyCount: keyCount)
        let whole = buffer.count + Mutation.headerSize + keyCount + valueCount
        buffer.grow(keeping: at - buffer.base, room: whole + CheckValue.size)
        let key = buffer.base + buffer.count + Mutation.headerSize
        for offset in 0..<keyCount + valueCount {
            key.storeBytes(
                of: UInt8(truncatingIfNeeded: offset &* 31 &+ valueCount), toByteOffset: offset,
                as: UInt8.self)
        }
        let check = CheckValue.of(.jobs, keyAt: key, keyCount: keyCount, valueCount: valueCount)
        (key + keyCount).store(check, at: valueCount)
        let mutation = Mutation(
            .put, table: Table.jobs.id, keyCount: keyCount,
            valueCount: valueCount + CheckValue.size)
        buffer.finish(mutation, check: check)
    }

    private func delete(keyCount: Int, in buffer: RecordBuffer) {
        let key = buffer.next(keyCount: keyCount) + Mutation.headerSize
        key.initializeMemory(as: UInt8.self, repeating: 0xa5, count: keyCount)
        buffer.finish(
            Mutation(.delete, table: Table.jobs.id, keyCount: keyCount, valueCount: 0))
    }

    private func isSealedRight(_ buffer: RecordBuffer) -> Bool {
        let checksum = buffer.seal(turn: 3, previous: 0x1234_5678, log)
        let header = RecordHeader(buffer.blocks, log)
        return header?.verified(buffer.blocks, log) == checksum
    }

    @Test func `a record matches its checksum, whatever the length of a row`() {
        let buffer = RecordBuffer()
        for length in [0..<300, 1_980..<2_090, 4_090..<4_100].joined() {
            put(length, keyCount: 1 + length % 40, in: buffer)
            #expect(isSealedRight(buffer), "\(length) bytes")
            buffer.clear()
        }
    }

    @Test func `a record matches its checksum, however many changes it has`() {
        let buffer = RecordBuffer()
        for changes in [0, 1, 2, 3, 500] {
            for change in 0..<changes {
                put(change * 7, keyCount: 8, in: buffer)
                if change % 3 == 1 { delete(keyCount: 13, in: buffer) }
            }
            #expect(isSealedRight(buffer), "\(changes) changes")
            buffer.clear()
        }
    }
}
