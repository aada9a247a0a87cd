/// FNV-1a, 64 bits. (Source: Fowler, Noll, Vo; RFC 9923.)
/// - Parameter hash: that of the bytes before these.
func hashed(
    _ bytes: UnsafeRawBufferPointer, after hash: UInt64 = 0xcbf2_9ce4_8422_2325
) -> UInt64 {
    var hash = hash
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
}
