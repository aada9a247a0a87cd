import Synchronization

/// Handlers wait here until the test lets them go on; the test waits here until so many have come.
final class Gate: Sendable {
    private let arrivals: AsyncStream<JobMark>
    private let arrival: AsyncStream<JobMark>.Continuation
    private let passes: AsyncStream<Void>
    private let pass: AsyncStream<Void>.Continuation
    private let count = Mutex((now: 0, most: 0))

    typealias JobMark = String

    init() {
        (arrivals, arrival) = AsyncStream.makeStream()
        (passes, pass) = AsyncStream.makeStream()
    }

    /// The most handlers that were here at a time.
    var most: Int { count.withLock { $0.most } }

    /// In a handler: says that it is here, then waits. Returns early when its task is cancelled.
    func wait(_ mark: JobMark = "") async {
        count.withLock {
            $0.now += 1
            $0.most = max($0.most, $0.now)
        }
        arrival.yield(mark)
        for await _ in passes { break }
        count.withLock { $0.now -= 1 }
    }

    /// In the test: waits until the next handler is here.
    @discardableResult
    func arrived() async -> JobMark? {
        for await mark in arrivals { return mark }
        return nil
    }

    /// Lets one handler pass, the present or the next.
    func open() {
        pass.yield()
    }
}
