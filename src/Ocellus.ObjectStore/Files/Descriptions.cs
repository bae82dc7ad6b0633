using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using Ocellus.Encodings;
using static Ocellus.Objects.Files.ObjectFiles;

namespace Ocellus.Objects.Files;

/// <summary>A file of the store that cannot be used.</summary>
/// <param name="Path">The file.</param>
/// <param name="Reason">What is wrong with it, without a full stop.</param>
internal sealed record DamagedFile(string Path, string Reason);

/// <summary>
/// Reads and validates the store's descriptions: a disk fault may have truncated, emptied or swapped them, and a person may have edited them. A description
/// that is returned is valid and refers only to a data file in its own folder.
/// </summary>
internal static partial class Descriptions
{
    /// <summary>Hexadecimal digits of an MD5.</summary>
    public const int Md5Digits = 32;

    public const string BucketFile = "bucket.json";

    public const string UploadFile = "upload.json";

    /// <summary>The error for a request that needs a damaged file. Its path is only in the log.</summary>
    public static S3Exception Refusal(string what, string remedy) =>
        new(
            "InternalError",
            $"The description of {what} is damaged on the server's disk; its log names the file, and 'ocellus doctor' says what can be done. {remedy}");

    public static ObjectInfo? Object(string path, out DamagedFile? damage)
    {
        if (Read(path, ObjectJson.Default.ObjectInfo, out damage) is not { } info)
        {
            return null;
        }

        var hash = Path.GetFileNameWithoutExtension(path);
        var why =
            info.Key is null
                || info.ETag is null
                || info.ContentType is null
                || info.DataFile is null
                || HasNull(info.UserMetadata)
                || HasNull(info.Headers)
                || HasNull(info.Checksums)
                || HasNull(info.Tags) ? "a member is null"
            : !IsKey(info.Key) ? "its key is not valid"
            : Hash(info.Key) != hash ? $"it belongs to the key '{Readable.Truncate(info.Key)}', whose description has another name"
            : !ETagForm().IsMatch(info.ETag) ? $"its ETag '{Readable.Truncate(info.ETag)}' is not valid"
            : info.Size < 0 ? $"its size is {info.Size}"
            : info.Parts is { } parts && (parts.Any(p => p is null || p.Size < 0 || HasNull(p.Checksums)) || parts.Sum(p => (decimal)p.Size) != info.Size)
                ? "the sizes of its parts do not add up to its size"
            : DataProblem(Path.GetDirectoryName(path)!, info.DataFile, hash, info.Size);
        damage = why is null ? null : new(path, why);
        return why is null ? info : null;
    }

    /// <summary>Reads a part of an upload, from N.json.</summary>
    public static PartInfo? Part(string path, out DamagedFile? damage)
    {
        if (Read(path, ObjectJson.Default.PartInfo, out damage) is not { } part)
        {
            return null;
        }

        var number = Path.GetFileNameWithoutExtension(path);
        var why =
            part.ETag is null || part.DataFile is null || HasNull(part.Checksums) ? "a member is null"
            : !string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{part.Number}").Equals(number, StringComparison.Ordinal)
                ? $"it belongs to part {part.Number}"
            : part.ETag.Length != Md5Digits || !ETagForm().IsMatch(part.ETag) ? $"its ETag '{Readable.Truncate(part.ETag)}' is not valid"
            : part.Size < 0 ? $"its size is {part.Size}"
            : DataForm().Match(part.DataFile) is not { Success: true } data || data.Groups["name"].Value != number
                ? $"its data file '{Readable.Truncate(part.DataFile)}' has an invalid name"
            : null;
        damage = why is null ? null : new(path, why);
        return why is null ? part : null;
    }

    /// <summary>What is wrong with a part's data; null if it is intact.</summary>
    public static string? DataProblem(string folder, PartInfo part) => DataProblem(folder, part.DataFile, $"{part.Number}", part.Size);

