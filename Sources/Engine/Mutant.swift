/// Bugs planted on purpose, one at a time and in test builds only: the simulation must find each of them,
/// or it would not find the like by accident either.
package enum Mutant: String, Sendable, CaseIterable {
    case attemptsOffByOne
    case cancelForgottenByFailure
    case checkpointLostOnRetry
    case counterNotMoved
    case dictionaryNotReleased
    case endNotTold
    case expiryKeepsItsTimer
    case expiryOnlyWhileReady
    case groupNotLowered
    case headersKeptByEdit
    case indexRowForgotten
    case keyNotReleased
    case lineCountsTheJobItself
    case pauseIgnored
    case priorityInverted
    case rateIgnored
    case replacedHolderKeepsKey
    case runCountedAsOne
    case runForgetsRetained
    case retentionOfAnotherOutcome
    case retryNotTold
    case staleTokenAccepted
    case timeoutNotCapped
}

extension Engine {
    /// Whether a bug is planted here. Release builds have none.
    @inline(__always)
    func isPlanted(_ mutant: Mutant) -> Bool {
        #if DEBUG
            self.mutant == mutant
        #else
            false
        #endif
    }
}
