import Foundation
import Hummingbird
import MartletClient
import MartletWire

extension RequestContext {
    /// The job that the path names.
    func jobID() throws -> JobStatus.ID {
        let text = try segment("id")
        guard let id = JobStatus.ID(text) else { throw Problem.idInvalid(text) }
        return id
    }

    /// The queue that the path names.
    func queueName() throws -> String {
        let name = try segment("queue")
        try Names.check(queue: name)
        return name
    }

    /// The bulk action that the path names.
    func actionID() throws -> UInt64 {
        let text = try segment("id")
        guard let id = UInt64(text) else {
            throw Problem(
                status: .notFound, code: ErrorCode.actionNotFound.name,
                detail: "no action \(text.prefix(40)); its number is in the answer that began it")
        }
        return id
    }

    /// A part of the path between slashes, as it was before it was escaped for it.
    private func segment(_ name: String) throws -> String {
        let text = try parameters.require(name)
        return text.removingPercentEncoding ?? text
    }
}
