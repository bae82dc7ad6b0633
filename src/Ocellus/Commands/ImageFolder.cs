namespace Ocellus.Commands;

/// <summary>
/// Finds the files that a manifest's <c>s3://bucket/key</c> stand for in a folder on disk, so that a manifest written for S3 trains
/// without S3.
/// </summary>
/// <param name="path">The folder; no file outside it is ever returned.</param>
internal sealed class ImageFolder(string path)
{
    private readonly string _root = Path.GetFullPath(path);

    /// <summary>
    /// The file of an image; null if there is none. It tries <c>DIR/key</c>, <c>DIR/bucket/key</c>, then the key without its first part, without its first two,
    /// and so on: the first that exists counts.
    /// </summary>
    public string? Find(string bucket, string key) => Candidates(bucket, key).FirstOrDefault(File.Exists);

    /// <summary>The file that is looked for first; null if the key names none in this folder.</summary>
    public string? LookedFor(string bucket, string key) => Candidates(bucket, key).FirstOrDefault();

    private IEnumerable<string> Candidates(string bucket, string key)
    {
        // A part such as '..' would lead out of the folder. Keys may have such parts, but match no file here.
        var parts = key.Split('/');
        if (!Array.TrueForAll(parts, IsName))
        {
            yield break;
        }

        List<string[]> candidates = [parts];
        if (IsName(bucket))
        {
            candidates.Add([bucket, .. parts]);
        }

        candidates.AddRange(Enumerable.Range(1, parts.Length - 1).Select(skipped => parts[skipped..]));
        foreach (var candidate in candidates)
        {
            var file = Path.GetFullPath(Path.Combine([_root, .. candidate]));
            // Belt and braces: whatever a platform makes of a name, the file must be in the folder.
            if (file.StartsWith(Path.TrimEndingDirectorySeparator(_root) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            {
                yield return file;
            }
        }
    }

    private static bool IsName(string part) =>
        part.Length > 0
            && part is not ("." or "..")
            && part.AsSpan().IndexOfAny(['\\', '\0', Path.DirectorySeparatorChar, Path.VolumeSeparatorChar == '/' ? '\0' : Path.VolumeSeparatorChar]) < 0;
}
