import ArgumentParser
import MartletClient
import MartletWire

/// A job's id on the command line.
struct JobArgument: ExpressibleByArgument {
    private let text: String

    init(argument: String) {
        text = argument
    }

    /// - Throws: when the text is no id, what is said of an id that nobody has.
    func id() throws(CommandFailure) -> JobStatus.ID {
        guard let id = JobStatus.ID(text) else { throw notFound }
        return id
    }

    /// Asks the server about this job; a text that is no id gets the same answer as an id that
    /// nobody has.
    func ask<Answer>(
        _ question: (JobStatus.ID) async throws(MartletError) -> Answer
    ) async throws(CommandFailure) -> Answer {
        let id = try id()
        do throws(MartletError) {
            return try await question(id)
        } catch {
            throw failure(error)
        }
    }

    /// What an error that the server answered with means, said of this job.
    func failure(_ error: MartletError) -> CommandFailure {
        switch error.code {
        case .jobNotFound: notFound
        case .waitTimeout:
            CommandFailure(.waitTimedOut, "job \(text) was not finished in time.")
        default: CommandFailure(error)
        }
    }

    private var notFound: CommandFailure {
        CommandFailure(
            .notFound,
            "no job \(text). Ids look like 0000000k5m2q; `martlet job list` shows recent ones.")
    }
}
