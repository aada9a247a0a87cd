import MartletWire
import NIOCore
import Testing

/// The broker's way of reading and writing batches gives what the messages' own way gives.
struct BatchTests {
    @Test func `a view reads what the message says`() throws {
        let submit = Submit(
            queue: "mail", type: "send", producer: 1, sequence: 2, floor: 3, durability: .memory,
            isAtomic: true,
            items: [
                SubmitItem(payload: .plain(ByteBuffer(string: "a"))),
                SubmitItem(
                    payload: .plain(ByteBuffer(string: "bb")),
                    options: .with {
                        $0.maxAttempts = 1
                        $0.retainDeadMilliseconds = 9
                    }),
            ],
            options: .with {
                $0.maxAttempts = 7
                $0.retainCompletedMilliseconds = 8
            })
        try body(of: submit).withReader { (reader) throws(WireError) in
            var view = try SubmitView(from: &reader)
            #expect(view.queue.elementsEqual("mail".utf8))
            #expect(view.type.elementsEqual("send".utf8))
            #expect([view.producer, view.sequence, view.floor] == [1, 2, 3])
            #expect(view.durability == .memory)
            #expect(view.isAtomic)
            #expect(view.count == 2)
            #expect(view.options == submit.options)

            let first = try view.nextItem()
            #expect(first.map { Payload($0.payload) } == submit.items[0].payload)
            #expect(first?.ownOptions == nil)
            let second = try view.nextItem()
            #expect(second.map { Payload($0.payload) } == submit.items[1].payload)
            #expect(
                second?.ownOptions
                    == .with {
                        $0.maxAttempts = 1
                        $0.retainCompletedMilliseconds = 8
                        $0.retainDeadMilliseconds = 9
                    })
            #expect(second?.refusal() == nil)
            #expect(try view.nextItem() == nil)
            #expect(try view.nextItem() == nil)
        }
    }

    @Test func `a server with a smaller batch or payload says so`() throws {
        let item = SubmitItem(payload: .plain(ByteBuffer(string: "three")))
        let submit = Submit(queue: "q", type: "t", items: [item, item, item])
        let error = #expect(throws: WireError.self) {
            try body(of: submit).withReader { (reader) throws(WireError) in
                _ = try SubmitView(from: &reader, batchMax: 2)
            }
        }
        #expect(error == .batchTooLarge(actual: 3, limit: 2))
        try body(of: submit).withReader { (reader) throws(WireError) in
            var view = try SubmitView(from: &reader)
            let item = try view.nextItem()
            #expect(item?.refusal(payloadBytesMax: 5) == nil)
            #expect(item?.refusal(payloadBytesMax: 4) == .payloadTooLarge(actual: 5, limit: 4))
        }
    }

    @Test func `settlements are read in order with their details`() throws {
        let result = Payload.plain(ByteBuffer(string: "42"))
        let settle = Settle(items: [
            Settlement(id: JobID(rawValue: 5), token: 6, .complete(result)),
            Settlement(id: JobID(rawValue: 7), token: 8, .fail(JobFailure("no"))),
            Settlement(id: JobID(rawValue: 9), token: 10, .extend(milliseconds: 1000)),
        ])
        try body(of: settle).withReader { (reader) throws(WireError) in
            var view = try SettleView(from: &reader)
            let first = try view.nextItem()
            #expect(first?.outcome == .complete)
            #expect(first?.id == 5)
            #expect(first?.token == 6)
            #expect(try first?.detail.result().map { Payload($0) } == result)
            let second = try view.nextItem()
            #expect(try second?.detail.failure().message.elementsEqual("no".utf8) == true)
            let third = try view.nextItem()
            #expect(try third?.detail.extendMilliseconds() == 1000)
            #expect(try view.nextItem() == nil)
        }
    }

    @Test func `completions in a row are found together, up to the first item that is none`() throws
    {
        func complete(_ id: UInt64, _ token: UInt64 = 7, _ result: Payload? = nil) -> Settlement {
            Settlement(id: JobID(rawValue: id), token: token, .complete(result))
        }
        let result = Payload.plain(ByteBuffer(string: "42"))
        let settle = Settle(items: [
            complete(5), complete(6), complete(7), complete(9), complete(10, 8),
            complete(11, 8, result), Settlement(id: JobID(rawValue: 12), token: 8, .release),
            complete(.max, 8), complete(0, 8),
        ])
        try body(of: settle).withReader { (reader) throws(WireError) in
            var view = try SettleView(from: &reader)
            var runs: [[UInt64]] = []
            while !view.isAtEnd {
                let run = view.completions()
                runs.append([run.first, run.token, UInt64(run.count)])
                view.skip(completions: run.count)
                if run.count == 0 { _ = try view.nextItem() }
            }
            #expect(
                runs == [
                    [5, 7, 3], [9, 7, 1], [10, 8, 1], [0, 0, 0], [0, 0, 0], [.max, 8, 2],
                ])
            #expect(try view.nextItem() == nil)
        }
    }

    @Test func `a reason may be as long as its limit, and is cut to it when written`() throws {
        let longest = String(repeating: "r", count: Limits.reasonBytesMax)
        let settle = Settle(items: [
            Settlement(id: JobID(rawValue: 1), token: 1, .fail(JobFailure(longest))),
            Settlement(id: JobID(rawValue: 2), token: 1, .fail(JobFailure(longest + "r"))),
        ])
        try body(of: settle).withReader { (reader) throws(WireError) in
            var view = try SettleView(from: &reader)
            while let item = try view.nextItem() {
                #expect(item.refusal() == nil)
                #expect(try item.detail.failure().message.count == Limits.reasonBytesMax)
            }
        }
    }

    @Test func `neighbours that follow each other become one run`() throws {
        let refusal = WireError.payloadEmpty()
        var buffer = ByteBuffer(string: "before")
        var writer = SubmittedWriter(
            to: &buffer, requestID: 3, channel: 4, durability: .disk, isRepeated: true)
        writer.accept(JobID(rawValue: 10), to: &buffer)
        writer.accept(JobID(rawValue: 11), count: 5, to: &buffer)
        writer.accept(JobID(rawValue: 20), to: &buffer)
        writer.refuse(refusal, to: &buffer)
        writer.refuse(refusal, count: 2, to: &buffer)
        writer.refuse(.payloadDamaged(), to: &buffer)
        writer.accept(JobID(rawValue: 21), to: &buffer)
        writer.finish(in: &buffer)

        var expected = ByteBuffer(string: "before")
        expected.write(
            Submitted(
                durability: .disk, isRepeated: true,
                runs: [
                    .accepted(first: JobID(rawValue: 10), count: 6),
                    .accepted(first: JobID(rawValue: 20), count: 1), .refused(refusal, count: 3),
                    .refused(.payloadDamaged(), count: 1),
                    .accepted(first: JobID(rawValue: 21), count: 1),
                ]), requestID: 3, channel: 4)
        #expect(buffer == expected)
    }

    @Test func `settlements of the same fate become one run`() throws {
        let lost = WireError.leaseLost(JobID(rawValue: 1))
        var buffer = ByteBuffer()
        var writer = SettledWriter(to: &buffer, requestID: 3)
        for error in [nil, nil, lost, lost, .payloadDamaged(), nil] {
            writer.append(error, to: &buffer)
        }
        writer.finish(in: &buffer)

        var expected = ByteBuffer()
        expected.write(
            Settled(runs: [
                .init(count: 2), .init(count: 2, error: lost),
                .init(count: 1, error: .payloadDamaged()),
                .init(count: 1),
            ]),
            requestID: 3)
        #expect(buffer == expected)
    }

    @Test func `jobs acted on with the same fate become one run`() throws {
        let missing = WireError.jobNotFound(JobID(rawValue: 1))
        var buffer = ByteBuffer(string: "before")
        var writer = ActedWriter(to: &buffer, requestID: 3, channel: 4)
        writer.done(.cancelled, to: &buffer)
        writer.done(.cancelled, to: &buffer)
        writer.done(nil, to: &buffer)
        writer.refuse(missing, to: &buffer)
        writer.refuse(missing, to: &buffer)
        writer.done(.running, to: &buffer)
        writer.finish(in: &buffer)

        let acted = Acted(runs: [
            .done(.cancelled, count: 2), .done(nil, count: 1), .refused(missing, count: 2),
            .done(.running, count: 1),
        ])
        var expected = ByteBuffer(string: "before")
        expected.write(acted, requestID: 3, channel: 4)
        #expect(buffer == expected)
        #expect(
            acted.results == [
                .success(.cancelled), .success(.cancelled), .success(nil), .failure(missing),
                .failure(missing), .success(.running),
            ])
    }

    @Test func `an answer without items is an answer`() throws {
        var buffer = ByteBuffer()
        SettledWriter(to: &buffer, requestID: 3).finish(in: &buffer)
        var expected = ByteBuffer()
        expected.write(Settled(runs: []), requestID: 3)
        #expect(buffer == expected)
    }

    @Test func `runs that do not describe every item are refused`() {
        var buffer = ByteBuffer()
        Settled(runs: [.init(count: 2)]).write(to: &buffer)
        buffer.setInteger(UInt16(3), at: 0, endianness: .little)
        #expect(throws: WireError.self) { try Settled(body: buffer) }
    }

    private func body(of message: some Message) -> ByteBuffer {
        var buffer = ByteBuffer()
        message.write(to: &buffer)
        return buffer
    }
}
