/// What a frame's body is. Requests have their top bit clear, replies and pushes have it set.
package enum Opcode: UInt8, CaseIterable, Sendable {
    case hello = 0x01
    case ping = 0x02
    case bye = 0x03
    case close = 0x04
    case submit = 0x10
    case dictionaryPut = 0x12
    case dictionaryGet = 0x13
    case dictionaryRetire = 0x14
    case dictionaries = 0x15
    case subscribe = 0x20
    case unsubscribe = 0x21
    case credit = 0x22
    case holding = 0x23
    case settle = 0x30
    case progress = 0x31
    case log = 0x32
    case checkpoint = 0x33
    case get = 0x40
    case wait = 0x41
    case list = 0x42
    case queues = 0x43
    case explain = 0x44
    case logs = 0x45
    case groups = 0x46
    case watch = 0x47
    case unwatch = 0x48
    case times = 0x49
    case verify = 0x4a
    case drain = 0x50
    case act = 0x51
    case edit = 0x52
    case actAll = 0x53
    case actionGet = 0x54
    case queueSet = 0x55
    case queueDelete = 0x56

    case done = 0x80
    case welcome = 0x81
    case pong = 0x82
    case submitted = 0x90
    case dictionary = 0x92
    case dictionaryPage = 0x95
    case jobs = 0xa0
    case cancel = 0xa1
    case events = 0xa2
    case settled = 0xb0
    case job = 0xc0
    case jobPage = 0xc2
    case queuePage = 0xc3
    case explanation = 0xc4
    case logPage = 0xc5
    case groupPage = 0xc6
    case timesPage = 0xc9
    case verified = 0xca
    case draining = 0xd0
    case acted = 0xd1
    case action = 0xd3
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
