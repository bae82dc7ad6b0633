using System.Collections.Frozen;
using System.Security.Cryptography;

namespace Ocellus.Transfer;

/// <summary>Uploads pictures that the bucket does not have yet. What it has is listed once and compared by size and MD5, which is S3's ETag.</summary>
internal sealed class PictureUpload
{
    /// <summary>Uploads at a time: enough to keep a server busy on this machine, and a line to another one.</summary>
    public const int Parallel = 8;

    private static readonly FrozenDictionary<string, string> _types = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase)
    {
        [".jpg"] = "image/jpeg",
        [".jpeg"] = "image/jpeg",
        [".jpe"] = "image/jpeg",
        [".jfif"] = "image/jpeg",
        [".png"] = "image/png",
        [".bmp"] = "image/bmp",
        [".gif"] = "image/gif",
        [".tif"] = "image/tiff",
        [".tiff"] = "image/tiff",
        [".webp"] = "image/webp",
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    private readonly ObjectClient _objects;
    private readonly string _bucket;
    private readonly Dictionary<string, ListedObject> _there = new(StringComparer.Ordinal);

    private PictureUpload(ObjectClient objects, string bucket) => (_objects, _bucket) = (objects, bucket);

    /// <summary>Lists what the bucket has below a prefix.</summary>
    public static async Task<PictureUpload> OpenAsync(ObjectClient objects, string bucket, string prefix, CancellationToken cancel)
    {
        var upload = new PictureUpload(objects, bucket);
        try
        {
            await foreach (var found in objects.ListAsync(bucket, prefix + "/", cancel))
            {
                upload._there[found.Key] = found;
            }
        }
        catch (ServiceException refusal) when (refusal.IsDenied)
        {
            // A key that may not list uploads everything anew; the result is the same.
        }

        return upload;
    }

    /// <summary>Uploads a picture, unless it is there.</summary>
    /// <returns>Whether it was uploaded.</returns>
    /// <exception cref="ServiceException">Refused.</exception>
    public async Task<bool> PutAsync(string key, byte[] content, CancellationToken cancel)
    {
        if (_there.TryGetValue(key, out var found) && found.Size == content.Length && found.ETag == Md5(content))
        {
            return false;
        }

        await _objects.PutAsync(_bucket, key, content, _types.GetValueOrDefault(Path.GetExtension(key), "application/octet-stream"), null, cancel);
        return true;
    }

    private static string Md5(byte[] content)
    {
#pragma warning disable CA5351 // S3 defines the ETag so; nothing relies on it being hard to forge.
        return Convert.ToHexStringLower(MD5.HashData(content));
#pragma warning restore CA5351
    }
}
