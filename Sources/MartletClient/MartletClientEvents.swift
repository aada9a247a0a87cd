extension MartletClient {
    /// What happens to jobs, as it happens.
    ///
    /// - Parameter after: offset of the last event seen, to go on behind it as far as the server still knows what
    ///   followed; nil: from now.
    public func events(
        matching filter: EventFilter = EventFilter(), after: UInt64? = nil
    ) -> JobEvents {
        JobEvents(client: self, filter: filter, after: after ?? 0, endsWithJob: false)
    }

    package func events(ofJob id: JobStatus.ID, includesProgress: Bool) -> JobEvents {
        JobEvents(
            client: self, filter: EventFilter(job: id, includesProgress: includesProgress),
            after: 0,
            endsWithJob: true)
    }
}
