import Testing

@testable import MartletClient

@Suite struct MartletEndpointTests {
    @Test(arguments: [
        ("martlet://127.0.0.1:7411", "127.0.0.1", 7411),
        ("martlet://127.0.0.1", "127.0.0.1", 7410),
        ("martlet://queue.example.org/", "queue.example.org", 7410),
        ("localhost:1", "localhost", 1),
        ("localhost", "localhost", 7410),
        ("martlet://[::1]:65535", "::1", 65_535),
        ("[::1]", "::1", 7410),
    ])
    func `an address is read`(text: String, host: String, port: Int) throws {
        let endpoint = try MartletEndpoint(parsing: text)
        #expect(endpoint == .martlet(host: host, port: port))
    }

    @Test(arguments: [
        ("", "names no host"), ("martlet://", "names no host"),
        ("martlet://:7410", "names no host"),
        ("http://127.0.0.1", "scheme is not martlet"), ("localhost:0", "1 to 65535"),
        ("localhost:65536", "1 to 65535"), ("localhost:", "1 to 65535"),
        ("localhost:x", "1 to 65535"),
        ("::1", "brackets"), ("[::1", "not closed"), ("[::1]x", "only a port"),
        ("a b", "no spaces"),
        ("martlet://me@host", "no spaces and none of / @"),
    ])
    func `what is wrong with an address is said`(text: String, reason: String) {
        #expect {
            try MartletEndpoint(parsing: text)
        } throws: {
            let error = $0 as? MartletError
            return error?.code == .endpointInvalid && error?.message.contains(reason) == true
        }
    }

    @Test(arguments: ["martlet://127.0.0.1:7410", "martlet://[::1]:80"])
    func `the description is what is read`(text: String) throws {
        #expect(try MartletEndpoint(parsing: text).description == text)
    }
}
