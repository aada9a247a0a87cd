package import NIOCore

/// The first bytes that a client sends: they tell Martlet from noise and carry the protocol's version.
package enum Preface {
    /// The newest version spoken here.
    package static let version: UInt8 = 1

    package static let byteCount = 8

    /// `MARTLET`, then the version.
    package static let bytes: [UInt8] = magic + [version]

    private static let magic = Array("MARTLET".utf8)

    /// What a connection's first bytes turned out to be.
    package enum Finding: Equatable, Sendable {
        /// All is well so far, but more bytes are needed.
        case incomplete
        case ok
        /// Not Martlet's; said at the first byte that differs.
        case bad
        /// Martlet's, of a version not spoken here.
        case version(UInt8)
    }

    /// Looks at the readable bytes of `buffer` and moves nothing.
    package static func check(_ buffer: ByteBuffer) -> Finding {
        let view = buffer.readableBytesView
        for (expected, found) in zip(magic, view) where expected != found { return .bad }
        guard view.count >= byteCount else { return .incomplete }
        let found = view[view.startIndex + magic.count]
        return found == version ? .ok : .version(found)
    }
}
