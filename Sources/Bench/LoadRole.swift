import MartletWire
import NIOCore

/// What one connection is there for. Writes requests to `out`, which is sent once for everything that came in one read.
protocol LoadRole {
    /// When it wants to be woken, an instant of `LoadClock`.
    var wakeAt: UInt64? { get }

    /// Sends the first requests.
    mutating func begin(
        at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer)

    /// Its instant has come.
    mutating func wake(
        at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer)

    /// Takes an answer or a push.
    ///
    /// - Throws: What the run ends with.
    mutating func receive(
        _ frame: Frame, at now: UInt64, _ progress: inout LoadProgress, to out: inout ByteBuffer
    ) throws

    /// Goes on on a new connection: what had no answer is sent again.
    ///
    /// - Parameter isResumed: The server still knows the session and its leases.
    mutating func resume(isResumed: Bool, to out: inout ByteBuffer)
}

extension BenchError {
    static func unexpected(_ frame: Frame) -> BenchError {
        let opcode = String(frame.header.opcode, radix: 16)
        return .misbehaved(
            "the server sent opcode 0x\(opcode) with request id \(frame.header.requestID), "
                + "for which there was no request")
    }
}
