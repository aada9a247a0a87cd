import Foundation
import Store
import TestSupport
import Testing

/// Random turns, checkpoints, crashes and restarts against a dictionary.
@Suite(.fewAtATime, .timeLimit(.minutes(2)))
struct RandomisedTests {
    /// Seeds that once found something, and a new one each time. A failure names its seed.
    @Test(arguments: [1, 2, 3, UInt64.random(in: .min ... .max)])
    func `a store does what a dictionary does, through crashes and restarts`(seed: UInt64) throws {
        let directory = try TestDirectory()
        var random = SplitMix(seed: seed)
        var path = directory.store
        var store = try open(path, &random)
        var model: [UInt64: String] = [:]
        for step in 0..<600 {
            let note = Comment(rawValue: "seed \(seed) step \(step)")
            switch Int.random(in: 0..<100, using: &random) {
            case 0..<80:
                try change(store, &model, &random)
            case 80..<85:
                try store.compact(bytesMax: Int.random(in: 1...20_000, using: &random))
                #expect(try store.all(.jobs) == model, note)
            case 85..<90:
                try store.checkpoint(now: UInt64(step))
                #expect(try store.snapshot { try $0.all(.jobs) } == model, note)
                try checkFiles(store, note)
            case 90..<95:
                try store.close(now: UInt64(step))
                store = try open(path, &random)
                #expect(store.recovery.turnsReplayed == 0, note)
                #expect(try store.all(.jobs) == model, note)
            default:
                if Bool.random(using: &random) { try overtake(store, &model, &random) }
                let turn = store.lastTurn
                path = "\(directory.path)/crash-\(step)"
                try directory.copy(store.configuration.directory, to: path)
                store = try open(path, &random)
                #expect(store.lastTurn == turn, note)
                #expect(try store.all(.jobs) == model, note)
            }
        }
    }

    private func open(_ path: String, _ random: inout SplitMix) throws -> Store {
        let blocks = [2, 3, 8, 16].randomElement(using: &random) ?? 8
        var configuration = Store.Configuration.small(path, segmentBytes: blocks * 4096)
        configuration.blobs = Store.Blobs(
            fileBytes: ([1, 4, 16].randomElement(using: &random) ?? 4) * 4096,
            rowBytesMin: Int.random(in: 20...1_000, using: &random),
            commitBytesMin: Int.random(in: 0...1_000, using: &random),
            garbageMin: Int.random(in: 0...8_000, using: &random))
        return try Store.open(configuration)
    }

    /// A file that no row refers to is there only as the one that is appended to.
    private func checkFiles(_ store: Store, _ note: Comment) throws {
        let referred = try store.turn { try $0.blobFiles(.jobs) }
        let there = try BlobFolder(store.configuration.directory).numbers
        #expect(referred.isSubset(of: there), note)
        #expect(there.subtracting(referred).count <= 1, note)
        #expect(try store.storageProblems() == [], note)
    }

    /// A commit of one to three turns of a few rows each, some of them several blocks long.
    private func change(
        _ store: Store, _ model: inout [UInt64: String], _ random: inout SplitMix
    ) throws {
        // A checkpoint that comes to the disk meanwhile.
        let isOverlapped = Int.random(in: 0..<10, using: &random) == 0
        let flush = isOverlapped ? try store.beginCheckpoint(now: 0) : nil
        var appends: [Append] = []
        for turn in 0..<Int.random(in: 1...3, using: &random) {
            // Some are written while the next is applied, now and then.
            if turn > 0, Bool.random(using: &random), store.mayBeginCommit,
                let append = try store.beginCommit(now: 0)
            {
                appends.append(append)
            }
            try changeRows(store, &model, &random)
        }
        if let flush {
            flush.write()
            try store.endCheckpoint(flush)
        }
        for append in appends.shuffled(using: &random) { #expect(append.write() == 0) }
        for _ in appends { try store.endCommit(0) }
        try store.commit(now: 0)
    }

    /// Leaves a turn in the log without the one before it.
    private func overtake(
        _ store: Store, _ model: inout [UInt64: String], _ random: inout SplitMix
    ) throws {
        var changed = model
        try changeRows(store, &changed, &random)
        guard try store.beginCommit(now: 0) != nil else {
            // A checkpoint made it durable.
            return model = changed
        }
        try changeRows(store, &changed, &random)
        guard store.mayBeginCommit, let second = try store.beginCommit(now: 0) else { return }
        #expect(second.write() == 0)
    }

    private func changeRows(
        _ store: Store, _ model: inout [UInt64: String], _ random: inout SplitMix
    ) throws {
        try store.turn { rows in
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let id = UInt64.random(in: 0..<40, using: &random)
                if Bool.random(using: &random) {
                    let length = Int.random(in: 0...9, using: &random)
                    let text = String(repeating: "\(id).", count: length * length * length)
                    try rows.put(.jobs, id, text, ascending: Bool.random(using: &random))
                    model[id] = text
                } else {
                    let found = try rows.delete(.jobs, .id(id))
                    #expect(found == (model.removeValue(forKey: id) != nil))
                }
            }
        }
    }
}
