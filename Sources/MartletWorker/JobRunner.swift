import MartletClient
import MartletWire
import NIOCore

/// From a delivery to its result: unpack, handle, pack.
final class JobRunner: Sendable {
    private let handlers: HandlerTable
    private let packer: PayloadPacker
    private let dictionaries = DictionaryCache()

    init(_ handlers: HandlerTable, _ packer: PayloadPacker) {
        self.handlers = handlers
        self.packer = packer
    }

    /// The server's limit for results bounds what a payload may be inflated to as well.
    ///
    /// - Parameter connection: to the server that has dictionaries; nil: there is none now.
    func run(_ attempt: Attempt, _ connection: WireConnection?) async -> HandlerResult {
        let job = attempt.job
        guard let handler = handlers[job.type] else {
            return .failed(
                FailureReport.report("no handler for type \(job.type) in this worker", "NoHandler"))
        }
        let payload: ByteBuffer
        do throws(MartletError) {
            payload = try await unpack(job.payload, limit: attempt.resultBytesMax, connection)
        } catch  where error.isRetryable && job.payload.codec == .zstdDictionary {
            return .released
        } catch {
            return .failed(FailureReport.failure(of: error))
        }
        do {
            let output = try await handler.run(payload, JobContext(attempt))
            guard output.readableBytes > 0 else { return .completed(nil) }
            return .completed(try packer.pack(output, limit: attempt.resultBytesMax))
        } catch is CancellationError {
            return attempt.reason == .shutdown ? .released : .cancelled
        } catch {
            return .failed(FailureReport.failure(of: error))
        }
    }

    private func unpack(
        _ payload: Payload, limit: Int, _ connection: WireConnection?
    ) async throws(MartletError) -> ByteBuffer {
        guard payload.codec == .zstdDictionary else {
            return try packer.unpack(payload, limit: limit, with: nil)
        }
        let dictionary = try await dictionaries.dictionary(of: payload) {
            (message) throws(MartletError) in
            guard let connection else {
                throw MartletError(.connectionLost, "no connection", isRetryable: true)
            }
            return try await connection.request(message, expecting: DictionaryMessage.self)
        }
        return try packer.unpack(payload, limit: limit, with: dictionary)
    }
}
