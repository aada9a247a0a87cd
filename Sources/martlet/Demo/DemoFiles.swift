import Foundation

/// The demo's input: files that every machine has.
struct DemoFiles {
    let paths: [String]
    /// Where they were found, for the report.
    let places: String

    private static let usualDirectories = ["/usr/share/doc", "/usr/include"]
    /// Where more is found when the usual places have been emptied, as in container images.
    private static let spareDirectories = ["/usr/share", "/usr/lib"]
    private static let countMin = 2000
    private static let bytesMax = 1 << 20

    /// - Parameter directories: none: the usual ones.
    /// - Throws: `CommandFailure` when there are too few files to show anything.
    static func find(below directories: [String]) throws -> DemoFiles {
        var places = directories.isEmpty ? usualDirectories : directories
        var paths = places.flatMap(files)
        if directories.isEmpty, paths.count < countMin {
            places = ["/usr/include"] + spareDirectories
            paths = places.flatMap(files)
        }
        guard paths.count >= (directories.isEmpty ? countMin : 1) else {
            throw CommandFailure(
                .failed,
                "found \(paths.count) readable files below \(places.joined(separator: ", ")), the demo"
                    + " wants \(countMin). --directory names another place."
            )
        }
        return DemoFiles(paths: paths, places: places.joined(separator: " and "))
    }

    /// Regular, readable files of 1 byte to 1 MiB; links are not followed.
    private static func files(below directory: String) -> [String] {
        let keys: [URLResourceKey] = [.isRegularFileKey, .fileSizeKey]
        let enumerator = FileManager.default.enumerator(
            at: URL(filePath: directory), includingPropertiesForKeys: keys)
        var paths: [String] = []
        while let url = enumerator?.nextObject() as? URL {
            guard let values = try? url.resourceValues(forKeys: Set(keys)),
                values.isRegularFile == true, let size = values.fileSize,
                size > 0, size < bytesMax, access(url.path, R_OK) == 0
            else { continue }
            paths.append(url.path)
        }
        return paths.sorted()
    }
}
