import Glibc
import TestSupport
import Testing

@testable import Store

/// The kernel writes turns to the log while their thread goes on.
@Suite(
    .enabled(if: TestDisk.writtenByKernel != nil && AsynchronousAppends() != nil),
    .fewAtATime, .timeLimit(.minutes(1)))
struct AsynchronousAppendsTests {
    /// Goes first: it waits for writes from memory of the store.
    private let appends: AsynchronousAppends
    private let directory: TestDirectory
    private let store: Store

    init() throws {
        directory = try TestDirectory(under: TestDisk.writtenByKernel)
        var configuration = Store.Configuration.small(directory.store)
        configuration.blobs = Store.Blobs(fileBytes: 1 << 20, commitBytesMin: 16 << 10)
        store = try Store.open(configuration)
        appends = try #require(AsynchronousAppends())
    }

    private func begin(_ id: UInt64, _ text: String) throws -> Append {
        try store.turn { rows in try rows.put(.jobs, id, text) }
        return try #require(try store.beginCommit(now: 0))
    }

    /// Waits until something has ended.
    private func ended() throws -> [UInt64: Int32] {
        var signal = pollfd(fd: appends.signal, events: Int16(POLLIN), revents: 0)
        #expect(poll(&signal, 1, 30_000) == 1)
        var count: UInt64 = 0
        #expect(read(appends.signal, &count, 8) == 8)
        // Another may have ended since.
        let ended = appends.takeEnded()
        #expect(ended.count >= Int(count))
        return Dictionary(uniqueKeysWithValues: ended)
    }

    @Test func `two at a time are on the disk when both have ended`() throws {
        for (number, text) in [(1, "short"), (2, String(repeating: "long", count: 2_000))] {
            #expect(appends.begin(try begin(UInt64(number), text), number: UInt64(number)))
        }
        #expect(!store.mayBeginCommit)
        var outcomes: [UInt64: Int32] = [:]
        while outcomes.count < 2 { outcomes.merge(try ended()) { $1 } }
        #expect(outcomes == [1: 0, 2: 0])
        #expect(appends.takeEnded().isEmpty)
        for _ in 1...2 { try store.endCommit(0) }
        let next = try Store.open(.small(try directory.copyStore(to: "next")))
        #expect(next.recovery.turnsReplayed == 2)
        #expect(try next.all(.jobs) == [1: "short", 2: String(repeating: "long", count: 2_000)])
    }

    @Test func `closing waits for those under way, and none is begun after it`() throws {
        #expect(appends.begin(try begin(1, "under way"), number: 1))
        let late = try begin(2, "late")
        appends.close()
        #expect(!appends.begin(late, number: 2))
        #expect(appends.takeEnded().isEmpty)
        let next = try Store.open(.small(try directory.copyStore(to: "next")))
        #expect(try next.all(.jobs) == [1: "under way"])
    }

    @Test func `what goes to a blob file first is left to its caller`() throws {
        let append = try begin(1, String(repeating: "long", count: 8_000))
        #expect(!appends.begin(append, number: 1))
        #expect(append.write() == 0)
        try store.endCommit(0)
    }

    @Test func `a file that can't be written is left to its caller, who learns why`() throws {
        let append = try begin(1, "lost")
        #expect(try BrokenDisk.fail(below: directory.file("log")) == Store.commitsMax)
        #expect(!appends.begin(append, number: 1))
        #expect(append.write() == EIO)
    }

    /// All of it, or what follows the first block, which is there already.
    @Test(arguments: [Int64(-EINTR), Int64(LogFormat.block)])
    func `a write that ended early is finished`(result: Int64) throws {
        let text = String(repeating: "long", count: 2_000)
        let append = try begin(1, text)
        let log = directory.file("log/\(LogFiles.name(1))")
        if result > 0 {
            let bytes = try [UInt8](file: log)
            #expect(append.write() == 0)
            let written = try [UInt8](file: log)
            try (Array(written[..<(2 * LogFormat.block)]) + bytes[(2 * LogFormat.block)...])
                .write(to: log)
        }
        #expect(append.end(result) == 0)
        try store.endCommit(0)
        let next = try Store.open(.small(try directory.copyStore(to: "next")))
        #expect(try next.all(.jobs) == [1: text])
    }

    @Test func `a write that failed says why`() throws {
        #expect(try begin(1, "lost").end(Int64(-EIO)) == EIO)
    }

    @Test func `segments are written past the page cache`() throws {
        let file = try System.openForAppends(directory.file("log/\(LogFiles.name(1))"))
        defer { System.close(file.descriptor) }
        #expect(file.isDirect)
        #expect(fcntl(file.descriptor, F_GETFL) & (O_DSYNC | direct) == O_DSYNC | direct)
    }

    @Test(arguments: ["/dev/null", "/dev/shm"])
    func `where the kernel does not write by itself, files are opened as others are`(
        place: String
    ) throws {
        let path = place == "/dev/null" ? place : "\(place)/martlet-append-\(getpid())"
        defer { if path != place { unlink(path) } }
        if path != place { try [UInt8](repeating: 0, count: LogFormat.block).write(to: path) }
        let file = try System.openForAppends(path)
        defer { System.close(file.descriptor) }
        #expect(!file.isDirect)
        #expect(fcntl(file.descriptor, F_GETFL) & (O_DSYNC | direct) == O_DSYNC)
    }

    /// O_DIRECT, which Swift does not have.
    private var direct: Int32 {
        #if arch(arm64)
            0o200000
        #else
            0o40000
        #endif
    }
}
