/// Memory for the byte strings that tests hand to the engine as pointers.
final class Arena {
    private var blocks: [UnsafeMutableRawBufferPointer] = []

    deinit { reset() }

    /// A copy that stays until `reset`.
    func copy(_ bytes: [UInt8]) -> UnsafeRawBufferPointer {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        block.copyBytes(from: bytes)
        blocks.append(block)
        return UnsafeRawBufferPointer(block)
    }

    func copy(_ text: String) -> UnsafeRawBufferPointer { copy(Array(text.utf8)) }

    func reset() {
        for block in blocks { block.deallocate() }
        blocks.removeAll(keepingCapacity: true)
    }
}
