using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Ocellus.Datasets.Manifests;

namespace Ocellus.Datasets;

/// <summary>Reads the entries of JSON Lines and drops what a dataset job drops: lines with terminal errors, and repeated images.</summary>
internal sealed class EntryReader(Stream lines)
{
    // Digests, not names: there may be 250,000 names of 100,000 characters. SHA-256, so that the author of a manifest cannot make two names collide.
    private readonly HashSet<UInt128> _seen = [];

    /// <summary>Lines so far. Reading stops at one more than <see cref="DatasetCatalog.EntriesMax"/>.</summary>
    public long Lines { get; private set; }

    /// <summary>Lines dropped so far.</summary>
    public long Dropped { get; private set; }

    /// <summary>
    /// What is wrong with the first line that is not UTF-8; null if there is none. Do not use the entries of such a file: the same program wrote all its lines.
    /// </summary>
    public string? EncodingFault { get; private set; }

    /// <summary>Whether any line was JSON Lines.</summary>
    public bool IsJsonLines { get; private set; }

    /// <summary>The kept entries; their ordinal is the line number.</summary>
    public async IAsyncEnumerable<EntryRow> ReadAsync([EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var parsed in ManifestReader.ParseAsync(lines, cancel))
        {
            if (++Lines > DatasetCatalog.EntriesMax)
            {
                yield break;
            }

            EncodingFault ??= parsed.EncodingFault;
            IsJsonLines |= parsed.IsObject || parsed.IsTooLong;
            if (parsed.IsDatasetTerminal || !_seen.Add(Digest(parsed.SourceRef)))
            {
                Dropped++;
                continue;
            }

            yield return EntryRow.From(Lines, parsed);
        }
    }

    private static UInt128 Digest(string text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(MemoryMarshal.AsBytes(text.AsSpan()), hash);
        return MemoryMarshal.Read<UInt128>(hash);
    }
}
