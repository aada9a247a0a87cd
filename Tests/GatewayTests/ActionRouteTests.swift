import MartletClient
import MartletWire
import NIOCore
import TestSupport
import Testing

@testable import Gateway

@Suite(.fewAtATime, .timeLimit(.minutes(1)))
struct ActionRouteTests {
    private let server = FakeJobServer()

    @Test func `a bulk action begins with its filter and its rate`() async throws {
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/actions", at: http,
                body: """
                    {"action": "cancel", "reason": "bad day", "rate": 100,
                     "filter": {"queue": "images", "state": ["ready", "scheduled"], "tag": "a"}}
                    """)
            #expect(answer.status == 202)
            #expect(answer.headers["location"] == "/v1/actions/9")
            #expect(try answer.object["state"] as? String == "running")
            let query = JobQuery(queue: "images", states: [.ready, .scheduled], tag: "a")
            #expect(await server.queries == [query])
            let change = JobChange.cancel(reason: "bad day", grace: nil)
            #expect(await server.requests == ["all \(change) 100"])
        }
    }

    @Test func `a dry run counts what the action is for, and begins nothing`() async throws {
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/actions", at: http, body: #"{"action": "delete", "dry_run": true}"#)
            #expect(answer.status == 200)
            #expect(answer.body == #"{"dry_run":true,"count":42}"# + "\n")
            let states: Set<JobStatus.State> = [.completed, .dead, .cancelled, .expired]
            #expect(await server.queries == [JobQuery(states: states)])
            #expect(await server.requests.isEmpty)
        }
    }

    @Test(arguments: [
        "{}", #"{"action": "explode"}"#, #"{"action": "reprioritise"}"#,
        #"{"action": "delete", "priority": 1}"#, #"{"action": "cancel", "filter": {"stat": 1}}"#,
        #"{"action": "cancel", "filter": []}"#, #"{"action": "cancel", "rate": 0}"#,
        #"{"action": "purge", "dry_run": null}"#,
    ])
    func `an action that is not understood is refused`(body: String) async throws {
        try await withHTTP(server) { http in
            let answer = try await HTTPAnswer.to("POST", "/v1/actions", at: http, body: body)
            #expect(answer.status == 400)
            #expect(try answer.code == "OPTION_INVALID")
        }
    }

    @Test func `an action is looked at and stopped by its number`() async throws {
        try await withHTTP(server) { http in
            let look = try await HTTPAnswer.to("GET", "/v1/actions/9?wait=1", at: http)
            #expect(try look.object["state"] as? String == "done")
            #expect(try look.object["changed"] as? Int == 4)
            let stop = try await HTTPAnswer.to("DELETE", "/v1/actions/9", at: http)
            #expect(try stop.object["state"] as? String == "stopped")
            for unknown in ["10", "nine"] {
                let answer = try await HTTPAnswer.to("GET", "/v1/actions/\(unknown)", at: http)
                #expect(answer.status == 404)
                #expect(try answer.code == "ACTION_NOT_FOUND")
            }
        }
    }

    @Test func `a purge is an action on one queue`() async throws {
        try await withHTTP(server) { [server] http in
            let answer = try await HTTPAnswer.to(
                "POST", "/v1/queues/images/purge", at: http, body: #"{"filter": {"state": "dead"}}"#
            )
            #expect(answer.status == 202)
            #expect(await server.queries == [JobQuery(queue: "images", states: [.dead])])
            #expect(await server.requests == ["all \(JobChange.purge) 0"])
        }
    }
}
