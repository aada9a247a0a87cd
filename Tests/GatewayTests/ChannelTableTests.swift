import Testing

@testable import Gateway

struct ChannelTableTests {
    @Test func `channels begin with 1 and each has its client`() {
        var table = ChannelTable<String>()
        #expect(table.open("a") == 1)
        #expect(table.open("b") == 2)
        #expect(table[1] == "a")
        #expect(table[2] == "b")
        #expect(table[0] == nil)
        #expect(table[3] == nil)
        #expect(table.count == 2)
    }

    /// All channels taken: the clients are their channels' numbers.
    private func fullTable() -> ChannelTable<Int> {
        var table = ChannelTable<Int>()
        for number in 1...65_535 { _ = table.open(number) }
        return table
    }

    @Test func `there are 65,535 channels and no more`() {
        var table = fullTable()
        #expect(table.count == 65_535)
        #expect(table[65_535] == 65_535)
        #expect(table.open(0) == nil)
    }

    @Test func `channels that were never used come first`() {
        var table = ChannelTable<String>()
        _ = table.open("a")
        table.close(1)
        table.fencePassed(table.raiseFence() ?? 0)
        #expect(table.open("b") == 2)
    }

    @Test func `a closed channel is free behind its fence and not before`() {
        var table = fullTable()
        table.close(9)
        #expect(table[9] == nil)
        #expect(table.open(0) == nil)
        #expect(table.raiseFence() == 1)
        #expect(table.open(0) == nil)
        table.fencePassed(1)
        #expect(table.open(0) == 9)
        #expect(table[9] == 0)
    }

    @Test func `what closes behind a fence waits for the next one`() {
        var table = fullTable()
        table.close(1)
        #expect(table.raiseFence() == 1)
        table.close(2)
        #expect(table.raiseFence() == nil)
        table.fencePassed(1)
        #expect(table.open(0) == 1)
        #expect(table.open(0) == nil)
        #expect(table.raiseFence() == 2)
        table.fencePassed(2)
        #expect(table.open(0) == 2)
        #expect(table.raiseFence() == nil)
    }

    @Test func `the channel that was free for longest comes first`() {
        var table = fullTable()
        for channel in [7, 3, 5] as [UInt16] {
            table.close(channel)
            table.fencePassed(table.raiseFence() ?? 0)
        }
        #expect(table.open(0) == 7)
        #expect(table.open(0) == 3)
        #expect(table.open(0) == 5)
    }

    @Test func `a PONG that is no fence frees nothing`() {
        var table = fullTable()
        table.close(1)
        _ = table.raiseFence()
        table.fencePassed(0)
        table.fencePassed(7)
        #expect(table.open(0) == nil)
    }

    @Test func `a broken link gives its clients back and begins anew`() {
        var table = ChannelTable<String>()
        _ = table.open("a")
        _ = table.open("b")
        table.close(1)
        #expect(table.breakAll() == ["b"])
        #expect(table.count == 0)
        #expect(table.open("c") == 1)
        #expect(table.raiseFence() == nil)
    }
}
