import Foundation

/// A named pipe between a test and the processes that it starts, read line by line on a thread of its own.
struct FIFO {
    let path: String
    private let lines: AsyncStream<String>

    init() throws {
        let path = FileManager.default.temporaryDirectory.path + "/martlet-\(UUID().uuidString)"
        guard mkfifo(path, 0o600) == 0 else { throw CocoaError(.fileWriteUnknown) }
        let (lines, continuation) = AsyncStream<String>.makeStream()
        Thread.detachNewThread {
            // Opening blocks until a writer opens it, reading until the last writer is gone.
            if let file = fopen(path, "r") {
                while let line = nextLine(of: file) { continuation.yield(line) }
                fclose(file)
            }
            continuation.finish()
        }
        self.path = path
        self.lines = lines
    }

    /// The next line; nil once every writer has closed it.
    func readLine() async -> String? {
        var iterator = lines.makeAsyncIterator()
        return await iterator.next()
    }

    func remove() {
        unlink(path)
    }
}

private func nextLine(of file: UnsafeMutablePointer<FILE>) -> String? {
    var line: [UInt8] = []
    while true {
        let byte = fgetc(file)
        if byte == EOF { return line.isEmpty ? nil : String(decoding: line, as: UTF8.self) }
        if byte == 10 { return String(decoding: line, as: UTF8.self) }
        line.append(UInt8(byte))
    }
}
