import Foundation
import Synchronization
package import Testing

/// Runs only a few tests of a process at a time: what waits for its turn uses up neither memory nor its time
/// limit, which so is for the test and not for its neighbours.
package struct FewAtATime: TestTrait, SuiteTrait, TestScoping {
    package var isRecursive: Bool { true }

    /// A test takes one turn for all its cases; the time limit counts for each case, within that.
    package func scopeProvider(for test: Test, testCase: Test.Case?) -> FewAtATime? {
        test.isSuite || testCase != nil ? nil : self
    }

    package func provideScope(
        for test: Test, testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        await Turns.shared.take()
        defer { Turns.shared.giveBack() }
        try await function()
    }
}

extension Trait where Self == FewAtATime {
    /// For tests that wait for sockets and threads: with all of them under way at once, each takes as long as
    /// all together.
    package static var fewAtATime: FewAtATime { FewAtATime() }
}

/// As many turns as there are tests that may run.
private final class Turns: Sendable {
    static let shared = Turns(2 * ProcessInfo.processInfo.activeProcessorCount)

    private let state: Mutex<(free: Int, waiting: [CheckedContinuation<Void, Never>])>

    init(_ count: Int) { state = Mutex((count, [])) }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
