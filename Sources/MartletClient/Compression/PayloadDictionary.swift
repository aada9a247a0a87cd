public import Foundation
package import MartletWire

/// What the server knows of a dictionary that payloads of a job type are compressed with.
public struct PayloadDictionary: Hashable, Sendable {
    public enum State: String, Hashable, Sendable {
        /// Payloads that are pushed now are compressed with it.
        case active
        /// It is kept for the jobs that need it, and goes with the last of them.
        case retired
    }

    /// Never that of another dictionary.
    public let id: UInt32
    public let type: String
    /// 1, 2, … of the type.
    public let version: Int
    public let state: State
    public let createdAt: Date
    public let retiredAt: Date?
    /// Length of the dictionary in bytes.
    public let byteCount: Int
    /// Payloads and results of stored jobs that need it.
    public let references: Int
}

extension PayloadDictionary {
    package init(_ info: DictionaryInfo) {
        id = info.id
        type = info.type
        version = Int(info.version)
        state = info.state == .active ? .active : .retired
        createdAt = Date(protocolTime: info.createdAt)
        retiredAt = .orNil(protocolTime: info.retiredAt)
        byteCount = Int(info.byteCount)
        references = Int(clamping: info.references)
    }
}
