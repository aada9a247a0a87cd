import Glibc

/// The files of the log directory: `00000001.log` … in order, `spare-1` … written ahead with zeros or
/// left over from a checkpoint, `spare-1.new` while one is being written.
struct LogFiles {
    let directory: String
    let segmentBytes: Int

    func path(_ name: String) -> String { "\(directory)/\(name)" }

    static func name(_ segment: UInt64) -> String { NumberedName.make(segment, ".log") }

    static func segment(_ name: String) -> UInt64? { NumberedName.number(name, ".log") }

    /// Segments by number and spares by name, as the directory has them.
    func list() throws(StoreError) -> (segments: [UInt64], spares: [String]) {
        guard let names = try System.names(in: directory) else {
            throw StoreError(
                .logDamaged(segment: 0, offset: 0, turn: 0),
                "the log directory \(directory) is missing")
        }
        let spares = names.filter { $0.hasPrefix("spare-") }.sorted()
        return (names.compactMap(Self.segment).sorted(), spares)
    }

    /// Writes a spare segment's every block, so that an append neither allocates nor extends.
    /// Returns false, and leaves nothing behind, when the device is full.
    func writeSpare(_ name: String) throws(StoreError) -> Bool {
        let new = path(name + ".new")
        let descriptor = try System.open(new, O_WRONLY | O_CREAT | O_TRUNC, "creating")
        defer { System.close(descriptor) }
        let error = writeZeros(descriptor)
        guard error == 0 else {
            try System.remove(new)
            if isOutOfSpace(error) { return false }
            throw .system(error, "writing \(new)")
        }
        try System.synchronize(descriptor, new)
        try System.rename(new, to: path(name))
        try System.synchronize(directory: directory)
        return true
    }

    private func writeZeros(_ descriptor: Int32) -> Int32 {
        let piece = min(segmentBytes, 1 << 20)
        let zeros = UnsafeMutableRawBufferPointer.allocate(
            byteCount: piece, alignment: LogFormat.block)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        for offset in stride(from: 0, to: segmentBytes, by: piece) {
            let part = UnsafeRawBufferPointer(rebasing: zeros[..<min(piece, segmentBytes - offset)])
            let error = System.write(descriptor, part, at: offset)
            if error != 0 { return error }
        }
        return 0
    }
}
