/// FNV-1a, 64 bits. (Source: Fowler, Noll, Vo; RFC 9923.)
struct FNV1a {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }

    mutating func add(_ bytes: some Sequence<UInt8>) { for byte in bytes { add(byte) } }

    static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash = FNV1a()
        hash.add(bytes)
        return hash.value
    }

    /// The fingerprint of an error of the engine's own. Its messages hold nothing that the
    /// protocol's normalisation would take out.
    static func fingerprint(class errorClass: StaticString, _ message: StaticString) -> UInt64 {
        var hash = FNV1a()
        hash.add(errorClass.bytes)
        hash.add(0)
        hash.add(message.bytes)
        return hash.value
    }
}
