using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Ocellus.Datasets.Manifests;

namespace Ocellus.Datasets;

/// <summary>Reads the entries of JSON Lines and drops what a dataset job drops: lines with terminal errors, and an image that was there before.</summary>
internal sealed class EntryReader(Stream lines)
{
    // A digest and not the name: names may have 100,000 characters each, and there may be 250,000. SHA-256, for whoever writes
    // a manifest must not be able to make two names look like one.
    private readonly HashSet<UInt128> _seen = [];

    /// <summary>Lines so far. Reading stops at one more than <see cref="DatasetCatalog.EntriesMax"/>.</summary>
    public long Lines { get; private set; }

    /// <summary>Lines dropped so far.</summary>
    public long Dropped { get; private set; }

    /// <summary>
    /// What is wrong with the first line that is not UTF-8; null while all are. The entries of such a file are good for nothing: who wrote one line wrote all.
    /// </summary>
    public string? EncodingFault { get; private set; }

    /// <summary>Whether some line was JSON Lines at all.</summary>
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
