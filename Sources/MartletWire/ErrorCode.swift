/// Why something was refused. Extensible: a newer server's code is a value without a name here.
package struct ErrorCode: RawRepresentable, Hashable, Sendable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) { self.rawValue = rawValue }
}

extension ErrorCode {
    package static let badPreface = ErrorCode(rawValue: 1)
    package static let unsupportedVersion = ErrorCode(rawValue: 2)
    package static let badFrame = ErrorCode(rawValue: 3)
    package static let frameTooLarge = ErrorCode(rawValue: 4)
    package static let notAuthenticated = ErrorCode(rawValue: 5)
    package static let helloExpected = ErrorCode(rawValue: 6)
    package static let sessionTaken = ErrorCode(rawValue: 7)

    package static let unknownOpcode = ErrorCode(rawValue: 10)
    package static let invalidMessage = ErrorCode(rawValue: 11)
    package static let messageTooLarge = ErrorCode(rawValue: 12)
    package static let tooManyUnfinished = ErrorCode(rawValue: 13)
    package static let helloRepeated = ErrorCode(rawValue: 14)

    package static let queueNameInvalid = ErrorCode(rawValue: 20)
    package static let typeInvalid = ErrorCode(rawValue: 21)
    package static let payloadEmpty = ErrorCode(rawValue: 22)
    package static let payloadTooLarge = ErrorCode(rawValue: 23)
    package static let payloadDamaged = ErrorCode(rawValue: 24)
    package static let codecUnknown = ErrorCode(rawValue: 25)
    package static let optionInvalid = ErrorCode(rawValue: 26)
    package static let batchTooLarge = ErrorCode(rawValue: 27)
    package static let batchRefused = ErrorCode(rawValue: 28)
    package static let sequenceForgotten = ErrorCode(rawValue: 29)
    package static let sequenceAhead = ErrorCode(rawValue: 30)
    /// No refusal: the job that is wanted is there already.
    package static let duplicate = ErrorCode(rawValue: 31)
    package static let uniqueTaken = ErrorCode(rawValue: 32)
    package static let uniqueMismatch = ErrorCode(rawValue: 33)
    package static let queueFull = ErrorCode(rawValue: 34)
    package static let queueDraining = ErrorCode(rawValue: 35)

    package static let jobNotFound = ErrorCode(rawValue: 40)
    package static let jobDamaged = ErrorCode(rawValue: 41)
    package static let leaseLost = ErrorCode(rawValue: 42)
    package static let queueNotFound = ErrorCode(rawValue: 43)
    package static let waitTimeout = ErrorCode(rawValue: 44)
    package static let cursorInvalid = ErrorCode(rawValue: 45)
    package static let subscriptionUnknown = ErrorCode(rawValue: 46)
    package static let subscriptionExists = ErrorCode(rawValue: 47)
    package static let tooManySubscriptions = ErrorCode(rawValue: 48)
    package static let tooManyQueues = ErrorCode(rawValue: 49)
    package static let jobFinished = ErrorCode(rawValue: 50)
    package static let jobState = ErrorCode(rawValue: 51)
    package static let queueNotEmpty = ErrorCode(rawValue: 52)
    package static let actionNotFound = ErrorCode(rawValue: 53)
    package static let tooManyActions = ErrorCode(rawValue: 54)
    package static let tooManyWatches = ErrorCode(rawValue: 55)
    package static let watchUnknown = ErrorCode(rawValue: 56)

    package static let storeFull = ErrorCode(rawValue: 60)
    package static let draining = ErrorCode(rawValue: 61)
    package static let unavailable = ErrorCode(rawValue: 62)
    package static let tooManyWaits = ErrorCode(rawValue: 63)

    package static let dictionaryUnknown = ErrorCode(rawValue: 70)
    package static let dictionaryExists = ErrorCode(rawValue: 71)
    package static let dictionaryInvalid = ErrorCode(rawValue: 72)
    package static let tooManyDictionaries = ErrorCode(rawValue: 73)

    package static let `internal` = ErrorCode(rawValue: 99)
}

extension ErrorCode: CustomStringConvertible {
    /// Whether the connection is closed after such an error: codes 1 to 9 close, the others never do.
    package var closes: Bool { (1...9).contains(rawValue) }

