import Foundation

@testable import Store

/// A store of five turns that no checkpoint has seen, in two segments of three blocks for records.
struct SampleLog {
    struct Record {
        var segment: UInt64
        var range: Range<Int>
    }

    enum Outcome: Equatable {
        /// The first so many turns.
        case turns(Int)
        case refused
    }

    private let path: String
    let id: LogID
    private let originals: [UInt64: [UInt8]]
    /// Where each turn's record lies.
    let records: [Record]

    init(_ directory: TestDirectory) throws {
        path = directory.store
        var configuration = Store.Configuration.small(path, segmentBytes: 4 * LogFormat.block)
        configuration.spareSegments = 2
        let store = try Store.open(configuration)
        for turn: UInt64 in 1...5 { try store.put(.jobs, turn, "\(turn)") }
        id = try DataDirectoryMarker(path).id
        originals = [
            1: try [UInt8](file: "\(path)/log/\(LogFiles.name(1))"),
            2: try [UInt8](file: "\(path)/log/\(LogFiles.name(2))"),
        ]
        records = try Self.findRecords(originals, id)
    }

    private static func findRecords(_ segments: [UInt64: [UInt8]], _ id: LogID) throws -> [Record] {
        segments.sorted { $0.key < $1.key }.flatMap { segment, bytes in
            stride(from: LogFormat.block, to: bytes.count, by: LogFormat.block).compactMap {
                offset in
                bytes[offset...].withUnsafeBytes { RecordHeader($0, id) }.map {
                    Record(segment: segment, range: offset..<offset + RecordHeader.size + $0.length)
                }
            }
        }
    }

    func configuration(_ path: String) -> Store.Configuration {
        .small(path, segmentBytes: 4 * LogFormat.block)
    }

    func bytes(_ segment: UInt64) -> [UInt8] { originals[segment] ?? [] }

    func file(_ segment: UInt64) -> URL { URL(filePath: "\(path)/log/\(LogFiles.name(segment))") }

    func restore(_ segment: UInt64) throws { try Data(bytes(segment)).write(to: file(segment)) }

    /// What must come of damage in one segment, given whether a range of its bytes is touched by it.
    func expected(_ segment: UInt64, _ touches: (Range<Int>) -> Bool) -> Outcome {
        let headerBytes = 48
        if touches(0..<headerBytes) { return .refused }
        let damaged = records.firstIndex { $0.segment == segment && touches($0.range) }
        guard let damaged else { return .turns(records.count) }
        let laterIsValid = records.dropFirst(damaged + 1).contains {
            $0.segment != segment || !touches($0.range)
        }
        return laterIsValid ? .refused : .turns(damaged)
    }

    /// Replays the log alone, as opening the store does.
    func replay() throws -> Outcome {
        let files = LogFiles(directory: "\(path)/log", segmentBytes: 4 * LogFormat.block)
        let start = LogPosition(turn: 0, checksum: 0, segment: 1, offset: LogFormat.firstRecord)
        var turns: [UInt64] = []
        let refused = try storeError {
            _ = try LogReader(files, id).replay(from: start) { record throws(StoreError) in
                turns.append(UInt64(Self.id(in: record)))
            }
        }
        if case .logDamaged = refused { return .refused }
        guard refused == nil, turns == (0..<turns.count).map({ UInt64($0 + 1) }) else {
            throw UnexpectedReplay(turns: turns, error: refused)
        }
        return .turns(turns.count)
    }

    /// The last byte of the key of the record's only mutation: the number of its turn.
    private static func id(in record: UnsafeRawBufferPointer) -> UInt8 {
        record[Mutation.headerSize + 7]
    }

    struct UnexpectedReplay: Error {
        var turns: [UInt64]
        var error: StoreError.Code?
    }

    /// Opens a damaged copy of the store.
    func open(_ path: String) throws -> Outcome {
        var found: [UInt64: String] = [:]
        let refused = try storeError { found = try Store.open(configuration(path)).all(.jobs) }
        if case .logDamaged = refused { return .refused }
        let whole = Dictionary(
            uniqueKeysWithValues: (0..<UInt64(found.count)).map { ($0 + 1, "\($0 + 1)") })
        guard refused == nil, found == whole else {
            throw UnexpectedReplay(turns: found.keys.sorted(), error: refused)
        }
        return .turns(found.count)
    }
}

/// The id of a store's log, read from its marker.
struct DataDirectoryMarker {
    let id: LogID

    init(_ path: String) throws {
        let lines = try String(contentsOfFile: "\(path)/MARTLET", encoding: .utf8).split(
            separator: "\n")
        guard let id = LogID(text: String(lines[1].dropFirst(4))) else {
            throw CocoaError(.fileReadCorruptFile)
        }
        self.id = id
    }
}

extension RecordHeader {
    /// Seals a record whose mutations were never summed.
    func seal(_ record: UnsafeMutableRawPointer, _ log: LogID) -> UInt32 {
        let mutations = UnsafeRawBufferPointer(start: record + RecordHeader.size, count: length)
        return seal(record, log, crc32c(mutations))
    }
}
