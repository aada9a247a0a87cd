import NIOCore

// What a turn gives back: when, and to which event loop.

extension BrokerLoop {
    /// This turn has something to send to the connection.
    func note(_ connection: Connection) {
        guard !connection.isNoted else { return }
        connection.isNoted = true
        noted.append(connection)
    }

    /// Sends what promises no durability, before the commit.
    func sendEarly() {
        let deliveries = noted.filter { $0.early.readableBytes > 0 }.map { connection in
            defer { connection.early = ByteBuffer() }
            return Delivery(
                port: connection.port, small: connection.early, large: [], bytesDone: 0,
                isWelcomed: false, closes: false)
        }
        send(deliveries)
    }

    /// What this turn has for its connections.
    func takeReplies() -> [Delivery] {
        var deliveries: [Delivery] = []
        deliveries.reserveCapacity(noted.count)
        for connection in noted {
            deliveries.append(
                Delivery(
                    port: connection.port, pushes: connection.pushes,
                    small: connection.outbox, large: connection.large,
                    closedChannels: connection.closedChannels, bytesDone: connection.bytesDone,
                    requestsDone: connection.requestsDone,
                    eventBytes: connection.eventBytesNew, isLink: connection.isLink,
                    isWelcomed: connection.isWelcomed, closes: connection.closes))
            connection.pushes = []
            connection.outbox = ByteBuffer()
            connection.large = []
            connection.closedChannels = []
            connection.bytesDone = 0
            connection.requestsDone = 0
            connection.eventBytesNew = [:]
            connection.isNoted = false
        }
        noted.removeAll(keepingCapacity: true)
        return deliveries
    }

    /// Crosses to each other event loop once, and to its own not at all.
    func send(_ deliveries: [Delivery]) {
        var left = deliveries.filter { delivery in
            guard delivery.port.loop === inbox.loop else { return true }
            delivery.port.handler.value.deliver(delivery)
            return false
        }
        while let loop = left.first?.port.loop {
            let mine = left.filter { $0.port.loop === loop }
            left.removeAll { $0.port.loop === loop }
            loop.execute {
                for delivery in mine { delivery.port.handler.value.deliver(delivery) }
            }
        }
    }
}
