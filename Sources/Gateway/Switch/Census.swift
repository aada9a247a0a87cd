import Synchronization

/// What all event loops of a gateway count together.
final class Census: Sendable {
    private let clients = Atomic(0)
    private let linksUp = Atomic(0)
    private let links: Int

    init(links: Int) {
        self.links = links
    }

    /// Whether clients find a broker on whichever event loop they come to be.
    var isReady: Bool { linksUp.load(ordering: .relaxed) == links }

    /// Returns how many there are now.
    func clientCame() -> Int { clients.add(1, ordering: .relaxed).newValue }

    func clientWent() { clients.subtract(1, ordering: .relaxed) }

    func linkCameUp() { linksUp.add(1, ordering: .relaxed) }

    func linkBroke() { linksUp.subtract(1, ordering: .relaxed) }
}
