using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using Dapper;
using Ocellus.Datasets;
using Ocellus.Objects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Vision.Images;

namespace Ocellus.Console.Images;

/// <summary>What is known of an image's content.</summary>
internal sealed record ImageFact
{
    /// <summary>Hexadecimal digits of <see cref="Version"/>.</summary>
    public const int VersionLength = 16;

    public string SourceRef { get; init; } = "";

    /// <summary>The object's entity tag when the content was read.</summary>
    public string Etag { get; init; } = "";

    /// <summary>Of the content, hexadecimal.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>As stored, as the other side.</summary>
    public long Width { get; init; }

    public long Height { get; init; }

    public long Orientation { get; init; }

    /// <summary>Names the content in addresses, so that browsers may keep what they got for ever.</summary>
    public string Version => Sha256[..VersionLength];

    /// <summary>The format is not kept: frames of boxes do not depend on it.</summary>
    public ImageHeader Header => new(ImageFormat.Jpeg, (int)Width, (int)Height, (int)Orientation);

    public static ImageFact Of(string sourceRef, string etag, byte[] content, ImageHeader header) => new()
    {
        SourceRef = sourceRef,
        Etag = etag,
        Sha256 = Convert.ToHexStringLower(SHA256.HashData(content)),
        Width = header.Width,
        Height = header.Height,
        Orientation = header.Orientation,
    };
}

/// <summary>
/// Knows size, orientation and hash of images that were read once. What a read finds is written a little later, many at a time: a commit for each of
/// thousands of thumbnails would make every request read its keys again.
/// </summary>
internal sealed partial class ImageFacts(DataDirectory data, IObjects objects, TimeProvider clock, ILogger<ImageFacts> log) : BackgroundService
{
    /// <summary>Maximum bytes of an image in a bucket: 15 MB, as for detection.</summary>
    public const int BytesMax = 15 * 1024 * 1024;

    /// <summary>Facts that wait to be written; beyond that they are dropped, and found again by the next read.</summary>
    private const int WaitingMax = 20_000;

    /// <summary>Facts written in one transaction, and names in one query.</summary>
    private const int Step = 500;

    private static readonly TimeSpan _writeEvery = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, ImageFact> _waiting = new(StringComparer.Ordinal);

    /// <summary>The facts of those images that have been read before, whether the objects have changed since or not.</summary>
    public async Task<IReadOnlyDictionary<string, ImageFact>> KnownAsync(IEnumerable<string> sourceRefs, CancellationToken cancel)
    {
        var known = new Dictionary<string, ImageFact>(StringComparer.Ordinal);
        await using var connection = await data.ConnectAsync(cancel);
        foreach (var step in sourceRefs.Chunk(Step))
        {
            foreach (var fact in await connection.QueryAsync<ImageFact>(
                "SELECT source_ref, etag, sha256, width, height, orientation FROM console_image_facts WHERE source_ref IN @step", new { step }))
            {
                known[fact.SourceRef] = fact;
            }

            foreach (var name in step)
            {
                if (_waiting.TryGetValue(name, out var fact))
                {
                    known[name] = fact;
                }
            }
        }

        return known;
    }

    /// <summary>The facts of an image as it is now, and its content if that had to be read.</summary>
    /// <exception cref="RefusedException">NotFound: no such object. ImageTooLarge: too many bytes.</exception>
    /// <exception cref="ImageRefusedException">It is not an image that the product reads.</exception>
    public async Task<(ImageFact Fact, byte[]? Content)> NowAsync(string sourceRef, string bucket, string key, CancellationToken cancel)
    {
        var known = (await KnownAsync([sourceRef], cancel)).GetValueOrDefault(sourceRef);
        await using var content = await OpenAsync(bucket, key, cancel);
        if (known is not null && known.Etag == content.ETag)
        {
            return (known, null);
        }

        var bytes = await ReadAsync(content, cancel);
        var fact = ImageFact.Of(sourceRef, content.ETag, bytes, ImageDecoder.ReadHeader(bytes));
        if (_waiting.Count < WaitingMax)
        {
            _waiting[sourceRef] = fact;
        }

        return (fact, bytes);
    }

