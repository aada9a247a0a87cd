import MartletWire
import NIOCore

/// Packs payloads into as few messages as the server's limits allow.
struct SubmissionBatcher {
    /// A message is ended once it has this much: larger ones gain no throughput, and wait longer.
    private static let payloadBytesAim = 4 << 20

    private let head: Submit
    private let itemsMax: Int
    private let payloadBytesMax: Int
    private var full: [Submit] = []
    private var current: Submit
    private var currentBytes = 0

    /// - Parameter head: a message without items, whose other fields all messages share.
    init(head: Submit, limits: ServerLimits) {
        self.head = head
        current = head
        itemsMax = Int(limits.batchMax)
        payloadBytesMax = min(
            Self.payloadBytesAim, Int(limits.messageBytesMax) - Limits.messageOverheadBytes)
    }

    mutating func append(_ payload: Payload) {
        let bytes = PayloadHead.byteCount + payload.bytes.readableBytes
        if current.items.count == itemsMax || currentBytes + bytes > payloadBytesMax { end() }
        current.items.append(SubmitItem(payload: payload))
        currentBytes += bytes
    }

    consuming func finish() -> [Submit] {
        end()
        return full
    }

    private mutating func end() {
        guard !current.items.isEmpty else { return }
        full.append(current)
        current = head
        currentBytes = 0
    }
}
