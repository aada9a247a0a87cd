@testable import MartletClient

/// The error that a task ended with; nil when it ended well or with another kind of error.
func failure<Success: Sendable>(of task: Task<Success, any Error>) async -> MartletError? {
    switch await task.result {
    case .success: nil
    case .failure(let error): error as? MartletError
    }
}
