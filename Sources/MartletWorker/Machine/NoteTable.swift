import MartletWire
import NIOCore

/// Something that a handler says of its job while it runs.
enum Note: Equatable, Sendable {
    case progress(JobProgress)
    /// Lines of at most ``Limits/logLineBytesMax`` bytes.
    case log([String])
    case checkpoint(Checkpoint)
}

/// A place to go on from.
struct Checkpoint: Equatable, Sendable {
    /// Ascends within an attempt.
    let number: UInt64
    /// At most ``Limits/checkpointBytesMax``; none: there is no such place any more.
    let bytes: ByteBuffer
}

/// What handlers said and the server has not yet heard.
///
/// One message per job is under way at a time, so that a handler that reports every line it reads
/// costs no more than one that reports every second: of progress and checkpoints only the latest is
/// sent, and log lines travel together.
struct NoteTable {
    private var pending: [JobKey: PendingNotes] = [:]
    private var underWay: [JobKey: Note] = [:]

    private var isEmpty: Bool { pending.isEmpty && underWay.isEmpty }

    mutating func add(_ key: JobKey, _ note: Note) {
        pending[key, default: PendingNotes()].add(note)
    }

    /// What may be sent now.
    mutating func take() -> [(JobKey, Note)] {
        guard !pending.isEmpty else { return [] }
        var notes: [(JobKey, Note)] = []
        for key in pending.keys where underWay[key] == nil {
            guard let note = pending[key]?.next() else { continue }
            if pending[key]?.isEmpty == true { pending[key] = nil }
            underWay[key] = note
            notes.append((key, note))
        }
        return notes
    }

    mutating func answered(_ key: JobKey) {
        underWay[key] = nil
    }

    /// The handler has ended; nobody looks at its progress any more.
    ///
    /// - Returns: whether there is something else that the server must hear before the outcome.
    mutating func finish(_ key: JobKey) -> Bool {
        if isEmpty { return false }
        pending[key]?.progress = nil
        if pending[key]?.isEmpty == true { pending[key] = nil }
        return !isDone(key)
    }

    /// Nothing is left that the server must hear before the outcome.
    func isDone(_ key: JobKey) -> Bool {
        if case .log = underWay[key] { return false }
        if case .checkpoint = underWay[key] { return false }
        return pending[key] == nil
    }

    /// Nobody listens any more.
    mutating func remove(_ key: JobKey) {
        pending[key] = nil
        underWay[key] = nil
    }

    /// What was unanswered is said again, unless there is something newer to say.
    mutating func connectionLost() {
        for (key, note) in underWay { pending[key, default: PendingNotes()].restore(note) }
        underWay.removeAll()
    }
}

/// What one handler said and the server has not yet heard.
private struct PendingNotes {
    var progress: JobProgress?
    private var checkpoint: Checkpoint?
    private var lines = CircularBuffer<String>()
    private var lineBytes = 0
    /// Lines that there was no room for.
    private var dropped = 0

    var isEmpty: Bool { progress == nil && checkpoint == nil && lines.isEmpty }

    mutating func add(_ note: Note) {
        switch note {
        case .progress(let news): progress = news
        case .checkpoint(let latest): checkpoint = latest
        case .log(let more): for line in more { append(line) }
        }
    }

    mutating func restore(_ note: Note) {
        switch note {
        case .progress(let news): progress = progress ?? news
        case .checkpoint(let earlier): checkpoint = checkpoint ?? earlier
        case .log(let earlier):
            let later = Array(lines)
            lines.removeAll()
            lineBytes = 0
            for line in earlier + later { append(line) }
        }
    }

    /// Lines first: they tell what happened before.
    mutating func next() -> Note? {
        if !lines.isEmpty { return .log(takeLines()) }
        if let checkpoint = checkpoint.take() { return .checkpoint(checkpoint) }
        return progress.take().map { .progress($0) }
    }

    /// Keeps what the server would keep.
    private mutating func append(_ line: String) {
        lines.append(line)
        lineBytes += line.utf8.count
        while lines.count > Limits.logLinesKept || lineBytes > Limits.logBytesMax {
            lineBytes -= lines.removeFirst().utf8.count
            dropped += 1
        }
    }

    private mutating func takeLines() -> [String] {
        var taken: [String] = []
        var bytes = 0
        if dropped > 0 {
            taken.append("… \(dropped) lines were dropped here …")
            bytes += taken[0].utf8.count
            dropped = 0
        }
        while let line = lines.first, taken.count < Limits.logLinesMax,
            bytes + line.utf8.count <= Limits.logBytesMax
        {
            lines.removeFirst()
            lineBytes -= line.utf8.count
            bytes += line.utf8.count
            taken.append(line)
        }
        return taken
    }
}
