extension Store {
    /// Where the store is and how much it may use.
    package struct Configuration: Sendable {
        package var directory: String
        /// Version of the tables' rows, owned by whoever writes them. A directory of another is refused.
        package var formatVersion: UInt32
        package var tables: [Table]
        /// Address space for LMDB's map, and so the data file's largest size. Sparse: it costs nothing.
        package var mapBytes = 1 << 40
        /// Size of a log segment; whole 4 KiB blocks. A turn that is larger costs a checkpoint.
        package var segmentBytes = 32 << 20
        /// Segments written ahead.
        package var spareSegments = 1
        /// How long a turn waits for its checkpoint at most. Long, for appends to the log wait behind a checkpoint
        /// on its way to the disk: who reads snapshots asks for one earlier.
        package var checkpointMilliseconds: UInt64 = 10_000
        /// Logged bytes and mutations after which a checkpoint is due, those of rows that LMDB was spared not counted:
        /// they bound its sorted list of dirty pages, and how long a checkpoint holds the writer. With a
        /// growing backlog 4 MiB held it 5 ms at 870,000 rows a second, 16 MiB 20 to 60 ms at no more.
        package var checkpointBytes = 8 << 20
        package var checkpointMutations = 65_536
        /// Pages changed, about, after which a checkpoint is due: it writes 8 MiB of them then. Consecutive jobs
        /// come to the other bounds first.
        package var checkpointPages = 2_048
        /// Memory for the newest rows of the table that has brief ones; a power of two.
        package var recentBytes = 4 << 20
        /// Space kept free behind the rows, so that settlements go on when the device is full.
        package var reserveBytes = 64 << 20
        package var blobs = Blobs()
        /// Called at each named point; tests copy the directory there to see what a crash would leave.
        package var observe: (@Sendable (StorePoint) -> Void)?

        package init(directory: String, formatVersion: UInt32, tables: [Table]) {
            self.directory = directory
            self.formatVersion = formatVersion
            self.tables = tables
        }

        func check() {
            precondition(segmentBytes % LogFormat.block == 0, "a segment is whole blocks")
            precondition(
                segmentBytes >= 2 * LogFormat.block, "a segment holds a header and a record")
            precondition(spareSegments >= 1, "the log changes to a spare segment")
            let brief = tables.filter(\.isBrief)
            precondition(brief.count <= 1 && !brief.contains(where: \.isLong), "one brief table")
            precondition(blobs.fileBytes % LogFormat.block == 0, "a blob file is whole blocks")
            precondition(blobs.fileBytes <= Int32.max, "references have 32 bits for a place")
        }
    }

    /// What goes to blob files, and how large they become: see `BlobFiles`.
    package struct Blobs: Sendable {
        /// Reserved for each file, in bytes; whole 4 KiB blocks.
        package var fileBytes: Int
        /// Shortest row, with its check value, that goes there.
        package var rowBytesMin: Int
        /// Bytes of such rows that a commit has in its tables before others go there: with less, a second sync costs
        /// more than LMDB's pages.
        package var commitBytesMin: Int
        /// Garbage up to which nothing is written anew, in bytes.
        package var garbageMin: Int

        /// - Parameter garbageMin: nil: four files.
        package init(
            fileBytes: Int = 64 << 20, rowBytesMin: Int = 1_024, commitBytesMin: Int = 64 << 10,
            garbageMin: Int? = nil
        ) {
            self.fileBytes = fileBytes
            self.rowBytesMin = rowBytesMin
            self.commitBytesMin = commitBytesMin
            self.garbageMin = garbageMin ?? 4 * fileBytes
        }
    }

    /// What opening found and did.
    package struct Recovery: Sendable, Equatable {
        /// Turns that were in the log only.
        package var turnsReplayed = 0
        package var lastTurn: UInt64 = 0
        /// Bytes of a turn whose append a crash cut short: it was never acknowledged.
        package var tornBytes = 0
        /// Turns that were on the disk before one that they build on, when a crash came: they were never acknowledged.
        package var turnsWiped = 0
        /// Log segments that were read.
        package var segments = 0
    }
}

extension RedoLog {
    convenience init(
        _ configuration: Store.Configuration, _ directory: DataDirectory,
        _ checkpoint: CheckpointRow
    ) {
        self.init(
            LogFiles(directory: directory.logPath, segmentBytes: configuration.segmentBytes),
            checkpoint.log, at: checkpoint.position, spareSegments: configuration.spareSegments,
            observe: { configuration.observe?($0) })
    }
}

extension Environment {
    convenience init(
        _ configuration: Store.Configuration, _ directory: DataDirectory
    ) throws(StoreError) {
        try self.init(
            directory.dataPath, tables: configuration.tables, mapBytes: configuration.mapBytes,
            BlobFiles(directory.blobsPath, configuration.blobs))
    }
}
