import MartletClient
import MartletWire
import NIOCore

/// From a delivery to its result: unpack, handle, pack.
struct JobRunner: Sendable {
    let handlers: HandlerTable
    let packer: PayloadPacker

    /// The server's limit for results bounds what a payload may be inflated to as well.
    func run(_ job: DeliveredJob, context: JobContext) async -> HandlerResult {
        guard let handler = handlers[job.type] else {
            return .failed(
                FailureReport.report("no handler for type \(job.type) in this worker", "NoHandler"))
        }
        do {
            let payload = try packer.unpack(job.payload, limit: context.resultBytesMax)
            let output = try await handler.run(payload, context)
            guard output.readableBytes > 0 else { return .completed(nil) }
            return .completed(try packer.pack(output, limit: context.resultBytesMax))
        } catch is CancellationError {
            return .cancelled
        } catch {
            return .failed(FailureReport.failure(of: error))
        }
    }
}
