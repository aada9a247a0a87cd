import Synchronization
import TestSupport
import Testing

@testable import Store

/// The directory is copied at every named point of creation, turns, segment changes and checkpoints.
/// Each copy opens with everything that was committed, and with the turn in flight whole or not at all.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct CrashPointTests {
    /// What a copy must hold: the turns before the one in flight, or that one too.
    private struct Copy {
        var path: String
        var point: StorePoint
        var committed: UInt64
        var inFlight: UInt64
    }

    /// Takes the copies; the store calls it on the writer's thread.
    private final class Camera: Sendable {
        private struct State {
            var copies: [Copy] = []
            var committed: UInt64 = 0
            var inFlight: UInt64 = 0
        }

        private let directory: TestDirectory
        private let state = Mutex(State())

        init(_ directory: TestDirectory) { self.directory = directory }

        func take(_ point: StorePoint) {
            state.withLock { state in
                let name = "\(state.copies.count)-\(point.rawValue)"
                #expect(throws: Never.self) {
                    let path = try directory.copyStore(to: name)
                    state.copies.append(
                        Copy(
                            path: path, point: point, committed: state.committed,
                            inFlight: state.inFlight))
                }
            }
        }

        func begin(_ turn: UInt64) { state.withLock { $0.inFlight = turn } }
        func committed(_ turn: UInt64) { state.withLock { $0.committed = turn } }
        var copies: [Copy] { state.withLock { $0.copies } }
    }

    private let directory: TestDirectory
    private let segmentBytes = 4 * LogFormat.block

    init() throws {
        directory = try TestDirectory()
    }

    enum Rhythm: CaseIterable {
        /// Each turn is written before the next is applied.
        case alone
        /// Each is applied before the one before it is written.
        case ahead
        /// Two are on their way, and the second is written first.
        case pairs
    }

    /// Row n is long, so that it goes to a blob file.
    private func configuration(_ path: String) -> Store.Configuration {
        var configuration = Store.Configuration.small(path, segmentBytes: segmentBytes)
        configuration.blobs = Store.Blobs(
            fileBytes: 4 * LogFormat.block, commitBytesMin: 0, garbageMin: 0)
        return configuration
    }

    private func text(_ turn: UInt64) -> String { String(repeating: "\(turn).", count: 1_000) }

    /// Turn n puts rows n and 1000 + n and takes away row n - 3.
    private func run(_ turns: UInt64, _ rhythm: Rhythm, _ camera: Camera) throws {
        var configuration = configuration(directory.store)
        configuration.observe = { camera.take($0) }
        let store = try Store.open(configuration)
        var appends: [Append] = []
        func write() throws {
            for append in appends.reversed() { #expect(append.write() == 0) }
            for _ in appends { try store.endCommit(0) }
            appends = []
            camera.committed(store.lastTurn)
        }
        for turn in 1...turns {
            try store.turn { rows in
                try rows.put(.jobs, turn, text(turn))
                try rows.put(.ready, 1_000 + turn, "\(turn)", ascending: true)
                if turn > 3 { _ = try rows.delete(.jobs, .id(turn - 3)) }
            }
            if rhythm != .pairs || !store.mayBeginCommit { try write() }
            camera.begin(turn)
            if let append = try store.beginCommit(now: turn) {
                appends.append(append)
            } else {
                camera.committed(turn)
            }
            if rhythm == .alone { try write() }
            guard turn.isMultiple(of: 5) else { continue }
            try write()
            try store.checkpoint(now: turn)
        }
        try write()
    }

    private func expectedJobs(_ turns: UInt64) -> [UInt64: String] {
        let first = turns > 3 ? turns - 2 : 1
        return turns == 0
            ? [:] : Dictionary(uniqueKeysWithValues: (first...turns).map { ($0, text($0)) })
    }

    @Test(arguments: Rhythm.allCases)
    func `a crash at any point loses no committed turn and tears none`(rhythm: Rhythm) throws {
        let camera = Camera(directory)
        try run(24, rhythm, camera)
        let copies = camera.copies
        #expect(Set(copies.map(\.point)) == Set(StorePoint.allCases).subtracting([.recordWiped]))
        var wiped = 0
        for copy in copies {
            let place = Comment(rawValue: copy.path)
            let configuration = configuration(copy.path)
            let recovery = try Store.open(configuration).recovery
            let turns = recovery.lastTurn
            wiped += recovery.turnsWiped
            // A second crash right after the recovery, before any turn.
            let store = try Store.open(configuration)
            #expect(store.lastTurn == turns, place)
            #expect(turns == copy.committed || turns == copy.inFlight, place)
            if copy.point == .appended {
                #expect(turns + UInt64(2 * recovery.turnsWiped) == copy.inFlight, place)
            }
            #expect(try store.all(.jobs) == expectedJobs(turns), place)
            #expect(try store.all(.ready).count == Int(turns), place)
            try store.put(.jobs, 99, "it goes on")
            #expect(store.lastTurn == turns + 1, place)
            try store.close(now: 0)
        }
        #expect((wiped > 0) == (rhythm == .pairs))
    }

    @Test func `a crash while a recovered store is opened loses nothing`() throws {
        let camera = Camera(directory)
        try run(13, .alone, camera)
        let crashed = try directory.copyStore(to: "crashed")
        let second = Mutex<[String]>([])
        var configuration = configuration(crashed)
        configuration.observe = { [directory] _ in
            second.withLock { paths in
                let path = "\(directory.path)/again-\(paths.count)"
                #expect(throws: Never.self) { try directory.copy(crashed, to: path) }
                paths.append(path)
            }
        }
        #expect(try Store.open(configuration).lastTurn == 13)
        #expect(second.withLock { $0.count } >= 2)
        for path in second.withLock({ $0 }) {
            let store = try Store.open(self.configuration(path))
            #expect(try store.all(.jobs) == expectedJobs(13))
        }
    }
}
