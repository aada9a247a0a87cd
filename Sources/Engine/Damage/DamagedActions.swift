import Store

extension Engine {
    /// An action whose record is damaged ends: nobody knows what it was to do. Its timer finds nothing.
    func mendAction(_ key: [UInt8], _ error: StoreError, _ rows: borrowing Transaction) throws {
        let id = number(key, 0)
        let sentence = "action \(id) on many jobs is set aside, and ends"
        guard try setAside(Tables.actions, Key(key), sentence, error, rows) else { throw error }
        if actionsGoingOn.remove(id) != nil { endedActions.append(id) }
    }
}
