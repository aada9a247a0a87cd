import Foundation
import NIOCore
import NIOPosix
import SystemPackage

/// The named pipe on which a command says how its job goes, and the file with its last checkpoint.
///
/// A pipe with a name, since a process that is started is left no descriptor but the first three: a
/// shell opens it as its descriptor 3.
struct ControlPipe: Sendable {
    /// Gone with the pipe.
    private let directory: FilePath
    private let reader: SystemPackage.FileDescriptor
    private let writer: SystemPackage.FileDescriptor

    /// Ends the reading when the command has ended, whoever else may still hold the pipe open.
    private static let endOfTransmission: UInt8 = 0x04

    var path: String { directory.appending("control").string }
    var checkpointPath: String { directory.appending("checkpoint").string }

    /// - Parameter checkpoint: of an earlier attempt; the file exists only when there is one.
    init(checkpoint: Data?) throws(SubprocessFailure) {
        let base = FilePath(FileManager.default.temporaryDirectory.path)
        let directory = base.appending("martlet-\(UUID().uuidString)")
        self.directory = directory
        do {
            try FileManager.default.createDirectory(
                atPath: directory.string, withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700])
            (reader, writer) = try Self.open(in: directory, checkpoint)
        } catch {
            Self.remove(directory)
            throw .noControlPipe("\(error)")
        }
    }

    private static func open(
        in directory: FilePath, _ checkpoint: Data?
    ) throws -> (SystemPackage.FileDescriptor, SystemPackage.FileDescriptor) {
        if let checkpoint {
            try checkpoint.write(to: URL(filePath: directory.appending("checkpoint").string))
        }
        let pipe = directory.appending("control")
        guard mkfifo(pipe.string, 0o600) == 0 else { throw Errno(rawValue: errno) }
        let options: SystemPackage.FileDescriptor.OpenOptions = [.nonBlocking, .closeOnExec]
        let reader = try SystemPackage.FileDescriptor.open(pipe, .readOnly, options: options)
        do {
            return (
                reader, try SystemPackage.FileDescriptor.open(pipe, .writeOnly, options: options)
            )
        } catch {
            try reader.close()
            throw error
        }
    }

    /// Hands over each line until ``end()``.
    func read(_ body: @Sendable (ControlLine) -> Void) async throws {
        let channel = try await NIOPipeBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .takingOwnershipOfDescriptor(input: reader.rawValue) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, Never>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { bytes in
            var lines = LineSplitter()
            for try await piece in bytes {
                let end = piece.readableBytesView.firstIndex(of: Self.endOfTransmission)
                lines.append(piece.readableBytesView[..<(end ?? piece.writerIndex)], body)
                if end != nil { return }
            }
        }
    }

    /// The command has ended: what it said before is read, and nothing after.
    ///
    /// - Returns: whether the reading ends by itself: not when something still fills the pipe.
    func end() -> Bool {
        do {
            _ = try writer.closeAfter {
                try writer.writeAll(CollectionOfOne(Self.endOfTransmission))
            }
            return true
        } catch {
            return false
        }
    }

    /// Takes the pipe away, and what the command has left beside it: when all that it said is read.
    func remove() { Self.remove(directory) }

    private static func remove(_ directory: FilePath) {
        do {
            try FileManager.default.removeItem(atPath: directory.string)
        } catch {
            // A directory in the system's temporary one is left behind; the job is done all the
            // same.
        }
    }
}

/// Cuts bytes into lines; what is too long is skipped.
private struct LineSplitter {
    private var line: [UInt8] = []
    private var isTooLong = false

    mutating func append(_ bytes: some Sequence<UInt8>, _ body: (ControlLine) -> Void) {
        for byte in bytes {
            if byte == UInt8(ascii: "\n") {
                end(body)
            } else if line.count < ControlLine.bytesMax {
                line.append(byte)
            } else {
                isTooLong = true
            }
        }
    }

    private mutating func end(_ body: (ControlLine) -> Void) {
        let text = String(decoding: line, as: UTF8.self)
        if !isTooLong, let control = ControlLine(text) { body(control) }
        line.removeAll(keepingCapacity: true)
        isTooLong = false
    }
}
