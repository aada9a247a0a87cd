/// A row in a blob file, as it was when it was put there.
struct BlobRecord {
    let table: UInt8
    let key: UnsafeRawBufferPointer
    /// With its check value.
    let value: UnsafeRawBufferPointer
    let reference: BlobReference
    /// Where the record ends, and how long it is.
    let end: Int
    let bytes: Int

    /// The record at a place, or behind the zeros that follow it. Nil at the end, and where there is no record.
    init?(of file: BlobFile, at place: Int) {
        var offset = place
        let written = min(file.end, file.size)
        while let rest = file.bytes(at: offset, count: written - offset), rest.count > 0 {
            guard rest[0] != 0 else {
                offset = LogFormat.blocks(offset + 1)
                continue
            }
            guard let row = Mutation(rest), row.operation == .put else { return nil }
            table = row.table
            let keyEnd = Mutation.headerSize + row.keyCount
            key = UnsafeRawBufferPointer(rebasing: rest[Mutation.headerSize..<keyEnd])
            value = UnsafeRawBufferPointer(rebasing: rest[keyEnd..<row.size])
            reference = BlobReference(
                file: file.number, offset: UInt32(offset + keyEnd), count: UInt32(row.valueCount))
            end = offset + row.size
            bytes = row.size
            return
        }
        return nil
    }
}
