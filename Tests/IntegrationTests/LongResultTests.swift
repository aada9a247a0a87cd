import Foundation
import Testing

extension IntegrationTests {
    @Suite(.timeLimit(.minutes(1)))
    struct LongResultTests {
        @Test func `a small job does not wait behind a long result`() async throws {
            try await withBroker { broker in
                let port = broker.port
                let order = try await blocking {
                    let connection = try RawConnection(port: port)
                    _ = try connection.hello()
                    _ = try connection.submit([[1]], to: "long")
                    try connection.subscribe(to: "long", credit: 1)
                    let delivery = try #require(try connection.nextDeliveries().first)
                    let result = [UInt8](repeating: 7, count: 8 << 20)
                    var bytes = Self.frames(
                        0x30, 1_000, Self.completion(of: delivery, result: result))
                    bytes += RawConnection.frame(
                        0x10, 1_001,
                        RawConnection.submit(
                            queue: "small", producer: 0, sequence: 0, floor: 0, payloads: [[2]]))
                    try connection.sendRaw(bytes)
                    return try Self.replies(to: [1_000, 1_001], connection)
                }
                #expect(order.map(\.requestID) == [1_001, 1_000])
                #expect(order.map(\.opcode) == [0x90, 0xb0])
                #expect(try RawConnection.codes(in: order[1].body) == [0])
            }
        }

        private static func completion(
            of delivery: RawConnection.Delivery, result: [UInt8]
        ) -> [UInt8] {
            var detail = RawWriter()
            detail.payload(result)
            var body = RawWriter()
            body.put(UInt16(1))
            body.put(RawConnection.Outcome.complete.rawValue)
            body.put(delivery.id)
            body.put(delivery.token)
            body.put(UInt32(detail.bytes.count))
            body.raw(detail.bytes)
            return body.bytes
        }

        /// A message cut in frames of 256 KiB.
        private static func frames(_ opcode: UInt8, _ id: UInt64, _ body: [UInt8]) -> [UInt8] {
            let pieceBytes = 256 << 10
            return stride(from: 0, to: body.count, by: pieceBytes).flatMap { start -> [UInt8] in
                let end = min(start + pieceBytes, body.count)
                var frame = RawConnection.frame(opcode, id, Array(body[start..<end]))
                frame[5] = end < body.count ? 1 : 0
                return frame
            }
        }

        /// The replies to these requests, in the order in which they come.
        private static func replies(
            to requests: Set<UInt64>, _ connection: RawConnection
        ) throws -> [RawConnection.Frame] {
            var replies: [RawConnection.Frame] = []
            while replies.count < requests.count {
                let frame = try connection.readFrame()
                if requests.contains(frame.requestID) { replies.append(frame) }
            }
            return replies
        }
    }
}
