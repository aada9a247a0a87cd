import MartletWire
import NIOCore
import Testing

@testable import Gateway

struct GatewayConnectionTests {
    private static let terms = GatewayConnection.Terms(frameBytesMax: 100_000, idle: .seconds(60))
    private let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func machine(tokens: AccessTokens = .none) -> GatewayConnection {
        GatewayConnection(tokens: tokens, limits: GatewayLimits(), now: now)
    }

    private static func greeting(token: String = "") -> ByteBuffer {
        var buffer = ByteBuffer(bytes: Preface.bytes)
        buffer.write(Hello(client: "test", token: token), requestID: 1)
        return buffer
    }

    private static func header(_ opcode: Opcode, requestID: UInt64 = 1) -> FrameHeader {
        FrameHeader(length: 0, opcode: opcode.rawValue, requestID: requestID)
    }

    /// A client on channel 4 that has its `WELCOME`.
    private func openMachine() -> GatewayConnection {
        var machine = machine()
        machine.received(Self.greeting(), now: now)
        #expect(machine.next(now: now) == .admit)
        guard case .forward(_, channel: 4) = machine.admitted(to: 4, terms: Self.terms, now: now)
        else {
            Issue.record("HELLO was not forwarded")
            return machine
        }
        #expect(machine.delivered(Self.header(.welcome), closes: false, now: now) == .pass)
        return machine
    }

