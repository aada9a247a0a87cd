/// One change of one row inside a record; the key and the value (with its check value) follow it.
///
///     u8 operation  u8 table  u16 key length  u32 value length
struct Mutation {
    static let headerSize = 8

    enum Operation: UInt8 {
        case put = 1
        case delete = 2
    }

    var operation: Operation
    var table: UInt8
    var keyCount: Int
    var valueCount: Int

    var size: Int { Mutation.headerSize + keyCount + valueCount }

    func encode(at: UnsafeMutableRawPointer) {
        let lengths = UInt64(UInt16(keyCount)) << 16 | UInt64(UInt32(valueCount)) << 32
        at.store(UInt64(operation.rawValue) | UInt64(table) << 8 | lengths, at: 0)
    }

    /// nil when `bytes` don't hold a whole mutation.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Mutation.headerSize, let at = bytes.baseAddress,
            let operation = Operation(rawValue: at.field(0, UInt8.self))
        else { return nil }
        self.operation = operation
        table = at.field(1, UInt8.self)
        keyCount = Int(at.field(2, UInt16.self))
        valueCount = Int(at.field(4, UInt32.self))
        guard size <= bytes.count else { return nil }
    }

    init(_ operation: Operation, table: UInt8, keyCount: Int, valueCount: Int) {
        self.operation = operation
        self.table = table
        self.keyCount = keyCount
        self.valueCount = valueCount
    }
}
