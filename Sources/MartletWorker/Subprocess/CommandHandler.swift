import MartletClient
import NIOCore

extension Handler {
    /// Runs the command for every job whose type has no other handler, with the job's marks in its
    /// environment, and does what it says on its control pipe.
    package static func command(_ subprocess: SubprocessHandler) -> Handler {
        .anyType { payload, context in
            try await subprocess.run(
                payload, environment: context.environment, outputBytesMax: context.resultBytesMax,
                checkpoint: context.checkpoint, onControl: { context.obey($0) })
        }
    }
}

extension JobContext {
    fileprivate var environment: [String: String] {
        var environment = [
            "MARTLET_JOB_ID": id.description,
            "MARTLET_ATTEMPT": String(attempt),
            "MARTLET_LEASE_TOKEN": String(leaseToken),
            "MARTLET_QUEUE": queue,
            "MARTLET_TYPE": type,
            "MARTLET_TAGS": tags.joined(separator: " "),
        ]
        for (name, value) in headers {
            environment["MARTLET_HEADER_\(Self.variable(name))"] = value
        }
        return environment
    }

    /// `x-request-id` becomes `X_REQUEST_ID`.
    private static func variable(_ header: String) -> String {
        String(header.uppercased().map { $0.isLetter || $0.isNumber ? $0 : "_" })
    }
}