    @Test func `HELLO is admitted however its bytes come`() {
        let bytes = Self.greeting()
        for size in [1, 2, 7, 16, 23, bytes.readableBytes] {
            var machine = machine()
            var rest = bytes
            var admissions = 0
            while let piece = rest.readSlice(length: min(size, rest.readableBytes)),
                piece.readableBytes > 0
            {
                machine.received(piece, now: now)
                if machine.next(now: now) == .admit { admissions += 1 }
            }
            #expect(admissions == 1)
            var hello = bytes
            hello.moveReaderIndex(forwardBy: Preface.byteCount)
            #expect(
                machine.admitted(to: 9, terms: Self.terms, now: now) == .forward(hello, channel: 9))
        }
    }

    @Test func `nothing is read while HELLO waits for the link, and nothing is lost`() {
        var machine = machine()
        machine.received(Self.greeting(), now: now)
        #expect(machine.wantsInput == true)
        #expect(machine.next(now: now) == .admit)
        #expect(machine.wantsInput == false)
        var ping = ByteBuffer()
        ping.write(Ping(), requestID: 2)
        machine.received(ping, now: now)
        #expect(machine.next(now: now) == .none)
        _ = machine.admitted(to: 1, terms: Self.terms, now: now)
        #expect(machine.wantsInput == true)
        #expect(machine.next(now: now) == .forward(ping, channel: 1))
        #expect(machine.next(now: now) == .none)
    }

    @Test
    func `a frame's size is bounded by 4,096 until WELCOME and by the broker's limit after it`() {
        for (isWelcomed, bytes, isAllowed) in [
            (false, 4_096, true), (false, 4_097, false), (true, 100_000, true),
            (true, 100_001, false),
        ] {
            var machine = openMachine()
            if !isWelcomed {
                machine = self.machine()
                machine.received(Self.greeting(), now: now)
                _ = machine.next(now: now)
                _ = machine.admitted(to: 4, terms: Self.terms, now: now)
            }
            var frame = ByteBuffer()
            frame.writeFrames(.submit, requestID: 2, splitBytes: bytes) {
                $0.writeRepeatingByte(0, count: bytes)
            }
            machine.received(frame, now: now)
            let action = machine.next(now: now)
            if isAllowed {
                #expect(action == .forward(frame, channel: 4))
            } else {
                #expect(action.refusal == .frameTooLarge)
            }
        }
    }

    /// A machine that may have three requests under way and has `HELLO` answered; a hundred pings come.
    private func floodedMachine() -> GatewayConnection {
        var machine = machine()
        machine.received(Self.greeting(), now: now)
        _ = machine.next(now: now)
        var terms = Self.terms
        terms.requestsInFlightMax = 3
        _ = machine.admitted(to: 4, terms: terms, now: now)
        _ = machine.delivered(Self.header(.welcome), closes: false, now: now)
        var pings = ByteBuffer()
        for id in 1...100 { pings.write(Ping(), requestID: UInt64(id)) }
        machine.received(pings, now: now)
        return machine
    }

    private func forwarded(_ machine: inout GatewayConnection) -> [UInt64] {
        var ids: [UInt64] = []
        while case .forward(var run, channel: 4) = machine.next(now: now) {
            while let frame = run.readFrame() { ids.append(frame.header.requestID) }
        }
        return ids
    }

    @Test func `no more requests than the limit are under way, and none is lost`() {
        var machine = floodedMachine()
        #expect(forwarded(&machine) == [1, 2, 3])
        #expect(machine.wantsInput == false)
        #expect(machine.holdsRequests == true)
        // Pushes answer nothing.
        _ = machine.delivered(Self.header(.jobs), closes: false, now: now)
        #expect(forwarded(&machine) == [])
        var seen: [UInt64] = []
        for id in 1...100 {
            _ = machine.delivered(
                Self.header(.pong, requestID: UInt64(id)), closes: false, now: now)
            seen += forwarded(&machine)
        }
        #expect(seen == Array(4...100))
        #expect(machine.wantsInput == true)
        #expect(machine.holdsRequests == false)
    }

    @Test func `waits, lists and requests without a reply do not count`() {
        var count = RequestCount()
        for opcode in [Opcode.wait, .list] { count.sent(Self.header(opcode, requestID: 5)) }
        count.sent(Self.header(.settle, requestID: 0))
        #expect(count.inFlight == 0)
        count.answered(Self.header(.job, requestID: 5))
        #expect(count.inFlight == 0)
    }

    @Test func `a message in several frames counts once, also when it is refused before its end`() {
        var count = RequestCount()
        var begun = Self.header(.submit, requestID: 5)
        begun.flags = .more
        count.sent(begun)
        count.sent(begun)
        #expect(count.inFlight == 1)
        count.answered(Self.header(.error, requestID: 5))
        #expect(count.inFlight == 0)
        count.sent(Self.header(.submit, requestID: 5))
        #expect(count.inFlight == 0)
        count.sent(Self.header(.submit, requestID: 5))
        #expect(count.inFlight == 1)
    }

    @Test func `a refused client's channel is free and what it still sends is dropped`() {
        var machine = openMachine()
        var frames = ByteBuffer()
        frames.write(Ping(), requestID: 2, channel: 3)
        machine.received(frames, now: now)
        let action = machine.next(now: now)
        #expect(action.refusal == .badFrame)
        #expect(action.freed == 4)
        #expect(machine.channel == nil)
        machine.received(frames, now: now)
        #expect(machine.next(now: now) == .none)
        #expect(machine.delivered(Self.header(.pong), closes: false, now: now) == .drop)
    }

    @Test func `each state has its deadline`() {
        var machine = machine()
        #expect(machine.deadline == now + .seconds(10))
        #expect(machine.expired(now: now + .seconds(9)) == .none)

        machine.received(Self.greeting(), now: now + .seconds(9))
        _ = machine.next(now: now + .seconds(9))
        #expect(machine.deadline == now + .seconds(11))

        _ = machine.admitted(to: 1, terms: Self.terms, now: now + .seconds(10))
        #expect(machine.deadline == now + .seconds(70))
        machine.received(ByteBuffer(), now: now + .seconds(60))
        #expect(machine.expired(now: now + .seconds(70)) == .none)
        #expect(machine.expired(now: now + .seconds(120)) == .close(.silent, freeing: 1))
        #expect(machine.deadline == nil)
    }

    @Test func `a HELLO without a link and a client without HELLO are told different things`() {
        var greeting = machine()
        #expect(greeting.expired(now: now + .seconds(10)).refusal == .helloExpected)
        var holding = machine()
        holding.received(Self.greeting(), now: now)
        _ = holding.next(now: now)
        #expect(holding.expired(now: now + .seconds(2)).refusal == .unavailable)
        #expect(holding.deadline == now + .seconds(4))
        #expect(holding.expired(now: now + .seconds(4)) == .close(.lingered, freeing: nil))
    }

    @Test func `a client may be behind for a while, but not for long and not too far`() {
        let limits = GatewayLimits()
        var slow = openMachine()
        #expect(slow.outputWaiting(limits.outputBytesSoft + 1, now: now) == .none)
        #expect(slow.outputWaiting(limits.outputBytesSoft + 2, now: now + .seconds(5)) == .none)
        #expect(slow.deadline == now + .seconds(10))
        #expect(slow.expired(now: now + .seconds(10)) == .close(.slow, freeing: 4))

        var recovering = openMachine()
        _ = recovering.outputWaiting(limits.outputBytesSoft + 1, now: now)
        _ = recovering.outputWaiting(limits.outputBytesSoft, now: now + .seconds(9))
        #expect(recovering.expired(now: now + .seconds(10)) == .none)

        var hopeless = openMachine()
        #expect(
            hopeless.outputWaiting(limits.outputBytesHard + 1, now: now)
                == .close(.slow, freeing: 4))
    }

    @Test func `BYE's answer is the last frame, any other answer is not`() {
        var machine = openMachine()
        var bye = ByteBuffer()
        bye.write(Bye(), requestID: 8)
        machine.received(bye, now: now)
        #expect(machine.next(now: now) == .forward(bye, channel: 4))
        #expect(
            machine.delivered(Self.header(.done, requestID: 7), closes: false, now: now) == .pass)
        #expect(
            machine.delivered(Self.header(.done, requestID: 8), closes: false, now: now)
                == .passThenFinish)
        #expect(
            machine.delivered(Self.header(.done, requestID: 9), closes: false, now: now) == .drop)
    }

    @Test func `an error closes when it says so, and CLOSE says nothing to the client`() {
        var one = openMachine()
        #expect(one.delivered(Self.header(.error), closes: false, now: now) == .pass)
        #expect(one.delivered(Self.header(.error), closes: true, now: now) == .passThenFinish)
        var other = openMachine()
        #expect(other.delivered(Self.header(.close), closes: false, now: now) == .finish)
    }

    @Test func `a connection is closed once, for the first reason`() {
        var machine = openMachine()
        #expect(machine.linkBroke() == .close(.linkBroke, freeing: 4))
        #expect(machine.clientLeft() == .none)
        #expect(machine.stopped() == .none)
    }

    @Test func `tokens are compared whole`() {
        for (token, isAccepted) in [
            ("secret", true), ("secre", false), ("secret ", false), ("", false),
        ] {
            var machine = machine(tokens: AccessTokens(["other!", "secret"]))
            machine.received(Self.greeting(token: token), now: now)
            let action = machine.next(now: now)
            #expect(isAccepted ? action == .admit : action.refusal == .notAuthenticated)
        }
    }
}

extension GatewayConnection.Action {
    fileprivate var refusal: ErrorCode? {
        if case .refuse(let error, _, _) = self { error.code } else { nil }
    }

    fileprivate var freed: UInt16? {
        if case .refuse(_, _, let channel) = self { channel } else { nil }
    }
}
