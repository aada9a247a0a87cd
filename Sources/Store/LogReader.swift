import Glibc

/// Reads the log behind a checkpoint, at the start of the store.
///
/// The log ends where no valid record follows. That is its normal end, torn record or not, unless a valid
/// later record lies behind it that was begun when this one was durable: then a turn that later ones build on is
/// damaged, and going on would lose it silently. Damage to the last record, or the last but one, can look like a crash.
struct LogReader {
    struct Result {
        var end: LogPosition
        var recovery = Store.Recovery()
        /// Where records lie behind the end, in its segment, that the disk was done with before those they build on.
        var overtaking: [Int] = []
    }

    private let files: LogFiles
    private let id: LogID

    init(_ files: LogFiles, _ id: LogID) {
        self.files = files
        self.id = id
    }

    /// Passes the mutations of each turn after `start`, in order, to `apply`.
    func replay(
        from start: LogPosition, _ apply: (UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) -> Result {
        let segments = try files.list().segments.filter { $0 >= start.segment }
        var result = Result(end: start)
        for (index, number) in segments.enumerated() {
            guard number == start.segment + UInt64(index) else { break }
            let segment = try Segment(files, number, id)
            defer { segment.bytes.deallocate() }
            if index > 0 { try enter(segment, &result.end) }
            try read(segment, &result, apply)
            if index == segments.count - 1 { try checkEnd(segment, &result) }
        }
        try checkComplete(segments, from: start, result)
        result.recovery.lastTurn = result.end.turn
        return result
    }

    /// A segment goes on exactly where the one before it ended, or records were lost between them.
    private func enter(_ segment: Segment, _ end: inout LogPosition) throws(StoreError) {
        guard segment.header.firstTurn == end.turn + 1, segment.header.previous == end.checksum
        else {
            throw damaged(end, "turn \(end.turn + 1) is damaged and later turns follow it")
        }
        end.segment = segment.header.number
        end.offset = LogFormat.firstRecord
    }

    private func read(
        _ segment: Segment, _ result: inout Result,
        _ apply: (UnsafeRawBufferPointer) throws(StoreError) -> Void
    ) throws(StoreError) {
        result.recovery.segments += 1
        while let (header, checksum) = segment.record(at: result.end.offset, id),
            header.turn == result.end.turn + 1, header.previous == result.end.checksum
        {
            let record = segment.bytes[result.end.offset...].dropFirst(RecordHeader.size)
            try apply(UnsafeRawBufferPointer(rebasing: record.prefix(header.length)))
            result.end.advance(LogFormat.blocks(RecordHeader.size + header.length), checksum)
            result.recovery.turnsReplayed += 1
        }
    }

    /// Behind the log's end only records of turns long past may lie, left over from the segment's earlier use, and
    /// such as were begun before the turn that is missing was durable.
    private func checkEnd(_ segment: Segment, _ result: inout Result) throws(StoreError) {
        let end = result.end
        for offset in stride(from: end.offset, to: segment.bytes.count, by: LogFormat.block) {
            guard let (header, _) = segment.record(at: offset, id), header.turn > end.turn else {
                continue
            }
            guard header.turn > end.turn + 1, header.durableTurn <= end.turn else {
                throw damaged(
                    end,
                    "turn \(end.turn + 1) is damaged and turn \(header.turn) follows at \(offset)")
            }
            result.overtaking.append(offset)
        }
        result.recovery.turnsWiped = result.overtaking.count
        result.recovery.tornBytes = segment.tornBytes(at: end.offset, turn: end.turn + 1, id)
    }

    private func checkComplete(
        _ segments: [UInt64], from start: LogPosition, _ result: Result
    ) throws(StoreError) {
        guard segments.first == start.segment else {
            throw damaged(start, "log segment \(start.segment) is missing")
        }
        guard let last = segments.last, last == result.end.segment else {
            throw damaged(result.end, "log segment \(result.end.segment + 1) is missing")
        }
    }

    private func damaged(_ at: LogPosition, _ what: String) -> StoreError {
        StoreError(
            .logDamaged(segment: at.segment, offset: at.offset, turn: at.turn + 1),
            "the log in \(files.directory) is damaged in segment \(at.segment) at offset \(at.offset): "
                + what)
    }
}

extension LogReader {
    /// A segment in memory; what is cut off its end reads as zeros.
    private struct Segment {
        let header: SegmentHeader
        let bytes: UnsafeMutableRawBufferPointer

        init(_ files: LogFiles, _ number: UInt64, _ id: LogID) throws(StoreError) {
            let path = files.path(LogFiles.name(number))
            let descriptor = try System.open(path, O_RDONLY, "opening")
            defer { System.close(descriptor) }
            let size = max(LogFormat.blocks(try System.size(descriptor, path)), LogFormat.block)
            bytes = .allocate(byteCount: size, alignment: LogFormat.block)
            do {
                let count = try System.read(descriptor, bytes, at: 0, path)
                bytes[count...].initializeMemory(as: UInt8.self, repeating: 0)
                header = try Self.header(bytes, number, id, path)
            } catch {
                bytes.deallocate()
                throw error
            }
        }

        private static func header(
            _ bytes: UnsafeMutableRawBufferPointer, _ number: UInt64, _ id: LogID, _ path: String
        ) throws(StoreError) -> SegmentHeader {
            guard let base = bytes.baseAddress, let header = SegmentHeader(base, id),
                header.number == number
            else {
                throw StoreError(
                    .logDamaged(segment: number, offset: 0, turn: 0),
                    "the header of log segment \(path) is damaged")
            }
            return header
        }

        /// The valid record at an offset, with its checksum.
        func record(at offset: Int, _ id: LogID) -> (RecordHeader, UInt32)? {
            guard offset < bytes.count else { return nil }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            guard let header = RecordHeader(rest, id), let checksum = header.verified(rest, id)
            else {
                return nil
            }
            return (header, checksum)
        }

        /// Bytes of an invalid record that was begun at an offset.
        func tornBytes(at offset: Int, turn: UInt64, _ id: LogID) -> Int {
            guard offset < bytes.count else { return 0 }
            let rest = UnsafeRawBufferPointer(rebasing: bytes[offset...])
            guard let header = RecordHeader(rest, id), header.turn == turn else { return 0 }
            return RecordHeader.size + header.length
        }
    }
}
