/// What a frame's body is. Requests have their top bit clear, replies and pushes have it set.
package enum Opcode: UInt8, CaseIterable, Sendable {
    case hello = 0x01
    case ping = 0x02
    case bye = 0x03
    case close = 0x04
    case submit = 0x10
    case subscribe = 0x20
    case unsubscribe = 0x21
    case credit = 0x22
    case holding = 0x23
    case settle = 0x30
    case progress = 0x31
    case get = 0x40
    case wait = 0x41
    case list = 0x42
    case queues = 0x43
    case drain = 0x50

    case done = 0x80
    case welcome = 0x81
    case pong = 0x82
    case submitted = 0x90
    case jobs = 0xa0
    case settled = 0xb0
    case job = 0xc0
    case jobPage = 0xc2
    case queuePage = 0xc3
    case draining = 0xd0
    case error = 0xff
}

extension Opcode {
    /// The name that the protocol's document uses, such as `JOB_PAGE`.
    package var name: String { screamingSnakeCase("\(self)") }

    /// Whether the client sends it.
    package var isRequest: Bool { rawValue & 0x80 == 0 }
}

/// `jobPage` as `JOB_PAGE`.
func screamingSnakeCase(_ name: String) -> String {
    var result = ""
    for character in name {
        if character.isUppercase { result.append("_") }
        result.append(character.uppercased())
    }
    return result
}
