package import Store
struct GroupRow { var jobs: UInt64 = 0; var firstSeen: UInt64 = 0; var lastSeen: UInt64 = 0; var example: UInt64 = 0
  init(_ f: Failure, now: UInt64) {}
  init(from r: inout RowReader) throws(StoreError) { jobs = try r.u64() }
  func write(to w: inout RowWriter) { w.u64(jobs) } }
enum NoteKind: UInt8 { case progress, checkpoint, log, logState }
extension Key { static func group(_ q: UInt32, _ f: UInt64) -> Key { Key().adding(u32: q).adding(u64: f) } }
package struct BulkAction { package var id: UInt64 = 0; package var changed: UInt64 = 0; package var refused: UInt64 = 0
  init(_ id: UInt64, from r: inout RowReader) throws(StoreError) {}
  var timer: Timer { Timer(due: 0, kind: .action, id) } }
package struct JobAction: Equatable { 
  package enum Kind: UInt8, CaseIterable, Sendable { case cancel = 1, retry, delete, reprioritise, purge
   var states: [JobState] { [] } }
  package var kind: Kind; var reason = ""; var grace: UInt64 = 0; var keepsCounters = false; var runAt: UInt64 = 0; var priority: UInt8 = 0
  init(_ k: Kind) { kind = k } }
package enum JobActionOutcome: Equatable { case done(JobState?), notFound, damaged, isFinished(JobState), isInState(JobState) }
package struct JobFilter { var queue: String?; var states: UInt16; var type: String?; var tag: String?; var uniqueKey: String?; var ids: ClosedRange<UInt64>?; var fingerprint: UInt64?; var session: UInt64?; var since: UInt64?; var until: UInt64?
  init(queue: String? = nil, states: UInt16 = 0) { self.queue = queue; self.states = states }
  static func states(_ s: [JobState]) -> UInt16 { 0 } }
struct JobEdit { var priority: UInt8?; var runAt: UInt64?; var timeToLive: UInt64?; var timeout: UInt64?; var tags: UnsafeRawBufferPointer?; var headers: UnsafeRawBufferPointer?; var payload: StoredPayload? }
extension Engine {
  func act(_ a: JobAction, on id: UInt64, _ rows: borrowing Transaction) throws -> JobActionOutcome { .notFound }
  func edit(_ id: UInt64, _ e: JobEdit, _ rows: borrowing Transaction) throws -> JobActionOutcome { .notFound }
  func log(_ id: UInt64, token: UInt64, session: UInt64, lines: [UnsafeRawBufferPointer], _ rows: borrowing Transaction) throws -> Bool { false }
  func checkpoint(_ id: UInt64, token: UInt64, session: UInt64, _ b: UnsafeRawBufferPointer, _ rows: borrowing Transaction) throws -> Bool { false }
  func begin(_ a: JobAction, on f: JobFilter, rate: UInt32, _ rows: borrowing Transaction) throws -> BulkAction? { nil }
  func bulkAction(_ id: UInt64, _ rows: borrowing Transaction) throws -> BulkAction? { nil }
}
extension JobInspection { var priority: UInt8 { 0 }; var vanishAt: UInt64 { 0 } }
