import Engine
import Store

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The store of a broker that does not run, opened to be looked at as a whole.
///
/// Opening recovers what a crash left in the log, as the broker itself would. It belongs to the thread that
/// opened it.
package struct ClosedStore: ~Copyable {
    private let store: Store
    private let now = BrokerClock().now

    /// - Throws: `BrokerFailure`: there is none, a broker has it, or it can't be read.
    package init(_ directory: String) throws(BrokerFailure) {
        // Opened as it is for a broker, one that is not there would be made.
        guard access("\(directory)/MARTLET", F_OK) == 0 else {
            throw .cannotStart("\(directory) is not a Martlet data directory")
        }
        do {
            store = try Store.open(
                Store.Configuration(
                    directory: directory, formatVersion: Tables.formatVersion, tables: Tables.all))
        } catch {
            throw BrokerFailure(error)
        }
    }

    /// What was looked at, and what is wrong.
    package struct Findings: Sendable {
        package let rows: Int
        package let jobs: Int
        /// A sentence each.
        package let problems: [String]
    }

    package func verify() throws -> Findings {
        try store.checkpoint(now: now)
        let verifier = try store.snapshot { try Verifier.everything(asOf: now, $0) }
        let storageProblems = try store.storageProblems()
        return Findings(
            rows: Int(clamping: verifier.rowsSeen), jobs: Int(clamping: verifier.jobsSeen),
            problems: verifier.problems.map(\.sentence) + storageProblems)
    }

    /// - Returns: what was done, a sentence each.
    package func repair() throws -> [String] {
        try Repair.run(store, now: now).sentences
    }

    package consuming func close() throws { try store.close(now: now) }
}
