import ArgumentParser
import Foundation
import MartletWire
import NIOCore
import NIOPosix

/// What a command is fed. Reads wait on a thread of their own: an input may be a file, which no
/// event loop can watch.
enum PayloadInput: Sendable {
    case text(String)
    /// A file that has been opened, or standard input; ends with the program.
    case descriptor(Int32)

    /// - Throws: `CommandFailure` when the file cannot be opened.
    init(text: String?, file: String?) throws(CommandFailure) {
        if let text {
            self = .text(text)
        } else if let file {
            let descriptor = open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw CommandFailure(.failed, "cannot read \(file): \(systemMessage(errno)).")
            }
            self = .descriptor(descriptor)
        } else {
            self = .descriptor(FileDescriptor.standardInput)
        }
    }

    /// Whether what the command line says of a payload makes sense.
    ///
    /// - Throws: `ValidationError`.
    static func check(text: String?, file: String?, source: String?) throws {
        if let source, source != "-" {
            throw ValidationError(
                "unexpected argument '\(source)'. A payload is given with --payload.")
        }
        let sources = [text != nil, file != nil, source != nil].count(where: \.self)
        guard sources <= 1 else {
            throw ValidationError("--payload, --payload-file and - exclude each other.")
        }
    }

    /// The whole input as one payload.
    ///
    /// - Throws: `CommandFailure` as soon as it is clear that it has more than `limit` bytes.
    func whole(limit: Int) async throws -> ByteBuffer {
        switch self {
        case .text(let text):
            return ByteBuffer(string: text)
        case .descriptor(let descriptor):
            if let size = Self.size(of: descriptor), size > limit {
                throw Self.tooLarge(WireError.payloadTooLarge(actual: size, limit: limit).message)
            }
            var all = ByteBuffer()
            while case let some = try await readSome(descriptor), !some.isEmpty {
                all.writeBytes(some)
                guard all.readableBytes <= limit else {
                    throw Self.tooLarge(
                        "payload is above the server's limit of \(Quantity.grouped(limit)) bytes")
                }
            }
            return all
        }
    }

    /// The lines of the input, without their newlines, in batches of what is there, at most
    /// `batch_max`.
    ///
    /// - Throws: `CommandFailure` when a line is empty or has more than `limit` bytes, after the
    ///   lines before it were handed on.
    func forEachBatchOfLines(
        limit: Int, _ body: ([ByteBuffer]) async throws -> Void
    ) async throws {
        guard case .descriptor(let descriptor) = self else { return }
        var splitter = LineSplitter()
        var count = 0
        while case let some = try await readSome(descriptor), !some.isEmpty {
            try await hand(splitter.lines(adding: some), after: &count, limit: limit, to: body)
            guard splitter.pendingBytes <= limit else {
                throw Self.badLine(
                    count + 1, "is above the server's limit of \(Quantity.grouped(limit)) bytes")
            }
        }
        if let last = splitter.end() {
            try await hand([last], after: &count, limit: limit, to: body)
        }
    }

    private func hand(
        _ lines: [[UInt8]], after count: inout Int, limit: Int,
        to body: ([ByteBuffer]) async throws -> Void
    ) async throws {
        let bad = lines.firstIndex { $0.isEmpty || $0.count > limit }
        let good = lines[..<(bad ?? lines.endIndex)].map { ByteBuffer(bytes: $0) }
        for start in stride(from: 0, to: good.count, by: Limits.batchMax) {
            try await body(Array(good[start..<min(start + Limits.batchMax, good.count)]))
        }
        count += good.count
        guard let bad else { return }
        let size = lines[bad].count
        throw Self.badLine(
            count + 1,
            size == 0
                ? "is empty, and a payload has at least one byte"
                : "has \(Quantity.grouped(size)) bytes, the server's limit is \(Quantity.grouped(limit))"
                    + " (payload_bytes_max)")
    }

    /// What is there; empty at the end. Waits in short turns, so that a cancelled task does not
    /// wait for input that never comes.
    private func readSome(_ descriptor: Int32) async throws -> [UInt8] {
        while true {
            try Task.checkCancellation()
            let some = try await NIOThreadPool.singleton.runIfActive {
                try FileDescriptor.isReadable(descriptor, milliseconds: 100)
                    ? FileDescriptor.readSome(from: descriptor, limit: 256 << 10) : nil
            }
            if let some { return some }
        }
    }

    /// Bytes of a regular file; `nil` for anything else.
    private static func size(of descriptor: Int32) -> Int? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            return nil
        }
        return Int(status.st_size)
    }

    private static func tooLarge(_ message: String) -> CommandFailure {
        CommandFailure(.failed, message)
    }

    private static func badLine(_ number: Int, _ problem: String) -> CommandFailure {
        let before = number == 1 ? "Nothing was submitted." : "The lines before it were submitted."
        return CommandFailure(.failed, "line \(Quantity.grouped(number)) \(problem). \(before)")
    }

    static var standardInputIsTerminal: Bool {
        Terminal(descriptor: FileDescriptor.standardInput).isTerminal
    }
}
