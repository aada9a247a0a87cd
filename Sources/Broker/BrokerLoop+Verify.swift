import Engine
import MartletWire
import Store

// Whether the store agrees with itself.

extension BrokerLoop {
    /// Problems named in one answer: a store with more is damaged beyond reading.
    private static let problemsMax = 1_000

    /// Looks at a part of the store, in a snapshot that no turn waits for.
    func verify(_ message: Verify, _ request: Request) throws {
        try read(request) { snapshot in
            let verifier = Verifier(asOf: snapshot.asOf, turn: snapshot.turn)
            do {
                try verifier.look(from: message.cursor, snapshot)
            } catch is VerifierCursorError {
                throw WireError.cursorInvalid()
            }
            return Verified(
                rows: verifier.rowsSeen, jobs: verifier.jobsSeen,
                problems: verifier.problems.prefix(BrokerLoop.problemsMax).map {
                    Verified.Problem(table: $0.table.id, $0.sentence)
                }, cursor: verifier.cursor)
        }
    }
}
