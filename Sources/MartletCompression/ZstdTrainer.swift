import CMartletZstd

/// Makes dictionaries from samples of what they are to compress.
package enum ZstdTrainer {
    /// Bytes of a dictionary: what measurably helps payloads of some hundred bytes. Larger ones gain little, and
    /// cost every client and worker memory and cache.
    package static let dictionaryBytes = 16 << 10
    /// With fewer samples there is nothing to learn from.
    package static let samplesMin = 16

    /// Takes some tens of milliseconds for a megabyte.
    ///
    /// - Parameter bytesMax: of the dictionary; a small set of samples gives a smaller one.
    /// - Returns: nil when nothing can be learned from the samples: there are too few, or they have nothing in
    ///   common.
    package static func train(
        _ samples: [[UInt8]], bytesMax: Int = dictionaryBytes
    ) -> [UInt8]? {
        guard samples.count >= samplesMin else { return nil }
        let all = samples.flatMap { $0 }
        // A dictionary longer than a tenth of what it was made from has learned it by heart.
        let capacity = min(bytesMax, max(all.count / 10, 512))
        return all.withUnsafeBytes { source in
            let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { target, count in
                let length = ZDICT_trainFromBuffer(
                    target.baseAddress, target.count, source.baseAddress, samples.map(\.count),
                    UInt32(samples.count))
                count = ZDICT_isError(length) == 0 ? length : 0
            }
            return bytes.isEmpty ? nil : bytes
        }
    }

    /// One that is worth being kept by everybody: it makes payloads smaller than they are without it by a fifth at
    /// least. It is tried on samples that it was not made from.
    ///
    /// - Parameter active: the one that it would replace.
    /// - Returns: with what a raw byte of those samples comes to; nil when there is none.
    package static func worthwhile(
        from samples: [[UInt8]], beside active: ZstdDictionary? = nil,
        level: Int = Zstd.defaultLevel
    ) -> (dictionary: ZstdDictionary, share: Double)? {
        let tried = samples.enumerated().filter { $0.offset % 10 == 0 }.map(\.element)
        let learned = samples.enumerated().filter { $0.offset % 10 != 0 }.map(\.element)
        guard let bytes = train(learned), let dictionary = ZstdDictionary(bytes, level: level)
        else { return nil }
        let sums = measure(dictionary, on: tried, level: level)
        let without = min(
            sums.alone, active.map { measure($0, on: tried, level: level).packed } ?? .max)
        guard sums.packed * 5 <= without * 4 else { return nil }
        return (dictionary, Double(sums.packed) / Double(sums.raw))
    }

    /// Bytes of all samples, raw, compressed one by one, and so with the dictionary: what does not pay counts as
    /// it is.
    package static func measure(
        _ dictionary: ZstdDictionary, on samples: [[UInt8]], level: Int = Zstd.defaultLevel
    ) -> (raw: Int, alone: Int, packed: Int) {
        let zstd = Zstd()
        var sums = (raw: 0, alone: 0, packed: 0)
        for sample in samples {
            sums.raw += sample.count
            sums.alone += zstd.compress(sample.span.bytes, level: level)?.count ?? sample.count
            sums.packed +=
                zstd.compress(sample.span.bytes, with: dictionary)?.count ?? sample.count
        }
        return sums
    }
}
