using System.Collections.Concurrent;
using System.Security.Cryptography;

namespace Ocellus.Transfer;

/// <summary>What became of a picture.</summary>
internal enum PictureOutcome
{
    Copied,

    /// <summary>The same bytes were here already.</summary>
    Kept,

    /// <summary>It could not be read at the source.</summary>
    Missing,

    /// <summary>An object with other bytes, which is no copy, is here under its name: it was left as it is.</summary>
    Taken,
}

/// <summary>
/// Copies pictures from one object store to another. A copy remembers the ETag of its original, so that the next run asks for the picture only if it has
/// changed.
/// </summary>
/// <param name="from">The store of the originals.</param>
/// <param name="to">The store of the copies.</param>
/// <param name="replace">Whether a copy takes the place of an object that is none.</param>
internal sealed class PictureCopier(ObjectClient from, ObjectClient to, bool replace)
{
    /// <summary>Pictures copied at a time: a request to another continent takes most of its time on the way.</summary>
    public const int Parallel = 12;

    /// <summary>Maximum bytes of a picture: Custom Labels takes 15 MB, and a camera's own format may be larger.</summary>
    public const long BytesMax = 64 * 1024 * 1024;

    /// <summary>Refusals that are named; the rest is counted.</summary>
    private const int NamedMax = 5;

    private readonly ConcurrentDictionary<string, int> _refusals = new(StringComparer.Ordinal);
    private long _bytes;

    /// <summary>Bytes copied so far.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Why pictures did not come, the first few.</summary>
    public IEnumerable<string> Refusals => _refusals.Keys.Take(NamedMax);

    /// <summary>Copies a picture, unless it is here unchanged.</summary>
    /// <exception cref="ServiceException">The target refuses it, or one side does not answer.</exception>
    public async Task<PictureOutcome> CopyAsync(string bucket, string key, string toBucket, string toKey, CancellationToken cancel)
    {
        var here = await to.FindAsync(toBucket, toKey, cancel);
        (byte[] Content, string Type, string ETag)? found;
        try
        {
            found = await from.GetAsync(bucket, key, here?.Original, BytesMax, cancel);
        }
        catch (ServiceException refusal) when (refusal.IsDenied || refusal.IsMissing || refusal.Code == "TooLarge")
        {
            if (_refusals.Count < NamedMax)
            {
                _refusals.TryAdd(refusal.Message, 0);
            }

            return PictureOutcome.Missing;
        }

        if (found is not { } picture)
        {
            return PictureOutcome.Kept;
        }

        if (here is (var tag, ""))
        {
            if (tag == Md5(picture.Content))
            {
                return PictureOutcome.Kept;
            }

            if (!replace)
            {
                return PictureOutcome.Taken;
            }
        }

        await to.PutAsync(toBucket, toKey, picture.Content, picture.Type, picture.ETag, cancel);
        Interlocked.Add(ref _bytes, picture.Content.Length);
        return PictureOutcome.Copied;
    }

#pragma warning disable CA5351 // Not security: it is what object stores use as ETag.
    private static string Md5(byte[] content) => Convert.ToHexStringLower(MD5.HashData(content));
#pragma warning restore CA5351
}
