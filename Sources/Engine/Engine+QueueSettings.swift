package import Store

/// What is asked of queues as a whole.
extension Engine {
    // MARK: Settings

    package func settings(of queue: QueueIndex) -> QueueSettings {
        queues[queue.value].row.settings ?? QueueSettings()
    }

    /// Takes effect at once: limits and defaults for the next submission, the order for the next
    /// delivery. A pause and draining are part of the settings.
    package func set(
        _ settings: QueueSettings, of queue: QueueIndex, _ rows: borrowing Transaction
    ) throws {
        var settings = settings
        settings.deletingSince = self.settings(of: queue).deletingSince
        settings.defaults.delay = nil
        settings.defaults.runAt = nil
        // The head of the runs is another when the order is.
        try queues[queue.value].ready.flush(rows)
        queues[queue.value].row.settings = settings.isDefault ? nil : settings
        queues[queue.value].settingsChanged()
        touch(queue.value)
    }

    /// Deliveries stop; submissions and settlements go on. A queue that is paused already keeps its
    /// first pause.
    package func pause(
        _ queue: QueueIndex, by: String, reason: String, _ rows: borrowing Transaction
    ) throws {
        var settings = settings(of: queue)
        guard settings.pause == nil else { return }
        settings.pause = QueueSettings.Pause(since: stamp.now, by: by, reason: reason)
        try set(settings, of: queue, rows)
    }

    package func resume(_ queue: QueueIndex, _ rows: borrowing Transaction) throws {
        var settings = settings(of: queue)
        settings.pause = nil
        try set(settings, of: queue, rows)
    }

    /// While a queue is draining, submissions to it are refused: by the caller, who asks `isDraining`.
    package func setDraining(
        _ queue: QueueIndex, _ isDraining: Bool, _ rows: borrowing Transaction
    ) throws {
        var settings = settings(of: queue)
        guard isDraining != (settings.drainingSince > 0) else { return }
        settings.drainingSince = isDraining ? stamp.now : 0
        try set(settings, of: queue, rows)
    }

    package func isPaused(_ queue: QueueIndex) -> Bool {
        guard queues[queue.value].hasSettings else { return false }
        let settings = queues[queue.value].row.settings
        return settings?.pause != nil || (settings?.deletingSince ?? 0) > 0
    }

    /// Whether submissions to the queue are to be refused.
    package func isDraining(_ queue: QueueIndex) -> Bool {
        guard queues[queue.value].hasSettings else { return false }
        let settings = queues[queue.value].row.settings
        return (settings?.drainingSince ?? 0) > 0 || (settings?.deletingSince ?? 0) > 0
    }
}
