import ArgumentParser
import MartletClient
import MartletWire

/// `martlet job …`: looks at single jobs.
struct JobCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "job",
        abstract: "Look at jobs.",
        subcommands: [JobGet.self, JobWait.self, JobResult.self, JobList.self])
}

/// A job's id on the command line.
struct JobArgument: ExpressibleByArgument {
    private let text: String

    init(argument: String) {
        text = argument
    }

    /// Asks the server about this job; a text that is no id gets the same answer as an id that
    /// nobody has.
    func ask(_ question: (JobStatus.ID) async throws(MartletError) -> JobInfo) async throws
        -> JobInfo
    {
        guard let id = JobStatus.ID(text) else { throw notFound }
        do throws(MartletError) {
            return try await question(id)
        } catch {
            switch error.code {
            case .jobNotFound: throw notFound
            case .waitTimeout:
                throw CommandFailure(.waitTimedOut, "job \(id) was not finished in time.")
            default: throw error
            }
        }
    }

    private var notFound: CommandFailure {
        CommandFailure(
            .notFound,
            "no job \(text). Ids look like 0000000k5m2q; `martlet job list` shows recent ones.")
    }
}
