/// Values that come from somewhere else, taken one by one in order.
struct Mailbox<Value: Sendable>: Sendable {
    private let stream: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func put(_ value: Value) { continuation.yield(value) }

    func close() { continuation.finish() }

    /// Waits for the next value; `nil`: there will be none.
    func next() async -> Value? {
        for await value in stream { return value }
        return nil
    }

    /// Waits for the next value that fits, and drops those before it.
    func next(where fits: (Value) -> Bool) async -> Value? {
        for await value in stream where fits(value) { return value }
        return nil
    }
}
