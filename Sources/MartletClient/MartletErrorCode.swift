extension MartletError {
    /// A kind of error. Codes below 1,000 are the server's, as the protocol numbers them; those
    /// from 1,000 on are found by this library.
    public struct Code: RawRepresentable, Hashable, Sendable {
        public let rawValue: UInt16

        public init(rawValue: UInt16) {
            self.rawValue = rawValue
        }
    }
}

// Sent by the server.
extension MartletError.Code {
    /// The token is missing or wrong.
    public static let notAuthenticated = Self(rawValue: 5)
    /// A queue's name has 1 to 128 bytes out of `A–Z a–z 0–9 . _ - :` and begins with a letter or
    /// digit.
    public static let queueNameInvalid = Self(rawValue: 20)
    /// A job's type has 1 to 128 bytes of printable UTF-8 without spaces.
    public static let typeInvalid = Self(rawValue: 21)
    /// A payload has at least one byte.
    public static let payloadEmpty = Self(rawValue: 22)
    /// A payload is above the server's limit. Also found here, before it is sent.
    public static let payloadTooLarge = Self(rawValue: 23)
    /// Bytes do not match their checksum.
    public static let payloadDamaged = Self(rawValue: 24)
    /// An option is out of its range.
    public static let optionInvalid = Self(rawValue: 26)
    /// The server's record of what this client submitted was damaged: whether the submission was
    /// accepted is not known.
    public static let sequenceForgotten = Self(rawValue: 29)
    /// Another job of an atomic batch was refused.
    public static let batchRefused = Self(rawValue: 28)
    /// The unique key is held by another job, the number of which is `actual`. Pushes tell it in
    /// their handle.
    public static let duplicate = Self(rawValue: 31)
    /// The unique key is held by another job, the number of which is `actual`, and its options say
    /// to refuse.
    public static let uniqueTaken = Self(rawValue: 32)
    /// The unique key is held by a job with other parameters, the number of which is `actual`.
    public static let uniqueMismatch = Self(rawValue: 33)
    /// As many jobs or bytes wait in the queue as its settings allow.
    public static let queueFull = Self(rawValue: 34)
    /// The queue is being drained, and takes no jobs.
    public static let queueDraining = Self(rawValue: 35)
    /// The job is unknown, or gone after its retention.
    public static let jobNotFound = Self(rawValue: 40)
    /// The job's stored record is damaged; the server has set it aside.
    public static let jobDamaged = Self(rawValue: 41)
    /// The lease has ended, or belongs to a later delivery.
    public static let leaseLost = Self(rawValue: 42)
    /// No queue has this name.
    public static let queueNotFound = Self(rawValue: 43)
    /// The job was not finished when the time was over.
    public static let waitTimeout = Self(rawValue: 44)
    /// The place to go on from in a list is not understood.
    public static let cursorInvalid = Self(rawValue: 45)
    /// A finished job can't be cancelled.
    public static let jobFinished = Self(rawValue: 50)
    /// This can't be done to a job in its state.
    public static let jobState = Self(rawValue: 51)
    /// `actual` jobs are in the queue.
    public static let queueNotEmpty = Self(rawValue: 52)
    /// The action is unknown, or ended more than an hour ago.
    public static let actionNotFound = Self(rawValue: 53)
    /// As many bulk actions as the server allows are under way.
    public static let tooManyActions = Self(rawValue: 54)
    /// As many watches as the server allows are open.
    public static let tooManyWatches = Self(rawValue: 55)
    /// The server has no space for more jobs until some are worked off.
    public static let storeFull = Self(rawValue: 60)
    /// The server is going away.
    public static let draining = Self(rawValue: 61)
    /// The gateway has no broker now.
    public static let unavailable = Self(rawValue: 62)
    /// The server does not have this dictionary, or the type has none.
    public static let dictionaryUnknown = Self(rawValue: 70)
    /// The type has another dictionary by now, the number of which is `actual`.
    public static let dictionaryExists = Self(rawValue: 71)
    /// The bytes are no dictionary for zstd, or it is too long.
    public static let dictionaryInvalid = Self(rawValue: 72)
    /// There are as many dictionaries as the server allows.
    public static let tooManyDictionaries = Self(rawValue: 73)
    /// A fault of the server; its log says more.
    public static let `internal` = Self(rawValue: 99)
}

// Found by this library.
extension MartletError.Code {
    /// The server can't be reached.
    public static let cannotConnect = Self(rawValue: 1_000)
    /// The connection broke before the reply came.
    public static let connectionLost = Self(rawValue: 1_001)
    /// No reply came in time. A submission may have been accepted all the same.
    public static let timeout = Self(rawValue: 1_002)
    /// The task that called was cancelled. A submission may have been accepted all the same.
    public static let cancelled = Self(rawValue: 1_003)
    /// The client has been shut down.
    public static let stopped = Self(rawValue: 1_004)
    /// The address of a server is not understood.
    public static let endpointInvalid = Self(rawValue: 1_005)
    /// A text is not a job's id.
    public static let jobIDInvalid = Self(rawValue: 1_006)
    /// The server's bytes are not what the protocol allows.
    public static let protocolViolation = Self(rawValue: 1_007)
    /// Parameters could not be encoded, or a result not be decoded.
    public static let codingFailed = Self(rawValue: 1_008)
    /// The job has used up its attempts and is dead; the message is the last failure's reason.
    public static let jobFailed = Self(rawValue: 1_009)
    /// The job was cancelled before it was done.
    public static let jobCancelled = Self(rawValue: 1_010)
    /// The job was not worked on before its time to live was over.
    public static let jobExpired = Self(rawValue: 1_011)
    /// The job is not finished.
    public static let jobNotFinished = Self(rawValue: 1_012)
    /// The connection broke, or the time was over, before the answer came, and the request must not
    /// be repeated unseen: it may have been carried out.
    public static let outcomeUnknown = Self(rawValue: 1_013)
}
