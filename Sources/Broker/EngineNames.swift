import Engine

// Types of the engine that have the name of one of the wire's. Where both modules are imported, the bare
// name is the wire's with `MartletWire.` in front of it, and the engine's is one of these.

typealias EngineState = JobState
typealias EngineKey = UniqueKey
typealias EngineAction = JobAction
typealias EngineFilter = JobFilter
typealias EngineSettings = QueueSettings
typealias EngineExplanation = Explanation
typealias EngineLogPage = LogPage
typealias EngineEvent = JobEvent
