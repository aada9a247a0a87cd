public import Foundation
package import MartletWire

/// What the server knew about a queue at one moment.
public struct QueueStatus: Sendable {
    public let name: String
    /// Jobs that a worker may take.
    public let ready: Int
    /// Jobs that a worker has.
    public let running: Int
    /// Jobs that wait for their time.
    public let scheduled: Int
    /// Jobs that wait for something other than time or a worker.
    public let held: Int
    /// Jobs whose attempts are used up, and which are still kept.
    public let dead: Int
    /// Jobs completed since the queue exists.
    public let completed: Int
    /// Finished jobs that are still kept.
    public let retained: Int
    /// When the job at the head was submitted; nil when none is ready.
    public let oldestReadyAt: Date?
    /// Subscriptions of workers at that moment.
    public let subscribers: Int
}

extension QueueStatus {
    package init(_ info: QueueInfo) {
        name = info.name
        ready = Int(clamping: info.ready)
        running = Int(clamping: info.running)
        scheduled = Int(clamping: info.scheduled)
        held = Int(clamping: info.held)
        dead = Int(clamping: info.dead)
        completed = Int(clamping: info.completed)
        retained = Int(clamping: info.retained)
        oldestReadyAt = .orNil(protocolTime: info.oldestReadyAt)
        subscribers = Int(info.subscribers)
    }
}
