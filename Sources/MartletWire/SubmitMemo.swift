/// What the last `SUBMIT` said beside its jobs: the next mostly says the same, and then its names need not be
/// checked nor its options read again.
package struct SubmitMemo {
    private var queue: [UInt8] = []
    private var type: [UInt8] = []
    private var optionBytes: [UInt8] = []
    private(set) var options = SubmitOptions()
    /// Another number for other options.
    private(set) var generation = 0

    private static let optionBytesMax = 1_024

    package init() {}

    func knows(
        queue: UnsafeRawBufferPointer, type: UnsafeRawBufferPointer,
        options: UnsafeRawBufferPointer
    ) -> Bool {
        queue.elementsEqual(self.queue) && type.elementsEqual(self.type)
            && options.elementsEqual(optionBytes)
    }

    /// - Parameter view: one that has passed every check.
    /// - Returns: false when it says too much to be kept.
    mutating func note(_ view: SubmitView, optionBytes bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= SubmitMemo.optionBytesMax else { return false }
        queue.replace(with: view.queue)
        type.replace(with: view.type)
        optionBytes.replace(with: bytes)
        options = view.options
        generation += 1
        return true
    }
}

extension [UInt8] {
    /// Keeps the memory.
    fileprivate mutating func replace(with bytes: UnsafeRawBufferPointer) {
        removeAll(keepingCapacity: true)
        append(contentsOf: bytes)
    }
}
