import MartletClient
import NIOCore

extension Handler {
    /// Runs the command for every job whose type has no other handler, with the job's marks in its environment.
    package static func command(_ subprocess: SubprocessHandler) -> Handler {
        .anyType { payload, context in
            try await subprocess.run(
                payload, environment: context.environment, outputBytesMax: context.resultBytesMax)
        }
    }
}

extension JobContext {
    fileprivate var environment: [String: String] {
        [
            "MARTLET_JOB_ID": id.description,
            "MARTLET_ATTEMPT": String(attempt),
            "MARTLET_LEASE_TOKEN": String(leaseToken),
            "MARTLET_QUEUE": queue,
            "MARTLET_TYPE": type,
        ]
    }
}