    /// Whether the same request may succeed later.
    package var isRetryable: Bool { ErrorCode.retryable.contains(self) }

    /// The name that the protocol's document uses, such as `LEASE_LOST`; the number where there is none.
    package var name: String { ErrorCode.names[self] ?? "ERROR_\(rawValue)" }

    package var description: String { name }

    /// All codes of this version of the protocol.
    package static var all: [ErrorCode] { names.keys.sorted { $0.rawValue < $1.rawValue } }

    private static let retryable: Set<ErrorCode> = [
        .tooManyUnfinished, .payloadDamaged, .waitTimeout, .storeFull, .draining, .unavailable,
        .tooManyWaits, .queueFull, .queueDraining, .tooManyActions,
    ]

    private static let names: [ErrorCode: String] = [
        .badPreface: "BAD_PREFACE",
        .unsupportedVersion: "UNSUPPORTED_VERSION",
        .badFrame: "BAD_FRAME",
        .frameTooLarge: "FRAME_TOO_LARGE",
        .notAuthenticated: "NOT_AUTHENTICATED",
        .helloExpected: "HELLO_EXPECTED",
        .sessionTaken: "SESSION_TAKEN",
        .unknownOpcode: "UNKNOWN_OPCODE",
        .invalidMessage: "INVALID_MESSAGE",
        .messageTooLarge: "MESSAGE_TOO_LARGE",
        .tooManyUnfinished: "TOO_MANY_UNFINISHED",
        .helloRepeated: "HELLO_REPEATED",
        .queueNameInvalid: "QUEUE_NAME_INVALID",
        .typeInvalid: "TYPE_INVALID",
        .payloadEmpty: "PAYLOAD_EMPTY",
        .payloadTooLarge: "PAYLOAD_TOO_LARGE",
        .payloadDamaged: "PAYLOAD_DAMAGED",
        .codecUnknown: "CODEC_UNKNOWN",
        .optionInvalid: "OPTION_INVALID",
        .batchTooLarge: "BATCH_TOO_LARGE",
        .batchRefused: "BATCH_REFUSED",
        .sequenceForgotten: "SEQUENCE_FORGOTTEN",
        .sequenceAhead: "SEQUENCE_AHEAD",
        .duplicate: "DUPLICATE",
        .uniqueTaken: "UNIQUE_TAKEN",
        .uniqueMismatch: "UNIQUE_MISMATCH",
        .queueFull: "QUEUE_FULL",
        .queueDraining: "QUEUE_DRAINING",
        .jobNotFound: "JOB_NOT_FOUND",
        .jobDamaged: "JOB_DAMAGED",
        .leaseLost: "LEASE_LOST",
        .queueNotFound: "QUEUE_NOT_FOUND",
        .waitTimeout: "WAIT_TIMEOUT",
        .cursorInvalid: "CURSOR_INVALID",
        .subscriptionUnknown: "SUBSCRIPTION_UNKNOWN",
        .subscriptionExists: "SUBSCRIPTION_EXISTS",
        .tooManySubscriptions: "TOO_MANY_SUBSCRIPTIONS",
        .tooManyQueues: "TOO_MANY_QUEUES",
        .jobFinished: "JOB_FINISHED",
        .jobState: "JOB_STATE",
        .queueNotEmpty: "QUEUE_NOT_EMPTY",
        .actionNotFound: "ACTION_NOT_FOUND",
        .tooManyActions: "TOO_MANY_ACTIONS",
        .tooManyWatches: "TOO_MANY_WATCHES",
        .watchUnknown: "WATCH_UNKNOWN",
        .storeFull: "STORE_FULL",
        .draining: "DRAINING",
        .unavailable: "UNAVAILABLE",
        .tooManyWaits: "TOO_MANY_WAITS",
        .dictionaryUnknown: "DICTIONARY_UNKNOWN",
        .dictionaryExists: "DICTIONARY_EXISTS",
        .dictionaryInvalid: "DICTIONARY_INVALID",
        .tooManyDictionaries: "TOO_MANY_DICTIONARIES",
        .internal: "INTERNAL",
    ]
}
