import NIOCore
import Testing

@testable import Gateway

struct LinkMachineTests {
    private static let terms = GatewayConnection.Terms(frameBytesMax: 1_000, idle: .seconds(60))
    private let now = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func upMachine() -> LinkMachine {
        var machine = LinkMachine(limits: GatewayLimits())
        #expect(machine.start() == .connect)
        #expect(machine.connected(now: now) == .greet)
        #expect(machine.welcomed(Self.terms, now: now) == .open(Self.terms))
        return machine
    }

    @Test func `a link connects, greets and opens`() {
        let machine = upMachine()
        #expect(machine.terms == Self.terms)
        #expect(machine.deadline == now + .seconds(20))
    }

    @Test func `a later WELCOME changes the terms and opens nothing`() {
        var machine = upMachine()
        let terms = GatewayConnection.Terms(frameBytesMax: 2_000, idle: .seconds(30))
        #expect(machine.welcomed(terms, now: now) == .none)
        #expect(machine.terms == terms)
    }

    @Test func `a broker that does not answer HELLO is given up`() {
        var machine = LinkMachine(limits: GatewayLimits())
        _ = machine.start()
        _ = machine.connected(now: now)
        #expect(machine.expired(now: now + .milliseconds(1_999)) == .none)
        #expect(machine.expired(now: now + .seconds(2)) == .close)
    }

    @Test func `a silent link is asked at each third and given up at the end`() {
        var machine = upMachine()
        #expect(machine.expired(now: now + .seconds(20)) == .ping)
        #expect(machine.expired(now: now + .seconds(39)) == .none)
        #expect(machine.expired(now: now + .seconds(40)) == .ping)
        #expect(machine.expired(now: now + .seconds(60)) == .close)
    }

    @Test func `whatever comes shows that the broker lives`() {
        var machine = upMachine()
        _ = machine.expired(now: now + .seconds(40))
        machine.received(now: now + .seconds(41))
        #expect(machine.expired(now: now + .seconds(60)) == .ping)
    }

    @Test func `delays grow to their bound and begin again with the next good link`() {
        var machine = upMachine()
        for milliseconds in [20, 40, 80, 160, 320, 640, 1_000, 1_000] as [Int64] {
            #expect(machine.broke(chance: 1) == .wait(.milliseconds(milliseconds)))
            #expect(machine.terms == nil)
            #expect(machine.start() == .connect)
        }
        #expect(machine.broke(chance: 0) == .wait(.nanoseconds(0)))
        _ = machine.start()
        _ = machine.connected(now: now)
        _ = machine.welcomed(Self.terms, now: now)
        #expect(machine.broke(chance: 0.5) == .wait(.milliseconds(10)))
    }

    @Test func `a stopped link stays down`() {
        var machine = upMachine()
        #expect(machine.stop() == .close)
        #expect(machine.broke(chance: 1) == .none)
        #expect(machine.start() == .none)
        #expect(machine.connected(now: now) == .close)
        #expect(machine.deadline == nil)
    }
}
