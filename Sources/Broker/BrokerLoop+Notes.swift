import Engine
import MartletWire
import NIOCore
import Store

// What workers say of the jobs they run.

extension BrokerLoop {
    func progress(
        _ message: ProgressMessage, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        let isHeld = try engine.progress(
            message.id.rawValue, token: message.token, session: request.peer.session,
            done: message.progress.done, message: message.progress.message, rows)
        try replyDone(message.id, isHeld, to: request)
    }

    func log(_ body: ByteBuffer, _ request: Request, _ rows: borrowing Transaction) throws {
        guard store.acceptsSubmissions else { throw storeFull() }
        try body.withReader { reader in
            let log = try LogView(from: &reader)
            let isHeld = try engine.log(
                log.id.rawValue, token: log.token, session: request.peer.session, lines: log.lines,
                rows)
            try replyDone(log.id, isHeld, to: request)
        }
    }

    func checkpoint(
        _ message: CheckpointMessage, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        guard store.acceptsSubmissions else { throw storeFull() }
        let isHeld = try message.bytes.withReader { reader in
            try engine.checkpoint(
                message.id.rawValue, token: message.token, session: request.peer.session,
                reader.rest(), rows)
        }
        try replyDone(message.id, isHeld, to: request)
    }

    private func replyDone(_ id: JobID, _ isHeld: Bool, to request: Request) throws {
        guard isHeld else { throw WireError.leaseLost(id) }
        reply(Done(), to: request)
    }
}

extension Failure {
    /// The worker computes the fingerprint; one is made here for a worker that does not.
    init(_ failure: JobFailureView) {
        let none = UnsafeRawBufferPointer.none
        let errorClass = failure.errorClass ?? none
        self.init(
            message: failure.message, errorClass: errorClass, stack: failure.stack ?? none,
            fingerprint: failure.fingerprint
                ?? ErrorFingerprint.of(errorClass: errorClass, message: failure.message))
        retryAfter = failure.retryAfterMilliseconds
        isDiscard = failure.discards
    }
}
