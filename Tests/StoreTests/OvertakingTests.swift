import Glibc
import Synchronization
import TestSupport
import Testing

@testable import Store

/// Two commits are on their way at a time, and the disk is done with the second first. Until it is done with both, the
/// second is as if it had never been.
@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct OvertakingTests {
    private let directory: TestDirectory
    private let store: Store

    /// A store of three turns.
    init() throws {
        directory = try TestDirectory()
        store = try Store.open(.small(directory.store))
        for id: UInt64 in 1...3 { try store.put(.jobs, id, "kept") }
    }

    private func begin(_ id: UInt64, _ text: String = "new") throws -> Append {
        try store.turn { rows in try rows.put(.jobs, id, text) }
        return try #require(try store.beginCommit(now: 0))
    }

    private func crash(_ name: String) throws -> String { try directory.copyStore(to: name) }

    private func copy(_ from: String, to name: String) throws -> String {
        try directory.copy(from, to: "\(directory.path)/\(name)")
        return "\(directory.path)/\(name)"
    }

    private let kept: [UInt64: String] = [1: "kept", 2: "kept", 3: "kept"]

    @Test func `a turn without the one before it is no part of the log`() throws {
        let first = try begin(4)
        let second = try begin(5)
        #expect(second.write() == 0)
        #expect(store.lastTurn == 3)
        let crashed = try crash("crashed")
        let next = try Store.open(.small(crashed))
        #expect(next.lastTurn == 3)
        #expect(next.recovery.turnsWiped == 1)
        #expect(try next.all(.jobs) == kept)
        // It takes the numbers of both, and the same place.
        try next.put(.jobs, 6, "after")
        let again = try Store.open(.small(copy(crashed, to: "again")))
        #expect(again.lastTurn == 4)
        #expect(again.recovery.turnsWiped == 0)
        #expect(try again.all(.jobs) == kept.merging([6: "after"]) { $1 })
        #expect(first.write() == 0)
    }

    @Test func `a crash while it is wiped out loses nothing`() throws {
        _ = try begin(4)
        #expect(try begin(5, String(repeating: "long", count: 4_000)).write() == 0)
        let crashed = try crash("crashed")
        let copies = Mutex<[String]>([])
        var configuration = Store.Configuration.small(crashed)
        configuration.observe = { point in
            guard point == .recordWiped else { return }
            #expect(throws: Never.self) {
                let path = try copy(crashed, to: "wiped")
                copies.withLock { $0.append(path) }
            }
        }
        #expect(try Store.open(configuration).lastTurn == 3)
        let paths = copies.withLock { $0 }
        #expect(paths.count == 1)
        for path in paths { #expect(try Store.open(.small(path)).all(.jobs) == kept) }
    }

    @Test func `both are there when the disk is done with both`() throws {
        let appends = [try begin(4), try begin(5)]
        try store.turn { rows in try rows.put(.jobs, 6, "later") }
        #expect(!store.mayBeginCommit)
        for append in appends.reversed() { #expect(append.write() == 0) }
        try store.endCommit(0)
        #expect(store.lastTurn == 4)
        #expect(store.mayBeginCommit)
        try store.endCommit(0)
        #expect(store.lastTurn == 5)
        let next = try Store.open(.small(crash("crashed")))
        #expect(try next.all(.jobs) == kept.merging([4: "new", 5: "new"]) { $1 })
    }

    @Test func `the third may overtake the second when the first is durable`() throws {
        let first = try begin(4)
        _ = try begin(5)
        #expect(first.write() == 0)
        try store.endCommit(0)
        #expect(try begin(6).write() == 0)
        let next = try Store.open(.small(crash("crashed")))
        #expect(next.lastTurn == 4)
        #expect(try next.all(.jobs) == kept.merging([4: "new"]) { $1 })
    }

    /// The third was begun when both were durable, and says so.
    @Test(arguments: [0, 1])
    func `damage is told from it by what comes later`(damaged: Int) throws {
        let appends = [try begin(4), try begin(5)]
        for append in appends {
            #expect(append.write() == 0)
            try store.endCommit(0)
        }
        try store.put(.jobs, 6, "new")
        let path = try crash("damaged")
        let log = "\(path)/log/\(LogFiles.name(1))"
        var bytes = try [UInt8](file: log)
        bytes[(4 + damaged) * LogFormat.block + RecordHeader.size] ^= 1
        try bytes.write(to: log)
        let code = try storeError { _ = try Store.open(.small(path)) }
        let offset = (4 + damaged) * LogFormat.block
        #expect(code == .logDamaged(segment: 1, offset: offset, turn: UInt64(4 + damaged)))
    }

    @Test func `a failed append takes the one behind it along`() throws {
        _ = try begin(4)
        let second = try begin(5)
        #expect(second.write() == 0)
        let unknown = StoreError.Code.unknownOutcome(errno: EIO)
        #expect(try storeError { try store.endCommit(EIO) } == unknown)
        #expect(try storeError { try store.endCommit(0) } == unknown)
    }

    @Test func `a commit goes beside another in the same segment only`() throws {
        let segment = Store.Configuration.small("").segmentBytes
        _ = try begin(4)
        let used = 5 * LogFormat.block
        try store.turn { rows in
            try rows.put(.jobs, 5, String(repeating: "x", count: segment - used - LogFormat.block))
        }
        #expect(store.mayBeginCommit)
        try store.turn { rows in
            try rows.put(.jobs, 6, String(repeating: "x", count: LogFormat.block))
        }
        #expect(!store.mayBeginCommit)
        try store.endCommit(0)
        #expect(store.mayBeginCommit)
    }

    @Test func `a commit without changes is over when the one before it is`() throws {
        _ = try begin(4)
        #expect(try store.text(.jobs, 4) == "new")
        #expect(!store.mayBeginCommit)
        try store.endCommit(0)
        #expect(store.mayBeginCommit)
        #expect(try store.beginCommit(now: 0) == nil)
    }

    /// Each in a file of its own, or both in one.
    @Test(arguments: [16 << 10, 64 << 10], [[true, true], [true, false], [false, true]])
    func `rows for blob files go beside others`(fileBytes: Int, areLong: [Bool]) throws {
        var configuration = Store.Configuration.small(directory.file("blobs"))
        configuration.blobs = Store.Blobs(
            fileBytes: fileBytes, commitBytesMin: 10_000, garbageMin: 0)
        let store = try Store.open(configuration)
        var appends: [Append] = []
        var texts: [UInt64: String] = [:]
        for (id, isLong) in zip(UInt64(1)..., areLong) {
            texts[id] = String(repeating: "\(id)", count: isLong ? 12_000 : 10)
            try store.turn { rows in try rows.put(.jobs, id, texts[id] ?? "") }
            #expect(store.mayBeginCommit)
            appends.append(try #require(try store.beginCommit(now: 0)))
        }
        #expect(try store.all(.jobs) == texts)

        #expect(appends[1].write() == 0)
        var crashed = configuration
        crashed.directory = try copy(configuration.directory, to: "second")
        #expect(try Store.open(crashed).all(.jobs) == [:])

        #expect(appends[0].write() == 0)
        for _ in appends { try store.endCommit(0) }
        crashed.directory = try copy(configuration.directory, to: "both")
        #expect(try Store.open(crashed).all(.jobs) == texts)
        #expect(try store.storageProblems() == [])
        #expect(try store.all(.jobs) == texts)
    }
}
