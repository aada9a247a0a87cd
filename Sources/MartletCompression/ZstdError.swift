/// Why bytes that claim to be a zstd payload were refused.
///
/// Every case but ``damaged(_:)`` is found before anything is allocated for the result.
package enum ZstdError: Error, Equatable, Sendable {
    /// The declared length is above what the reader allows.
    case aboveLimit(declared: Int, limit: Int)
    /// The frame's header is missing, cut short, or does not state the length of its content.
    case unknownLength
    /// The frame's header states another length than the message around it.
    case lengthDiffers(declared: Int, stated: UInt64)
    /// The bytes are not exactly one whole frame: it is cut short, or something follows it.
    case notOneFrame(frameBytes: Int?, bytes: Int)
    /// The frame was made with another dictionary than the one at hand; 0: with none.
    case needsDictionary(UInt32)
    /// The content does not decompress to what its header says; the text is zstd's own.
    case damaged(String)
}

extension ZstdError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .aboveLimit(let declared, let limit):
            "compressed payload declares \(declared) bytes, the limit is \(limit)"
        case .unknownLength:
            "compressed payload does not state the length of its content"
        case .lengthDiffers(let declared, let stated):
            "compressed payload states \(stated) bytes, the message around it \(declared)"
        case .notOneFrame(.some(let frameBytes), let bytes):
            "compressed payload has \(bytes) bytes, its zstd frame \(frameBytes)"
        case .notOneFrame(.none, let bytes):
            "compressed payload of \(bytes) bytes is not a whole zstd frame"
        case .needsDictionary(0):
            "compressed payload names no dictionary"
        case .needsDictionary(let id):
            "compressed payload needs dictionary \(id)"
        case .damaged(let reason):
            "compressed payload is damaged: \(reason)"
        }
    }
}
