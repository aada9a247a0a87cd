import MartletWire

/// A check of the server's store, part by part.
public struct Verification: AsyncSequence, Sendable {
    public typealias Element = Part
    public typealias Failure = MartletError

    let client: MartletClient

    public func makeAsyncIterator() -> Iterator {
        Iterator(client: client)
    }

    /// What was found in one part.
    public struct Part: Sendable {
        /// Looked at.
        public let rows: Int
        /// Looked at.
        public let jobs: Int
        /// What is wrong, in words; empty when all is well.
        public let problems: [String]
    }

    public struct Iterator: AsyncIteratorProtocol {
        let client: MartletClient
        /// nil: the last part has been looked at.
        private var next: Verify? = Verify()

        init(client: MartletClient) {
            self.client = client
        }

        public mutating func next() async throws(MartletError) -> Part? {
            guard var message = next else { return nil }
            let answer = try await client.request(message, expecting: Verified.self)
            message.cursor = answer.cursor
            next = answer.cursor.isEmpty ? nil : message
            return Part(
                rows: Int(clamping: answer.rows), jobs: Int(clamping: answer.jobs),
                problems: answer.problems.map(\.sentence))
        }

        public mutating func next(
            isolation actor: isolated (any Actor)?
        ) async throws(MartletError) -> Part? {
            try await next()
        }
    }
}
