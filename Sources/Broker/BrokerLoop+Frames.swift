import Engine
import MartletWire
import NIOCore
import Store

// Frames: who they are from, and which function carries them out.

extension BrokerLoop {
    func carryOut(
        _ frame: Frame, of connection: Connection, _ rows: borrowing Transaction
    ) throws {
        guard let peer = peer(of: connection, frame.header) else { return }
        guard !frame.header.flags.contains(.more), !peer.isAssembling else {
            return try assemble(frame, peer, rows)
        }
        try carryOut(whole: frame, of: peer, rows)
    }

    /// The client behind a frame; nil when the frame was refused.
    private func peer(of connection: Connection, _ header: FrameHeader) -> Peer? {
        if let peer = connection.peers[header.channel] { return peer }
        guard connection.isLink else {
            close(connection, .channelNotAllowed(header))
            return nil
        }
        guard header.opcode != Opcode.close.rawValue else { return nil }
        let peer = Peer(connection, channel: header.channel, limits: configuration.limits)
        connection.peers[header.channel] = peer
        return peer
    }

    private func assemble(_ frame: Frame, _ peer: Peer, _ rows: borrowing Transaction) throws {
        do {
            let step = try peer.assembler.accept(frame)
            peer.isAssembling = peer.assembler.isAssembling
            switch step {
            case .message(let whole): try carryOut(whole: whole, of: peer, rows)
            case .incomplete: break
            case .refused(let error, let requestID):
                reply(error, to: Request(peer: peer, id: requestID))
            }
        } catch let error as ClosingError {
            try close(peer, error, rows)
        }
    }

    private func carryOut(
        whole frame: Frame, of peer: Peer, _ rows: borrowing Transaction
    ) throws {
        let request = Request(peer: peer, id: frame.header.requestID)
        let opcode = Opcode(rawValue: frame.header.opcode)
        if !peer.isOpen, opcode != .hello {
            if opcode == .close { return try closed(peer, rows) }
            return try close(peer, .helloExpected(frame.header), rows)
        }
        do {
            try carryOut(opcode, frame, request, rows)
        } catch let error as WireError {
            reply(error, to: request)
        } catch let error as ClosingError {
            try close(peer, error, rows)
        }
    }

    private func carryOut(
        _ opcode: Opcode?, _ frame: Frame, _ request: Request, _ rows: borrowing Transaction
    ) throws {
        let body = frame.body
        switch opcode {
        case .submit: try submit(body, request, rows)
        case .settle: try settle(body, request, rows)
        case .credit: try credit(Credit(body: body), request)
        case .dictionaryPut: try dictionaryPut(DictionaryPut(body: body), request, rows)
        case .dictionaryGet: try dictionaryGet(DictionaryGet(body: body), request, rows)
        case .dictionaryRetire: try dictionaryRetire(DictionaryRetire(body: body), request)
        case .dictionaries: try dictionaries(Dictionaries(body: body), request)
        case .subscribe: try subscribe(Subscribe(body: body), request, rows)
        case .unsubscribe: try unsubscribe(Unsubscribe(body: body), request)
        case .holding: try holding(body, request, rows)
        case .progress: try progress(ProgressMessage(body: body), request, rows)
        case .log: try log(body, request, rows)
        case .checkpoint: try checkpoint(CheckpointMessage(body: body), request, rows)
        case .get: try get(Get(body: body), request, rows)
        case .wait: try wait(Wait(body: body), request, rows)
        case .list: try list(List(body: body), request)
        case .queues: try queues(Queues(body: body), request, rows)
        case .explain: try explain(Explain(body: body), request, rows)
        case .logs: try logs(Logs(body: body), request, rows)
        case .groups: try groups(Groups(body: body), request)
        case .times: try times(Times(body: body), request)
        case .verify: try verify(Verify(body: body), request)
        case .watch: try watch(Watch(body: body), request)
        case .unwatch: try unwatch(Unwatch(body: body), request)
        case .act: try act(body, request, rows)
        case .edit: try edit(body, request, rows)
        case .actAll: try actAll(ActAll(body: body), request, rows)
        case .actionGet: try actionGet(ActionGet(body: body), request, rows)
        case .queueSet: try queueSet(QueueSet(body: body), request, rows)
        case .queueDelete: try queueDelete(QueueDelete(body: body), request, rows)
        case .hello: try hello(Hello(body: body), frame.header, request, rows)
        case .ping: reply(Pong(bytes: try Ping(body: body).bytes), to: request)
        case .drain: try drain(Drain(body: body), request)
        case .bye: try bye(Bye(body: body), request, rows)
        case .close: try closed(request.peer, rows)
        default: throw WireError.unknownOpcode(frame.header.opcode)
        }
    }

    // MARK: Replies

    func reply(_ message: some Message, to request: Request) {
        guard request.id != 0 else { return }
        let connection = request.peer.connection
        note(connection)
        connection.outbox.write(message, requestID: request.id, channel: request.peer.channel)
    }

    func reply(_ error: WireError, to request: Request) {
        reply(ErrorMessage(error), to: request)
    }

    /// A reply that may be long goes out in frames between which others may pass.
    func replyAtLength(_ message: some Message, to request: Request) {
        guard request.id != 0 else { return }
        var frames = ByteBuffer()
        frames.write(message, requestID: request.id, channel: request.peer.channel)
        sendAtLength(frames, to: request)
    }

    func sendAtLength(_ frames: ByteBuffer, to request: Request) {
        guard request.id != 0 else { return }
        let connection = request.peer.connection
        note(connection)
        if frames.readableBytes <= Limits.splitBytes {
            connection.outbox.writeImmutableBuffer(frames)
        } else {
            connection.large.append(frames)
        }
    }

    // MARK: Ends

    /// Says why, and closes: the client's channel of a link, or the connection.
    func close(_ peer: Peer, _ error: ClosingError, _ rows: borrowing Transaction) throws {
        guard peer.channel != 0 else { return close(peer.connection, error) }
        let named = ClosingError(
            error.code, requestID: error.requestID, channel: peer.channel, limit: error.limit,
            actual: error.actual, error.message)
        peer.connection.outbox.write(named)
        note(peer.connection)
        try closed(peer, rows)
    }

    func close(_ connection: Connection, _ error: ClosingError) {
        connection.outbox.write(error)
        connection.closes = true
        note(connection)
    }

    /// The client's channel is gone, and with it all but its session.
    func closed(_ peer: Peer, _ rows: borrowing Transaction) throws {
        try disconnect(peer, rows)
        forget(peer)
    }
}

extension BrokerLoop {
    /// The channel is free for another client.
    func forget(_ peer: Peer) {
        let connection = peer.connection
        peer.lease.end()
        connection.peers[peer.channel] = nil
        connection.large.removeAll { $0.peekFrameHeader()?.channel == peer.channel }
        connection.closedChannels.append(peer.channel)
        note(connection)
    }
}

/// Where a reply goes.
struct Request {
    let peer: Peer
    /// 0: no reply is wanted.
    let id: UInt64
}
