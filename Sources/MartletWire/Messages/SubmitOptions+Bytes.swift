extension SubmitOptions.Fields {
    /// What is kept as it came, as bytes: empty where it was not said.
    package struct Bytes {
        /// Of the unique key.
        package let key: UnsafeRawBufferPointer
        /// As the wire carries them.
        package let tags: UnsafeRawBufferPointer
        /// As the wire carries them.
        package let headers: UnsafeRawBufferPointer
    }

    /// Lends the bytes of key, tags and headers.
    package func withBytes<Result>(_ body: (Bytes) throws -> Result) rethrows -> Result {
        var key = unique?.key ?? ""
        return try key.withUTF8 { key in
            try (tags?.bytes ?? []).withUnsafeBytes { tags in
                try (headers?.bytes ?? []).withUnsafeBytes { headers in
                    try body(
                        Bytes(key: UnsafeRawBufferPointer(key), tags: tags, headers: headers))
                }
            }
        }
    }
}
