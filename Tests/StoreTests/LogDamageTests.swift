import Foundation
import TestSupport
import Testing

@testable import Store

/// A log of five turns in two segments is cut and damaged at every byte. Reopening gives whole turns, in
/// order from the first, and refuses where a turn is lost that valid later ones follow.
@Suite(.fewAtATime, .timeLimit(.minutes(5)))
struct LogDamageTests {
    private let directory: TestDirectory
    private let log: SampleLog

    init() throws {
        directory = try TestDirectory()
        log = try SampleLog(directory)
    }

    @Test func `the sample spans two segments`() throws {
        #expect(log.records.map(\.segment) == [1, 1, 1, 2, 2])
        #expect(try log.replay() == .turns(5))
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `a log cut at any byte gives whole turns or is refused`(segment: UInt64) async throws {
        let whole = log.bytes(segment)
        for length in 0..<whole.count {
            let cut = Array(whole[..<length]) + Array(repeating: 0, count: whole.count - length)
            let expected = log.expected(segment) { range in range.contains { cut[$0] != whole[$0] }
            }
            let file = try FileHandle(forWritingTo: log.file(segment))
            try file.truncate(atOffset: UInt64(length))
            try file.close()
            #expect(try log.replay() == expected, "segment \(segment) cut at \(length)")
            try log.restore(segment)
            await letOthersRun(length)
        }
    }

    @Test(arguments: [1, 2] as [UInt64])
    func `a log with any byte flipped gives whole turns or is refused`(segment: UInt64) async throws
    {
        let whole = log.bytes(segment)
        let file = try FileHandle(forWritingTo: log.file(segment))
        for offset in whole.indices {
            try file.seek(toOffset: UInt64(offset))
            try file.write(contentsOf: [whole[offset] ^ 0x04])
            let expected = log.expected(segment) { $0.contains(offset) }
            #expect(try log.replay() == expected, "segment \(segment) flipped at \(offset)")
            try file.seek(toOffset: UInt64(offset))
            try file.write(contentsOf: [whole[offset]])
            await letOthersRun(offset)
        }
        try file.close()
    }

    /// The long tests share their threads with all others, whose time limits run.
    private func letOthersRun(_ step: Int) async {
        if step.isMultiple(of: 256) { await Task.yield() }
    }

    @Test func `a store opens, or refuses, as its log says`() throws {
        for (segment, offset) in [(1, 70), (1, 4_200), (1, 8_200), (2, 50), (2, 4_200), (2, 8_300)]
        {
            let segment = UInt64(segment)
            var bytes = log.bytes(segment)
            bytes[offset] ^= 0x80
            let path = try directory.copyStore(to: "damaged-\(segment)-\(offset)")
            try bytes.write(to: "\(path)/log/\(LogFiles.name(segment))")
            let expected = log.expected(segment) { $0.contains(offset) }
            #expect(try log.open(path) == expected, "segment \(segment) flipped at \(offset)")
        }
    }

    @Test func `a missing segment is refused`() throws {
        try directory.remove(log.file(1).path)
        #expect(try log.replay() == .refused)
        try log.restore(1)
        try directory.remove(log.file(2).path)
        #expect(try log.replay() == .turns(3))
    }

    @Test func `a refusal names segment, offset and turn`() throws {
        var bytes = log.bytes(1)
        bytes[2 * LogFormat.block + 70] ^= 1
        try bytes.write(to: log.file(1).path)
        let code = try storeError { _ = try Store.open(log.configuration(directory.store)) }
        #expect(code == .logDamaged(segment: 1, offset: 2 * LogFormat.block, turn: 2))
    }

    @Test func `a whole record that is not chained to the one before it is damage`() throws {
        var bytes = log.bytes(2)
        let last = try #require(log.records.last)
        bytes[last.range.lowerBound...].withUnsafeMutableBytes { record in
            guard var header = RecordHeader(UnsafeRawBufferPointer(record), log.id) else { return }
            header.previous ^= 1
            if let base = record.baseAddress { _ = header.seal(base, log.id) }
        }
        try bytes.write(to: log.file(2).path)
        #expect(try log.replay() == .refused)
    }

    @Test func `a torn last turn is dropped, counted, and its place used again`() throws {
        var bytes = log.bytes(2)
        let last = try #require(log.records.last)
        for offset in last.range.dropFirst(80) { bytes[offset] = 0 }
        try bytes.write(to: log.file(2).path)
        let store = try Store.open(log.configuration(directory.store))
        #expect(store.recovery.lastTurn == 4)
        #expect(store.recovery.tornBytes == last.range.count)
        try store.put(.jobs, 9, "nine")
        #expect(store.lastTurn == 5)
        let again = try Store.open(log.configuration(directory.copyStore(to: "again")))
        #expect(try again.all(.jobs) == [1: "1", 2: "2", 3: "3", 4: "4", 9: "nine"])
    }
}
