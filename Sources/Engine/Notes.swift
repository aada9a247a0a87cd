package import Store

/// What handlers say of running jobs, as rows of one table beside the job's own.
///
/// ```
/// progress   0        u16 done  message                 until the attempt ends
/// checkpoint n-th     a piece of its bytes              until the job is finished
/// log        offset   u64 at  u16 attempt  text         as long as the job
/// log state  0        u64 first  u64 next  u32 bytes    with the first line
/// cancelling job      u64 session  u64 token             of job 0: a list of the running jobs that are
///                                                       to be cancelled
/// ```
enum NoteKind: UInt8 {
    case progress = 0
    case checkpoint = 1
    case log = 2
    case logState = 3
    case cancelling = 4
}

extension Key {
    static func note(_ job: UInt64, _ kind: NoteKind, _ index: UInt64 = 0) -> Key {
        Key().adding(u64: job).adding(u8: kind.rawValue).adding(u64: index)
    }

    static func cancelling(_ job: UInt64) -> Key { note(0, .cancelling, job) }

    /// After the last note of a kind.
    fileprivate static func notes(_ job: UInt64, after kind: NoteKind) -> Key {
        Key().adding(u64: job).adding(u8: kind.rawValue + 1)
    }
}

/// The lines of a job's log that are kept, as offsets that count every line it ever logged.
struct LogState: Equatable {
    var first: UInt64 = 0
    /// That of the line that comes next.
    var next: UInt64 = 0
    /// Of all lines that are kept.
    var bytes: UInt32 = 0

    init() {}

    init(from reader: inout RowReader) throws(StoreError) {
        first = try reader.u64()
        next = try reader.u64()
        bytes = try reader.u32()
    }

    func write(to writer: inout RowWriter) {
        writer.u64(first)
        writer.u64(next)
        writer.u32(bytes)
    }

    static func read<Source: Rows & ~Copyable>(
        of job: UInt64, _ rows: borrowing Source
    ) throws -> LogState? {
        try rows.get(Tables.notes, .note(job, .logState)) { try LogState(from: &$0) }
    }
}

extension Engine {
    // MARK: From the worker

    /// Keeps what a handler says of its job while the attempt lasts.
    /// - Parameter done: in 1/10,000.
    /// - Returns: false when the lease is lost.
    package func progress(
        _ id: UInt64, token: UInt64, session: UInt64, done: UInt16, message: String,
        _ rows: borrowing Transaction
    ) throws -> Bool {
        guard let row = try rowToNote(on: id, token: token, session: session, rows) else {
            return false
        }
        try rows.put(Tables.notes, .note(id, .progress)) { writer in
            writer.u16(done)
            writer.bytes(Array(message.utf8))
        }
        guard events.isOn else { return true }
        var message = message
        message.withUTF8 {
            tell(
                .progress, id, row, .running, session: session, done: done,
                detail: UnsafeRawBufferPointer($0))
        }
        return true
    }

    /// Appends lines to a job's log; the oldest are dropped when it has too many.
    /// - Parameter lines: each UTF-8 of at most 4,096 bytes.
    /// - Returns: false when the lease is lost.
    package func log(
        _ id: UInt64, token: UInt64, session: UInt64, lines: [UnsafeRawBufferPointer],
        _ rows: borrowing Transaction
    ) throws -> Bool {
        guard let row = try rowToNote(on: id, token: token, session: session, rows) else {
            return false
        }
        let attempt = UInt16(clamping: row.endedAttempts + 1)
        var state = try LogState.read(of: id, rows) ?? LogState()
        for line in lines {
            try rows.put(Tables.notes, .note(id, .log, state.next)) { writer in
                writer.u64(stamp.now)
                writer.u16(attempt)
                writer.bytes(line)
            }
            state.next += 1
            state.bytes += UInt32(line.count)
        }
        try dropLines(of: id, &state, rows)
        try rows.put(Tables.notes, .note(id, .logState)) { state.write(to: &$0) }
        return true
    }

    private func dropLines(
        of id: UInt64, _ state: inout LogState, _ rows: borrowing Transaction
    ) throws {
        while state.next - state.first > EngineLimits.logLinesMax
            || state.bytes > EngineLimits.logBytesMax
        {
            let key = Key.note(id, .log, state.first)
            let bytes = try rows.get(Tables.notes, key) { reader in
                try reader.skip(10)
                return reader.remaining
            }
            _ = try rows.delete(Tables.notes, key)
            state.first += 1
            state.bytes -= min(state.bytes, UInt32(bytes ?? 0))
        }
    }

