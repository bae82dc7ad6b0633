using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Ocellus.Backups;

/// <summary>The first entry of a backup.</summary>
/// <param name="Format">Format of the archive: 1.</param>
/// <param name="Version">Version of the program that made it.</param>
/// <param name="Created">When it was made.</param>
/// <param name="Schema">The schema changes that its database has.</param>
internal sealed record BackupDescription(int Format, string Version, DateTimeOffset Created, IReadOnlyList<string> Schema);

/// <summary>
/// A backup is a tar file: <c>backup.json</c>, the files of the data directory, and last <c>SHA256SUMS</c>, as <c>sha256sum</c> writes and checks it. A file
/// without it was cut off.
/// </summary>
internal static partial class BackupFormat
{
    public const int Current = 1;

    public const string Description = "backup.json";

    public const string Sums = "SHA256SUMS";

    /// <summary>Maximum bytes of backup.json: room for a thousand changes of the schema.</summary>
    public const long DescriptionBytesMax = 1L << 20;

    /// <summary>Maximum bytes of a line of the checksums: the hash, the longest path, and some room.</summary>
    public const int LineBytesMax = 1024;

    /// <summary>Hex digits of a checksum.</summary>
    public const int SumLength = 64;

    /// <summary>Whether a path may be a file of a data directory. Only known names pass: no absolute path, no <c>..</c>, nothing outside the folder.</summary>
    public static bool IsFile(string path) => Pattern().IsMatch(path);

    [GeneratedRegex(
        @"\A(?:ocellus\.db|secret\.key|credentials|models/[0-9]{12}/[A-Za-z0-9_-]{1,100}/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,99}|"
        + @"jobs/[A-Za-z0-9_-]{1,100}/(?:job\.json|training\.manifest|testing\.manifest)|"
        + @"objects/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/(?:bucket\.json|[0-9a-f]{2}/[0-9a-f][0-9a-f.]{0,150}\.(?:json|data)))\z",
        RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(BackupDescription))]
internal sealed partial class BackupJson : JsonSerializerContext;