    /// <summary>Reads an upload. Its folder is named by its id.</summary>
    public static UploadInfo? Upload(string folder, out DamagedFile? damage)
    {
        var path = Path.Combine(folder, UploadFile);
        if (Read(path, ObjectJson.Default.UploadInfo, out damage) is not { } upload)
        {
            return null;
        }

        var why =
            upload.Id is null || upload.Key is null || HasNull(upload.UserMetadata) || HasNull(upload.Headers) || HasNull(upload.Tags) ? "a member is null"
            : upload.Id != Path.GetFileName(folder) ? $"it belongs to the upload '{Readable.Truncate(upload.Id)}'"
            : !IsKey(upload.Key) ? "its key is not valid"
            : upload.Algorithm is { } algorithm && !DigestSet.Names.Contains(algorithm) ? $"its checksum '{Readable.Truncate(algorithm)}' is unknown"
            : null;
        damage = why is null ? null : new(path, why);
        return why is null ? upload : null;
    }

    /// <summary>Reads a bucket. Its folder is named like the bucket.</summary>
    public static Bucket? Bucket(string folder, out DamagedFile? damage)
    {
        var path = Path.Combine(folder, BucketFile);
        if (Read(path, ObjectJson.Default.Bucket, out damage) is not { } bucket)
        {
            return null;
        }

        var why =
            bucket.Name is null || bucket.AccountId is null || bucket.Region is null || (bucket.Tags is not null && HasNull(bucket.Tags))
                || (bucket.Cors?.Any(
                    r =>
                        r?.Origins is null
                            || r.Methods is null
                            || r.Headers is null
                            || r.Exposed is null
                            || r.Origins.Concat(r.Methods).Concat(r.Headers).Concat(r.Exposed).Any(t => t is null))
                    ?? false) ? "a member is null or missing"
            : bucket.Name != Path.GetFileName(folder) ? $"it belongs to the bucket '{Readable.Truncate(bucket.Name)}'"
            : !AccountForm().IsMatch(bucket.AccountId) ? $"its account '{Readable.Truncate(bucket.AccountId)}' is not valid"
            : bucket.Region.Length == 0 ? "it has no region"
            : null;
        damage = why is null ? null : new(path, why);
        return why is null ? bucket : null;
    }

    /// <summary>Whether a folder has descriptions of objects. Then it is a bucket, even if its own description is missing or damaged.</summary>
    public static bool HasObjects(string folder) => ShardsOf(folder).Any(s => Directory.EnumerateFiles(s, "*.json").Any());

    /// <summary>The folders with a bucket's objects.</summary>
    public static IEnumerable<string> ShardsOf(string folder) => Directory.EnumerateDirectories(folder).Where(d => Path.GetFileName(d).Length == 2);

    private static bool IsKey(string key) => key.Length > 0 && System.Text.Encoding.UTF8.GetByteCount(key) <= ObjectNames.MaxKeyBytes;

    private static bool HasNull(Dictionary<string, string>? table) => table is null || table.ContainsValue(null!);

    private static string? DataProblem(string folder, string dataFile, string name, long size) =>
        DataForm().Match(dataFile) is not { Success: true } data
            || data.Groups["name"].Value != name ? $"the data file that it names, '{Readable.Truncate(dataFile)}', cannot be its own"
        : new FileInfo(Path.Combine(folder, dataFile)) is not { Exists: true } file ? $"its data file {dataFile} is missing"
        : file.Length != size ? $"its data file {dataFile} has {file.Length} bytes, not {size}"
        : null;

    private static T? Read<T>(string path, JsonTypeInfo<T> type, out DamagedFile? damage)
        where T : class
    {
        string why;
        try
        {
            var bytes = File.ReadAllBytes(path);
            if (bytes.Length > 0 && JsonSerializer.Deserialize(bytes, type) is { } read)
            {
                damage = null;
                return read;
            }

            why = bytes.Length == 0 ? "it is empty" : "it contains null";
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException or InvalidOperationException)
        {
            why = $"it is not a complete description: {failure.Message.Split(". Path:")[0].Split(". LineNumber:")[0]}";
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            why = "it is missing";
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            why = $"it cannot be read: {failure.Message}";
        }

        damage = new(path, why.TrimEnd('.'));
        return null;
    }

    [GeneratedRegex(@"\A[0-9a-f]{32}(-[1-9][0-9]{0,4})?\z")]
    private static partial Regex ETagForm();

    [GeneratedRegex(@"\A(?<name>[0-9a-f]+)\.[0-9a-f]{32}\.data\z")]
    private static partial Regex DataForm();

    [GeneratedRegex(@"\A[0-9]{12}\z")]
    private static partial Regex AccountForm();
}
