extension MartletClient {
    /// What happens to jobs, as it happens.
    ///
    /// - Parameter after: offset of the last event seen, to go on behind it as far as the server
    ///   still knows what followed; nil: from now.
    public func events(
        matching filter: EventFilter = EventFilter(), after: UInt64? = nil
    ) -> JobEvents {
        JobEvents(client: self, filter: filter, after: after ?? 0, endsWithJob: false)
    }

    /// Offset of the last event so far. ``events(matching:after:)`` goes on behind it, so that who asks
    /// before a job is pushed sees all that happens to it, whenever the loop begins.
    public func lastEventOffset() async throws(MartletError) -> UInt64 {
        try await reconnector.lastEvent(until: requestDeadline())
    }

    /// - Parameters:
    ///   - after: 0: from now.
    ///   - endsWithJob: the sequence ends with the filter's job.
    package func events(
        matching filter: EventFilter, after: UInt64, endsWithJob: Bool
    ) -> JobEvents {
        JobEvents(client: self, filter: filter, after: after, endsWithJob: endsWithJob)
    }

    package func events(ofJob id: JobStatus.ID, includesProgress: Bool) -> JobEvents {
        JobEvents(
            client: self, filter: EventFilter(job: id, includesProgress: includesProgress),
            after: 0,
            endsWithJob: true)
    }
}
