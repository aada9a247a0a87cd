import Store
import Testing

struct KeyTests {
    @Test func `byte order is the order of the fields`() throws {
        let directory = try TestDirectory()
        let store = try Store.open(.small(directory.store))
        let numbers: [UInt64] = [0, 1, 255, 256, 65_535, 65_536, 1 << 32, .max]
        let keys = numbers.flatMap { queue in
            numbers.map { Key().adding(u32: UInt32(truncatingIfNeeded: queue)).adding(u64: $0) }
        }
        try store.turn { rows throws in
            for key in keys.shuffled() { try rows.put(.jobs, key) { $0.u8(0) } }
            var pairs: [[UInt64]] = []
            try rows.scan(.jobs, from: Key()) { key, _ in
                pairs.append([UInt64(try key.u32()), try key.u64()])
                return .next
            }
            #expect(pairs == pairs.sorted { $0.lexicographicallyPrecedes($1) })
            #expect(pairs.count == Set(keys.map(\.description)).count)
        }
    }

    @Test func `fields are big-endian, one behind the other`() {
        let key = Key().adding(u8: 1).adding(u16: 0x0203).adding(u32: 0x0405_0607)
            .adding(u64: 0x0809_0a0b_0c0d_0e0f)
        #expect(key.description == "0102030405060708090a0b0c0d0e0f")
        #expect(key.count == 15)
    }

    @Test func `four numbers and a few bytes fit`() throws {
        let directory = try TestDirectory()
        let store = try Store.open(.small(directory.store))
        var key = Key()
        for number in UInt64(1)...4 { key.u64(number) }
        for byte in UInt8(1)...8 { key.u8(byte) }
        #expect(key.count == Key.capacity)
        try store.turn { rows throws in
            try rows.put(.jobs, key) { $0.u8(1) }
            #expect(try rows.get(.jobs, key) { try $0.u8() } == 1)
        }
    }

    @Test func `a key that is read past its end is damage`() throws {
        let directory = try TestDirectory()
        let store = try Store.open(.small(directory.store))
        try store.turn { rows throws in
            try rows.put(.jobs, Key().adding(u8: 1)) { _ in }
            let code = try storeError {
                _ = try rows.first(.jobs, atOrAfter: Key()) { key, _ in try key.u16() }
            }
            #expect(code == .damaged(table: .jobs, key: [1]))
        }
    }
}
