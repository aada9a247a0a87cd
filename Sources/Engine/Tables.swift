package import Store

/// Every table of the broker. Ids are in the redo log: they never change meaning.
///
/// | table | key | row |
/// | --- | --- | --- |
/// | counters | – | next job id, next lease token, next queue id |
/// | queues | queue | `QueueRow` |
/// | names | queue | the queue's name once more: written once, so that damage to one leaves the other |
/// | jobs | job | `JobRow`: the only row that every job has |
/// | pieces | job, part, index | of payloads and results too long for a leaf page, whole pages; whose a staged one is |
/// | index | queue, state, order, first job | number of consecutive jobs: a run; every job is in one, unless it runs |
/// | leases | first job, token | `LeaseRow`: one delivery |
/// | timers | due, kind, two numbers | `Timer`: whatever is to happen at an instant; for runs of jobs their number |
/// | sessions | session | `SessionRow` |
/// | producers | producer | `Producer`: answers given to submissions |
/// | answers | producer, sequence, index | answers with refused items, in pieces |
/// | staging | first job | number of jobs whose payloads are stored ahead of them |
/// | unique | queue, hash of the key, job | `UniqueRow`: who holds a unique key |
/// | notes | job, kind, number | what handlers say of running jobs |
/// | groups | queue, fingerprint | dead jobs of the same error |
/// | actions | action | `ActionRow`: an action on many jobs |
/// | times | queue, hash of the type | `TimesRow`: how long jobs waited and ran |
/// | dictionaries | dictionary, index | `DictionaryRow` at 0, then its bytes in pieces |
/// | damaged | table, key | bytes of a record that did not match its check value |
package enum Tables {
    static let counters = Table(id: 1, name: "counters")
    static let queues = Table(id: 2, name: "queues")
    static let jobs = Table(id: 3, name: "jobs", isBrief: true)
    static let pieces = Table(id: 4, name: "pieces", isLong: true)
    static let index = Table(id: 5, name: "index")
    static let leases = Table(id: 6, name: "leases")
    static let timers = Table(id: 7, name: "timers")
    static let sessions = Table(id: 8, name: "sessions")
    static let producers = Table(id: 9, name: "producers")
    static let damaged = Table(id: 11, name: "damaged")
    static let staging = Table(id: 12, name: "staging")
    static let unique = Table(id: 13, name: "unique")
    static let notes = Table(id: 14, name: "notes")
    static let groups = Table(id: 15, name: "groups")
    static let actions = Table(id: 16, name: "actions")
    static let times = Table(id: 17, name: "times")
    static let answers = Table(id: 18, name: "answers")
    static let names = Table(id: 19, name: "names")
    static let dictionaries = Table(id: 20, name: "dictionaries")

    package static let all = [
        counters, queues, jobs, pieces, index, leases, timers, sessions, producers,
        damaged, staging, unique, notes, groups, actions, times, answers, names,
        dictionaries,
    ]

    /// Version of the rows in these tables. A change of any row's layout raises it, and comes with
    /// code that reads the version before; a broker refuses a store of a newer version.
    package static let formatVersion: UInt32 = 5
}

extension Key {
    static func job(_ id: UInt64) -> Key { Key().adding(u64: id) }

    static func queue(_ id: UInt32) -> Key { Key().adding(u32: id) }

    static func lease(_ first: UInt64, _ token: UInt64) -> Key {
        Key().adding(u64: first).adding(u64: token)
    }

    static func answer(_ producer: UInt64, _ sequence: UInt64, _ index: UInt32) -> Key {
        Key().adding(u64: producer).adding(u64: sequence).adding(u32: index)
    }

    /// Where a damaged record is kept that was under a key in its table.
    static func damaged(_ table: Table, _ key: Key) -> Key {
        var whole = Key().adding(u8: table.id)
        key.withBytes { whole.bytes($0) }
        return whole
    }

    static func piece(_ job: UInt64, _ part: PayloadPart, _ index: UInt32) -> Key {
        Key().adding(u64: job).adding(u8: part.rawValue).adding(u32: index)
    }

    /// Behind all pieces of a staged payload or result: the job that has it.
    static func owner(ofStaged staged: UInt64) -> Key { piece(staged, .result, .max) }
}

/// Which of a job's two byte strings a piece belongs to.
package enum PayloadPart: UInt8 {
    case payload = 0
    case result = 1
}
