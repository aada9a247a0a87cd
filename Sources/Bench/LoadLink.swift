import MartletWire
import NIOCore

/// The state of one connection without its socket: bytes in, bytes out, and what a role makes of the frames between.
struct LoadLink<Role: LoadRole>: ~Copyable {
    /// What only the connection can do.
    enum Action {
        case welcomed(ServerLimits)
        case close
    }

    /// To be sent; whoever sends it clears it.
    var out = ByteBuffer()

    private(set) var phase = Phase.greeting
    private var role: Role
    private var splitter = FrameSplitter(expectsPreface: false)
    private var assembler = MessageAssembler()

    enum Phase { case greeting, ready, leaving }

    /// To resume after the connection broke; 0 before the first greeting.
    private var session: UInt64 = 0
    private var secret: UInt64 = 0
    private(set) var hasBegun = false

    /// Greater than any of a role's.
    private static var byeID: UInt64 { 1 << 33 }

    init(_ role: Role) { self.role = role }

    mutating func greet(token: String) {
        out.writeBytes(Preface.bytes)
        out.write(
            Hello(client: "martlet-bench", token: token, session: session, secret: secret),
            requestID: 1)
    }

    mutating func begin(at now: UInt64, _ progress: inout LoadProgress) {
        hasBegun = true
        role.begin(at: now, &progress, to: &out)
    }

    var wakeAt: UInt64? { phase == .ready && hasBegun ? role.wakeAt : nil }

    mutating func wake(at now: UInt64, _ progress: inout LoadProgress) {
        guard phase == .ready else { return }
        role.wake(at: now, &progress, to: &out)
    }

    /// The connection broke; the next one goes on where it was.
    mutating func disconnect() {
        phase = .greeting
        out.clear()
        splitter = FrameSplitter(expectsPreface: false)
        assembler = MessageAssembler()
    }

    /// Ends the session.
    mutating func leave() {
        guard phase == .ready else { return }
        phase = .leaving
        out.write(Bye(), requestID: Self.byeID)
    }

    /// Works on everything that came in one read.
    mutating func receive(
        _ bytes: ByteBuffer, at now: UInt64, _ progress: inout LoadProgress
    ) throws -> Action? {
        var action: Action?
        splitter.append(bytes)
        while var run = try splitter.nextRun() {
            while let frame = run.readFrame() {
                action = try accept(frame, at: now, &progress) ?? action
            }
        }
        return action
    }

    private mutating func accept(
        _ frame: Frame, at now: UInt64, _ progress: inout LoadProgress
    ) throws -> Action? {
        switch try assembler.accept(frame) {
        case .incomplete: return nil
        case .refused(let error, _): throw BenchError.misbehaved(error.message)
        case .message(let message): return try receive(message, at: now, &progress)
        }
    }

    private mutating func receive(
        _ message: Frame, at now: UInt64, _ progress: inout LoadProgress
    ) throws -> Action? {
        if message.header.opcode == Opcode.error.rawValue {
            let error = try ErrorMessage(body: message.body)
            throw BenchError.refused(error.code, message: error.message)
        }
        switch phase {
        case .greeting: return .welcomed(try welcome(message))
        case .leaving where message.header.requestID == Self.byeID: return .close
        case .ready, .leaving:
            try role.receive(message, at: now, &progress, to: &out)
            return nil
        }
    }

    private mutating func welcome(_ message: Frame) throws -> ServerLimits {
        guard message.header.opcode == Opcode.welcome.rawValue else {
            throw BenchError.unexpected(message)
        }
        let welcome = try Welcome(body: message.body)
        splitter.frameBytesMax = Int(welcome.limits.frameBytesMax)
        assembler.messageBytesMax = Int(welcome.limits.messageBytesMax)
        (session, secret) = (welcome.session, welcome.secret)
        phase = .ready
        if hasBegun { role.resume(isResumed: welcome.isResumed, to: &out) }
        return welcome.limits
    }
}
