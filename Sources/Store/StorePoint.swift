/// The moments at which a crash leaves something different behind. Tests copy the directory at each.
package enum StorePoint: String, Sendable, CaseIterable {
    // Creation, in order.
    case markerWritten, spareWritten, beforeSegmentHeader, segmentHeaderWritten, segmentChanged
    case dataCreated, created
    // A turn.
    case blobsWritten, beforeAppend, appended
    // A recovery from a crash during two appends.
    case recordWiped
    // A checkpoint.
    case beforeCheckpoint, checkpointWritten, checkpointCommitted, segmentRecycled, blobFileRemoved
}
