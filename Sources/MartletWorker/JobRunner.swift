import MartletClient
import MartletWire
import NIOCore

/// From a delivery to its result: unpack, handle, pack.
struct JobRunner: Sendable {
    let handlers: HandlerTable
    let packer: PayloadPacker
    let dictionaries = DictionaryCache()

    /// The server's limit for results bounds what a payload may be inflated to as well.
    ///
    /// - Parameter fetch: gets dictionaries from the server; nil: there is no connection to it.
    func run(
        _ job: DeliveredJob, context: JobContext, fetching fetch: DictionaryCache.Fetch?
    ) async -> HandlerResult {
        guard let handler = handlers[job.type] else {
            return .failed(
                FailureReport.report("no handler for type \(job.type) in this worker", "NoHandler"))
        }
        let payload: ByteBuffer
        do throws(MartletError) {
            payload = try await unpack(job.payload, limit: context.resultBytesMax, fetch)
        } catch  where error.isRetryable && job.payload.codec == .zstdDictionary {
            return .released
        } catch {
            return .failed(FailureReport.failure(of: error))
        }
        do {
            let output = try await handler.run(payload, context)
            guard output.readableBytes > 0 else { return .completed(nil) }
            return .completed(try packer.pack(output, limit: context.resultBytesMax))
        } catch is CancellationError {
            return .cancelled
        } catch {
            return .failed(FailureReport.failure(of: error))
        }
    }

    private func unpack(
        _ payload: Payload, limit: Int, _ fetch: DictionaryCache.Fetch?
    ) async throws(MartletError) -> ByteBuffer {
        let dictionary = try await dictionaries.dictionary(of: payload) {
            (message) throws(MartletError) in
            guard let fetch else {
                throw MartletError(.connectionLost, "no connection", isRetryable: true)
            }
            return try await fetch(message)
        }
        return try packer.unpack(payload, limit: limit, with: dictionary)
    }
}
