/// Little-endian fields, written as PROTOCOL.md lists them.
struct RawWriter {
    private(set) var bytes: [UInt8] = []

    mutating func put<Value: FixedWidthInteger>(_ value: Value) {
        for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
        }
    }

    mutating func text8(_ text: String) {
        put(UInt8(text.utf8.count))
        bytes += text.utf8
    }

    mutating func text16(_ text: String) {
        put(UInt16(text.utf8.count))
        bytes += text.utf8
    }

    /// A plain payload: codec, raw bytes, CRC32C, data32.
    mutating func payload(_ payload: [UInt8]) {
        put(UInt8(0))
        put(UInt32(payload.count))
        put(crc32c(payload))
        put(UInt32(payload.count))
        bytes += payload
    }

    mutating func raw(_ more: [UInt8]) { bytes += more }
}

/// Reads what `RawWriter` writes; throws at the end.
struct RawReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func get<Value: FixedWidthInteger>(_ type: Value.Type = Value.self) throws -> Value {
        let bytes = try take(Value.bitWidth / 8)
        return bytes.reversed().reduce(0) { $0 << 8 | Value(truncatingIfNeeded: $1) }
    }

    mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
        guard count <= rest.count else {
            throw TestFailure("a message ends \(count - rest.count) bytes early")
        }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    mutating func text8() throws -> String {
        String(decoding: try take(Int(get(UInt8.self))), as: UTF8.self)
    }

    mutating func text16() throws -> String {
        String(decoding: try take(Int(get(UInt16.self))), as: UTF8.self)
    }

    /// The bytes of a payload as carried, checked against its CRC32C.
    mutating func payload() throws -> [UInt8] {
        _ = try get(UInt8.self)
        _ = try get(UInt32.self)
        let checksum = try get(UInt32.self)
        let bytes = Array(try take(Int(get(UInt32.self))))
        guard crc32c(bytes) == checksum else {
            throw TestFailure("a payload does not match its CRC32C")
        }
        return bytes
    }
}

/// CRC32C (Castagnoli), bit by bit reflected: polynomial 0x82f63b78.
func crc32c(_ bytes: [UInt8]) -> UInt32 {
    ~bytes.reduce(~UInt32(0)) { crc, byte in
        crcTable[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] ^ (crc >> 8)
    }
}

private let crcTable: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? (crc >> 1) ^ 0x82f6_3b78 : crc >> 1 }
}
