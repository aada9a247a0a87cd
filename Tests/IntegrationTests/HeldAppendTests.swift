import Foundation
import Testing

extension IntegrationTests {
    /// An append takes long, and what comes later does not.
    @Suite(
        .enabled(if: BrokenDisk.compiler != nil, "holding a write takes a C compiler"),
        .timeLimit(.minutes(2)))
    struct HeldAppendTests {
        /// One job is durable, two are being written, and two more are on the disk that build on these. Nobody but
        /// who submitted the first has been answered.
        private struct Scene: Sendable {
            let broker: Server
            let disk: BrokenDisk
            let first: RawConnection
            let second: RawConnection
            /// Has asked how many jobs there are, between the two.
            let third: RawConnection

            init(_ data: String, _ directory: String, waits: Bool = false) async throws {
                let disk = try await BrokenDisk(directory, log: data + "/log")
                let broker = try await Server.broker(
                    data: data, environment: disk.environment(waits: waits))
                (first, second, third) = try await blocking { [port = broker.port] in
                    let connections = try (1...3).map { _ in
                        try RawConnection(port: port, patience: 1)
                    }
                    for connection in connections { _ = try connection.hello() }
                    _ = try connections[0].submit([[1]], to: "q")
                    try disk.hold()
                    try connections[0].submitTwice(to: "q")
                    try disk.wait(for: .held)
                    try connections[2].askForCounts(of: "q")
                    try connections[2].expectSilence()
                    try connections[1].submitTwice(to: "q")
                    try disk.wait(for: .overtaken)
                    for connection in connections { try connection.expectSilence() }
                    return (connections[0], connections[1], connections[2])
                }
                self.disk = disk
                self.broker = broker
            }
        }

        @Test func `after a crash neither of them is there, and the log goes on`() async throws {
            try await withScratch(onDisk: true) { directory in
                let data = directory + "/data"
                let scene = try await Scene(data, directory)
                try await scene.broker.kill()
                for ready: UInt64 in 1...3 {
                    let next = try await Server.broker(data: data)
                    try await blocking { [port = next.port] in
                        let connection = try RawConnection(port: port)
                        _ = try connection.hello()
                        #expect(try connection.counts(of: "q").ready == ready)
                        _ = try connection.submit([[2]], to: "q")
                    }
                    try await next.kill()
                }
            }
        }

        @Test func `a lone request does not keep the loop from others`() async throws {
            try await withScratch(onDisk: true) { directory in
                let data = directory + "/data"
                let disk = try await BrokenDisk(directory, log: data + "/log")
                let broker = try await Server.broker(data: data, environment: disk.environment())
                try await blocking { [port = broker.port] in
                    let (first, second) = (
                        try RawConnection(port: port), try RawConnection(port: port)
                    )
                    for connection in [first, second] { _ = try connection.hello() }
                    _ = try first.submit([[1]], to: "q")
                    try disk.hold()
                    try first.sendFrame(0x10, first.nextRequestID(), RawConnection.one(to: "q"))
                    try disk.wait(for: .held)
                    let inMemory = RawConnection.one(to: "q", isInMemory: true)
                    _ = try second.request(0x10, inMemory, answer: 0x90)
                    try disk.wait(for: .overtaken)
                    try disk.goOn()
                    #expect(try first.readFrame().opcode == 0x90)
                }
                try await broker.kill()
            }
        }

        /// Whether the kernel writes by itself, or threads do.
        @Test(arguments: [false, true])
        func `everybody is answered when the disk is done with both`(waits: Bool) async throws {
            try await withScratch(onDisk: true) { directory in
                let data = directory + "/data"
                let scene = try await Scene(data, directory, waits: waits)
                try await blocking {
                    try scene.disk.goOn()
                    for connection in [scene.first, scene.second] {
                        for _ in 1...2 { #expect(try connection.readFrame().opcode == 0x90) }
                    }
                    #expect(try scene.third.readFrame().opcode == 0xc3)
                    #expect(try scene.third.counts(of: "q").ready == 5)
                }
                try await scene.broker.kill()
                let next = try await Server.broker(data: data)
                try await next.waitForJobs(in: "q", ready: 5)
                #expect(try await next.stop() == 0)
            }
        }
    }
}

extension RawConnection {
    fileprivate func expectSilence() throws {
        do {
            Issue.record("a frame came: \(try readFrame())")
        } catch let closed as Closed where closed.isTimeout {
        }
    }

    fileprivate func askForCounts(of queue: String) throws {
        var body = RawWriter()
        body.text8(queue)
        body.put(UInt8(0))
        try sendFrame(0x43, nextRequestID(), body.bytes)
    }

    /// Sends two requests at once, and reads no reply.
    fileprivate func submitTwice(to queue: String) throws {
        try sendRaw((1...2).flatMap { _ in Self.frame(0x10, nextRequestID(), Self.one(to: queue)) })
    }

    /// The body of a SUBMIT of one job.
    fileprivate static func one(to queue: String, isInMemory: Bool = false) -> [UInt8] {
        submit(
            queue: queue, producer: 0, sequence: 0, floor: 0, payloads: [[2]],
            isInMemory: isInMemory)
    }
}
