/// The bytes of the redo log. Everything is little-endian.
///
/// A segment is a file of fixed size: a header block, then records, each at the start of a 4 KiB block,
/// so that the block of a durable record is never written again. Numbers of segments and turns are
/// consecutive, records never cross segments, and each record names the checksum of the one before it.
///
/// To change it: raise `version`, and read the older version's records in recovery for one release;
/// the version is in every header, so that a mixed log is told apart record by record.
enum LogFormat {
    static let version: UInt16 = 1
    static let block = 4096
    /// Where a segment's first record begins.
    static let firstRecord = block

    static func blocks(_ bytes: Int) -> Int { (bytes + block - 1) & ~(block - 1) }
}

/// The random name of one store's log. It seeds every checksum and stands in every header, so that
/// nothing a user can put into a payload is taken for a record, nor another store's segment for ours.
struct LogID: Equatable, Sendable {
    let high: UInt64
    let low: UInt64

    static func random() -> LogID {
        LogID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }

    var text: String { hexadecimal(bytes) }

    private var bytes: [UInt8] {
        [high, low].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) }
        }
    }
}

extension LogID {
    init?(text: String) {
        guard text.utf8.count == 32, let high = UInt64(text.prefix(16), radix: 16),
            let low = UInt64(text.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }
}

extension UnsafeMutableRawPointer {
    func store<Field: FixedWidthInteger>(_ field: Field, at offset: Int) {
        storeBytes(of: field.littleEndian, toByteOffset: offset, as: Field.self)
    }
}

extension UnsafeRawPointer {
    func field<Field: FixedWidthInteger>(_ offset: Int, _: Field.Type) -> Field {
        Field(littleEndian: loadUnaligned(fromByteOffset: offset, as: Field.self))
    }
}
