import MartletCompression

// Expectations can't look into calls that take spans.
extension Zstd {
    func compress(bytes: [UInt8]) -> [UInt8]? {
        compress(bytes.span.bytes)
    }

    func compress(bytes: [UInt8], with dictionary: ZstdDictionary) -> [UInt8]? {
        compress(bytes.span.bytes, with: dictionary)
    }

    func inflate(
        bytes: [UInt8], rawBytes: Int, limit: Int, with dictionary: ZstdDictionary? = nil
    ) throws(ZstdError) -> [UInt8] {
        try inflate(bytes.span.bytes, rawBytes: rawBytes, limit: limit, with: dictionary)
    }
}

/// Compressible, but not a single repeated byte.
func text(_ count: Int) -> [UInt8] {
    let line = Array(#"{"id":1,"source":"https://example.org/a.png","width":320}"#.utf8)
    return (0..<count).map { line[($0 + $0 / 997) % line.count] }
}
