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

    @Test func `a closed channel is free behind its fence and not before`() {
        var table = ChannelTable<String>()
        _ = table.open("a")
        table.close(1)
        #expect(table[1] == nil)
        #expect(table.open("b") == 2)
        #expect(table.raiseFence() == 1)
        #expect(table.open("c") == 3)
        table.fencePassed(1)
        #expect(table.open("d") == 1)
    }

    @Test func `what closes behind a fence waits for the next one`() {
        var table = ChannelTable<String>()
        _ = table.open("a")
        _ = table.open("b")
        table.close(1)
        #expect(table.raiseFence() == 1)
        table.close(2)
        #expect(table.raiseFence() == nil)
        table.fencePassed(1)
        #expect(table.open("c") == 1)
        #expect(table.open("d") == 3)
        #expect(table.raiseFence() == 2)
        table.fencePassed(2)
        #expect(table.open("e") == 2)
        #expect(table.raiseFence() == nil)
    }

    @Test func `a PONG that is no fence frees nothing`() {
        var table = ChannelTable<String>()
        _ = table.open("a")
        table.close(1)
        _ = table.raiseFence()
        table.fencePassed(0)
        table.fencePassed(7)
        #expect(table.open("b") == 2)
    }

    @Test func `there are 65,535 channels and no more`() {
        var table = ChannelTable<Int>()
        for number in 1...65_535 { #expect(table.open(number) == UInt16(number)) }
        #expect(table.open(65_536) == nil)
        table.close(9)
        #expect(table.open(65_536) == nil)
        table.fencePassed(table.raiseFence() ?? 0)
        #expect(table.open(65_536) == 9)
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
