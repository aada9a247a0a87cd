package import NIOCore

/// The answer to `SUBMIT`: what became of each item.
package struct Submitted: Message {
    package static let opcode = Opcode.submitted

    /// The level reached.
    package var durability: Durability
    /// This answer was given before.
    package var isRepeated: Bool
    /// In the order of the items.
    package var runs: [Run]

    /// Neighbours with the same fate.
    package enum Run: Equatable, Sendable {
        /// `count` jobs whose ids begin with `first` and follow by one.
        case accepted(first: JobID, count: UInt16)
        case refused(WireError, count: UInt16)

        package var count: Int {
            switch self {
            case .accepted(_, let count), .refused(_, let count): Int(count)
            }
        }
    }

    package init(durability: Durability, isRepeated: Bool = false, runs: [Run]) {
        self.durability = durability
        self.isRepeated = isRepeated
        self.runs = runs
    }

    package init(from reader: inout WireReader) throws(WireError) {
        durability = try reader.named("durability")
        isRepeated = try reader.u8() & 1 != 0
        let count = Int(try reader.u16())
        let runCount = try reader.u16()
        runs = []
        var described = 0
        for _ in 0..<runCount {
            let run = try Run(from: &reader)
            runs.append(run)
            described += run.count
        }
        guard described == count else {
            throw .invalidMessage("runs describe \(described.grouped) items of \(count.grouped)")
        }
    }

    package func write(to buffer: inout ByteBuffer) {
        buffer.writeLittle(durability.rawValue)
        buffer.writeLittle(UInt8(isRepeated ? 1 : 0))
        buffer.writeLittle(UInt16(runs.reduce(0) { $0 + $1.count }))
        buffer.writeLittle(UInt16(runs.count))
        for run in runs { run.write(to: &buffer) }
    }

    /// What became of each item, one by one.
    package var results: [Result<JobID, WireError>] {
        runs.flatMap { run -> [Result<JobID, WireError>] in
            switch run {
            case .accepted(let first, let count):
                (0..<UInt64(count)).map { .success(JobID(rawValue: first.rawValue &+ $0)) }
            case .refused(let error, let count):
                Array(repeating: .failure(error), count: Int(count))
            }
        }
    }
}

extension Submitted.Run {
    init(from reader: inout WireReader) throws(WireError) {
        let count = try reader.u16()
        let code = ErrorCode(rawValue: try reader.u16())
        if code.rawValue == 0 {
            self = .accepted(first: JobID(rawValue: try reader.u64()), count: count)
        } else {
            self = .refused(try WireError(itemCode: code, from: &reader), count: count)
        }
    }

    func write(to buffer: inout ByteBuffer) {
        switch self {
        case .accepted(let first, let count):
            buffer.writeFields(12) { writer in
                writer.write(count)
                writer.write(UInt16(0))
                writer.write(first.rawValue)
            }
        case .refused(let error, let count):
            buffer.writeLittle(count)
            error.writeItem(to: &buffer)
        }
    }
}