    /// <summary>The bytes of an image.</summary>
    /// <exception cref="RefusedException">NotFound: no such object. ImageTooLarge: too many bytes.</exception>
    public async Task<byte[]> ContentAsync(string bucket, string key, CancellationToken cancel)
    {
        await using var content = await OpenAsync(bucket, key, cancel);
        return await ReadAsync(content, cancel);
    }

    /// <summary>Writes a fact in the transaction of a change.</summary>
    public static Task WriteAsync(EntryChanges change, ImageFact fact) => change.Connection.ExecuteAsync(Upsert, fact, change.Transaction);

    /// <summary>Writes what waits.</summary>
    public async Task FlushAsync(CancellationToken cancel)
    {
        while (_waiting.Values.Take(Step).ToList() is { Count: > 0 } step)
        {
            await using var connection = await data.ConnectAsync(cancel);
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await connection.ExecuteAsync(Upsert, step, transaction);
            await transaction.CommitAsync(CancellationToken.None);
            foreach (var fact in step)
            {
                _waiting.TryRemove(KeyValuePair.Create(fact.SourceRef, fact));
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await ForgetProjectsAsync(stoppingToken);
        while (!stoppingToken.IsCancellationRequested)
        {
            await Task.Delay(_writeEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            try
            {
                await FlushAsync(CancellationToken.None);
            }
            catch (System.Data.Common.DbException failure)
            {
                // The disk may be full; what is not written is found again.
                NotWritten(log, failure.Message);
            }
        }
    }

    /// <summary>Removes what the console noted of projects that were deleted.</summary>
    private async Task ForgetProjectsAsync(CancellationToken cancel)
    {
        try
        {
            await using var connection = await data.ConnectAsync(cancel);
            if (await connection.ExecuteScalarAsync<long>(
                "SELECT COUNT(*) FROM console_marks WHERE project_arn NOT IN (SELECT arn FROM projects)") > 0
                || await connection.ExecuteScalarAsync<long>(
                    "SELECT COUNT(*) FROM console_labels WHERE project_arn NOT IN (SELECT arn FROM projects)") > 0)
            {
                await connection.ExecuteAsync(
                    "DELETE FROM console_marks WHERE project_arn NOT IN (SELECT arn FROM projects); DELETE FROM console_labels WHERE project_arn NOT IN "
                        + "(SELECT arn FROM projects)");
            }
        }
        catch (System.Data.Common.DbException failure)
        {
            NotWritten(log, failure.Message);
        }
    }

    private const string Upsert =
        """
        INSERT INTO console_image_facts (source_ref, etag, sha256, width, height, orientation)
        VALUES (@SourceRef, @Etag, @Sha256, @Width, @Height, @Orientation)
        ON CONFLICT (source_ref) DO UPDATE SET etag = excluded.etag, sha256 = excluded.sha256, width = excluded.width, height = excluded.height,
            orientation = excluded.orientation
        """;

    private async Task<ObjectContent> OpenAsync(string bucket, string key, CancellationToken cancel)
    {
        try
        {
            return await objects.OpenReadAsync(bucket, key, cancel) ?? throw Missing();
        }
        catch (S3Exception)
        {
            throw Missing();
        }

        RefusedException Missing() => Refused.NotFound($"No object s3://{bucket}/{key} can be read.");
    }

    private static async Task<byte[]> ReadAsync(ObjectContent content, CancellationToken cancel)
    {
        if (content.Size > BytesMax)
        {
            throw new RefusedException(
                RefusalKind.ImageTooLarge, string.Create(CultureInfo.InvariantCulture, $"The image has {content.Size:N0} bytes; it may have 15 MB."));
        }

        var bytes = new byte[content.Size];
        await content.Stream.ReadExactlyAsync(bytes, cancel);
        return bytes;
    }

    [LoggerMessage(1711, LogLevel.Warning, "What was found in images could not be stored: {Reason}")]
    private static partial void NotWritten(ILogger log, string reason);
}
