using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Images;

/// <summary>Bytes for a browser, and whether they are those that its address names.</summary>
/// <param name="Bytes">The file.</param>
/// <param name="ContentType">Its type.</param>
/// <param name="Version">Of the image's content.</param>
internal sealed record Picture(byte[] Bytes, string ContentType, string Version);

/// <summary>Makes what a browser shows of an image: thumbnails, and the whole image upright.</summary>
internal sealed class ImagePictures(ImageProjects projects, ImageFacts facts, ThumbCache cache) : IDisposable
{
    /// <summary>Long sides of thumbnails.</summary>
    public static readonly IReadOnlyList<int> Sides = [256, 512];

    /// <summary>Images decoded at a time. The rest of the cores answers requests.</summary>
    private readonly SemaphoreSlim _decoding = new(Math.Max(1, Environment.ProcessorCount / 2));

    /// <summary>A thumbnail, made now if it is not in the cache.</summary>
    /// <exception cref="RefusedException">Denied, NotFound; InvalidImage: it cannot be decoded; Invalid: there are no thumbnails of this side.</exception>
    public async Task<Picture> ThumbAsync(ImageProject project, string sourceRef, int side, CancellationToken cancel)
    {
        if (!Sides.Contains(side))
        {
            throw Refused.Invalid($"Thumbnails have {string.Join(" or ", Sides)} pixels; received {side}.");
        }

        var (bucket, key) = await projects.RequireReadAsync(project, sourceRef, cancel);
        try
        {
            var (fact, content) = await facts.NowAsync(sourceRef, bucket, key, cancel);
            if (await cache.FindAsync(fact.Sha256, side, cancel) is { } found)
            {
                return new(found, "image/webp", fact.Version);
            }

            content ??= await facts.ContentAsync(bucket, key, cancel);
            return new(await MakeAsync(fact.Sha256, content, side, cancel), "image/webp", fact.Version);
        }
        catch (ImageRefusedException refused)
        {
            throw new RefusedException(RefusalKind.InvalidImage, refused.Message);
        }
    }

    /// <summary>Makes a thumbnail of an image whose content is at hand.</summary>
    /// <exception cref="ImageRefusedException">It cannot be decoded.</exception>
    public async Task<byte[]> MakeAsync(string sha256, byte[] content, int side, CancellationToken cancel)
    {
        byte[] made;
        await _decoding.WaitAsync(cancel);
        try
        {
            made = await Task.Run(() => Thumbnail.Webp(content, side), cancel);
        }
        finally
        {
            _decoding.Release();
        }

        await cache.PutAsync(sha256, side, made, cancel);
        return made;
    }

    /// <summary>The whole image, upright: the file itself where that is upright, because browsers do not agree about turned PNGs.</summary>
    /// <exception cref="RefusedException">Denied, NotFound; InvalidImage: it cannot be decoded.</exception>
    public async Task<Picture> UprightAsync(ImageProject project, string sourceRef, CancellationToken cancel)
    {
        var (bucket, key) = await projects.RequireReadAsync(project, sourceRef, cancel);
        try
        {
            var (fact, content) = await facts.NowAsync(sourceRef, bucket, key, cancel);
            content ??= await facts.ContentAsync(bucket, key, cancel);
            var header = ImageDecoder.ReadHeader(content);
            if (header.Orientation == 1)
            {
                return new(content, header.Format == ImageFormat.Jpeg ? "image/jpeg" : "image/png", fact.Version);
            }

            await _decoding.WaitAsync(cancel);
            try
            {
                return new(await Task.Run(() => Thumbnail.UprightJpeg(content), cancel), "image/jpeg", fact.Version);
            }
            finally
            {
                _decoding.Release();
            }
        }
        catch (ImageRefusedException refused)
        {
            throw new RefusedException(RefusalKind.InvalidImage, refused.Message);
        }
    }

    public void Dispose() => _decoding.Dispose();
}