    /// Keeps bytes for the job's next attempt; none: forgets them.
    /// - Parameter bytes: at most `EngineLimits.checkpointBytesMax`.
    /// - Returns: false when the lease is lost.
    package func checkpoint(
        _ id: UInt64, token: UInt64, session: UInt64, _ bytes: UnsafeRawBufferPointer,
        _ rows: borrowing Transaction
    ) throws -> Bool {
        guard try rowToNote(on: id, token: token, session: session, rows) != nil else {
            return false
        }
        try forgetNotes(id, .checkpoint, rows)
        var index: UInt64 = 0
        var start = 0
        while start < bytes.count {
            let end = min(start + EngineLimits.pieceBytes, bytes.count)
            try rows.put(Tables.notes, .note(id, .checkpoint, index)) {
                $0.bytes(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            }
            start = end
            index += 1
        }
        return true
    }

    /// The row of a job that its worker may write notes on, marked as having some; nil when the lease is
    /// lost.
    private func rowToNote(
        on id: UInt64, token: UInt64, session: UInt64, _ rows: borrowing Transaction
    ) throws -> JobRow? {
        guard let (_, lease) = try findLease(of: id, token: token, rows), lease.session == session,
            var row = try load(id, rows)
        else { return nil }
        if !row.hasNotes {
            row.hasNotes = true
            try save(row, id, rows)
        }
        return row
    }

    // MARK: Ends

    /// The attempt ended: what the handler said of its progress goes.
    func forgetProgress(_ id: UInt64, _ row: JobRow, _ rows: borrowing Transaction) throws {
        if row.hasNotes { _ = try rows.delete(Tables.notes, .note(id, .progress)) }
    }

    /// The job is finished: only its log stays.
    func forgetNotesOfAttempts(
        _ id: UInt64, _ row: inout JobRow, _ rows: borrowing Transaction
    ) throws {
        try delete(from: .note(id, .progress), to: .notes(id, after: .checkpoint), rows)
        row.hasNotes = try rows.contains(Tables.notes, .note(id, .logState))
    }

    /// The job is gone, and all its notes.
    func forgetNotes(_ id: UInt64, _ rows: borrowing Transaction) throws {
        try delete(from: .note(id, .progress), to: .notes(id, after: .logState), rows)
    }

    private func forgetNotes(
        _ id: UInt64, _ kind: NoteKind, _ rows: borrowing Transaction
    ) throws {
        try delete(from: .note(id, kind), to: .notes(id, after: kind), rows)
    }

    private func delete(from: Key, to end: Key, _ rows: borrowing Transaction) throws {
        var keys: [Key] = []
        try rows.scan(Tables.notes, from: from, to: end) { key, _ in
            keys.append(key.whole)
            return .next
        }
        for key in keys { _ = try rows.delete(Tables.notes, key) }
    }
}

// MARK: - Reading

/// Some lines of a job's log.
package struct LogPage: Sendable, Equatable {
    package struct Line: Sendable, Equatable {
        /// Counts every line the job ever logged, from 0.
        package var offset: UInt64
        /// Milliseconds since 1970.
        package var at: UInt64
        package var attempt: UInt16
        package var text: String
    }

    /// Offset of the first line that is kept.
    package var first: UInt64 = 0
    /// Offset of the line after the last of these.
    package var next: UInt64 = 0
    package var lines: [Line] = []
}

extension JobInspector {
    /// Lines of a job's log from an offset on.
    /// - Returns: nil when there is no such job.
    package static func log<Source: Rows & ~Copyable>(
        of id: UInt64, from offset: UInt64, limit: Int, _ rows: borrowing Source
    ) throws -> LogPage? {
        guard try rows.contains(Tables.jobs, .job(id)) else { return nil }
        guard let state = try LogState.read(of: id, rows) else { return LogPage() }
        let from = max(offset, state.first)
        var page = LogPage(first: state.first, next: min(from, state.next))
        let start = Key.note(id, .log, from)
        try rows.scan(Tables.notes, from: start, to: .notes(id, after: .log)) { key, reader in
            guard page.lines.count < limit else { return .stop }
            _ = (try key.u64(), try key.u8())
            let line = LogPage.Line(
                offset: try key.u64(), at: try reader.u64(), attempt: try reader.u16(),
                text: String(decoding: reader.rest(), as: UTF8.self))
            page.lines.append(line)
            page.next = line.offset + 1
            return .next
        }
        return page
    }

    /// What a job's handler said last of its progress, while it runs.
    static func progress<Source: Rows & ~Copyable>(
        of id: UInt64, _ rows: borrowing Source
    ) throws -> (done: UInt16, message: String)? {
        try rows.get(Tables.notes, .note(id, .progress)) { reader in
            (try reader.u16(), String(decoding: reader.rest(), as: UTF8.self))
        }
    }

    /// Visits the pieces of a job's checkpoint in order.
    static func checkpoint<Source: Rows & ~Copyable>(
        of id: UInt64, _ rows: borrowing Source, _ body: (UnsafeRawBufferPointer) -> Void
    ) throws {
        let start = Key.note(id, .checkpoint)
        try rows.scan(Tables.notes, from: start, to: .notes(id, after: .checkpoint)) { _, reader in
            body(reader.rest())
            return .next
        }
    }
}
