using System.ComponentModel.DataAnnotations;
using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Hosting.Placement;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Vision.Boxes;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Hosting;

internal sealed record DetectCustomLabelsRequest
{
    [Required, Shape("ProjectVersionArn")]
    public string? ProjectVersionArn { get; init; }

    [Required]
    public Image? Image { get; init; }

    [Shape("UInteger")]
    public int? MaxResults { get; init; }

    [Shape("Percent")]
    public double? MinConfidence { get; init; }
}

internal sealed record DetectCustomLabelsResponse
{
    [Shape("CustomLabels")]
    public IReadOnlyList<CustomLabel>? CustomLabels { get; init; }
}

/// <summary>Queries a running model version for what is in an image.</summary>
[Evidence("API_DetectCustomLabels, service model rekognition-2016-06-27; sizes from the developer guide's quotas")]
internal sealed class DetectCustomLabels(VersionCatalog versions, WakeOnDetect models, IObjects objects, Authorizer authorizer)
    : Operation<DetectCustomLabelsRequest, DetectCustomLabelsResponse>(HostingJson.Default)
{
    /// <summary>Bytes of an image in the request: 4 MB.</summary>
    public const int ImageBytesMax = 4 * 1024 * 1024;

    /// <summary>Bytes of an image in the object store: 15 MB.</summary>
    public const int ObjectBytesMax = 15 * 1024 * 1024;

    /// <summary>Maximum boxes in one response, even with MinConfidence 0.</summary>
    [Assumed("DetectCustomLabels: number of boxes", "At most 100 in one response, even with `MinConfidence` 0.")]
    public const int BoxesMax = 100;

    public override int PerSecond(ThrottlingOptions rates) => rates.DetectPerSecond;

    public override IReadOnlyList<Permission> Requires(DetectCustomLabelsRequest request, Caller caller) =>
        [Needs(request.ProjectVersionArn!)];

    /// <exception cref="RefusedException">
    /// NotFound: no such version. NotReady: it is not RUNNING, and requests may not start it. LimitExceeded: they may, but too many models are running.
    /// Invalid, InvalidImage, ImageTooLarge, InvalidS3Object: the image. Busy: more calls than the units can serve.
    /// </exception>
    public override async Task<DetectCustomLabelsResponse> RunAsync(DetectCustomLabelsRequest request, Caller caller, CancellationToken cancel)
    {
        var version = await versions.GetServedAsync(caller, request.ProjectVersionArn!, cancel);
        CheckForm(request.Image!);
        var found = await models.DetectAsync(version, async () => request.Image!.Bytes ?? await ReadAsync(request.Image.S3Object!, caller, cancel), cancel);
        return new() { CustomLabels = Choose(found, request.MinConfidence, request.MaxResults) };
    }

    /// <summary>The labels that count, most confident first, ties by name.</summary>
    /// <param name="found">The model's result for each label, or each box.</param>
    /// <param name="minConfidence">0 to 100, for every label; null for each label's own threshold.</param>
    /// <param name="maxResults">Maximum labels; null for all.</param>
    [Assumed("DetectCustomLabels: order of labels", "Most confident first, ties by name. `MaxResults` 0 gives an empty list.")]
    internal static List<CustomLabel> Choose(IReadOnlyList<Found> found, double? minConfidence, int? maxResults)
    {
        var max = found.Any(f => f.Box is not null) ? Math.Min(maxResults ?? BoxesMax, BoxesMax) : maxResults ?? int.MaxValue;
        return
        [
            .. found.Where(f => minConfidence is { } min ? Confidence(f) >= min : f.Score >= f.Threshold)
                .OrderByDescending(f => f.Score).ThenBy(f => f.Name, StringComparer.Ordinal)
                .Take(max)
                .Select(
                    f => new CustomLabel
                    {
                        Name = f.Name,
                        Confidence = Confidence(f),
                        Geometry = f.Box is { } box ? new() { BoundingBox = Clip(box) } : null,
                    }),
        ];
    }

    /// <summary>A float, widened, as AWS prints it. Rounding may raise a sum of scores above 1, but no confidence above 100.</summary>
    private static double Confidence(Found found) => Math.Clamp(100f * found.Score, 0f, 100f);

    [Assumed("DetectCustomLabels: a box that reaches beyond the image", "It is clipped to the image. `Geometry.Polygon` is left out.")]
    private static BoundingBox Clip(Box box)
    {
        float left = Math.Clamp(box.Left, 0, 1), top = Math.Clamp(box.Top, 0, 1);
        return new()
        {
            Left = left,
            Top = top,
            Width = Math.Clamp(box.Left + box.Width, left, 1) - left,
            Height = Math.Clamp(box.Top + box.Height, top, 1) - top,
        };
    }

    private static void CheckForm(Image image)
    {
        if (image.Bytes is null == image.S3Object is null)
        {
            throw Refused.Invalid(
                $"Image has {(image.Bytes is null ? "neither Bytes nor S3Object" : "both Bytes and S3Object")}; exactly one is needed.");
        }

        if (image.Bytes is { Length: > ImageBytesMax } bytes)
        {
            throw TooLarge(
                "Image.Bytes", bytes.Length, ImageBytesMax, "4 MB",
                " Put the image into the object store and name it in Image.S3Object, where it may have 15 MB.");
        }

        if (image.S3Object is { } place && (string.IsNullOrEmpty(place.Bucket) || string.IsNullOrEmpty(place.Name)))
        {
            throw Refused.Invalid("Image.S3Object needs Bucket and Name.");
        }
    }

    private static RefusedException TooLarge(string what, long bytes, int max, string size, string advice) =>
        new(
            RefusalKind.ImageTooLarge,
            string.Create(CultureInfo.InvariantCulture, $"Image size is too large. {what} has {bytes:N0} bytes; the maximum is {max:N0} ({size}).{advice}"));

    [Assumed(
        "DetectCustomLabels: an object in a bucket of another account or region",
        "`InvalidS3ObjectException`. `S3Object.Version` may only be `null`, because the object store keeps no versions.")]
    private async Task<byte[]> ReadAsync(S3Object place, Caller caller, CancellationToken cancel)
    {
        var (bucket, name) = (place.Bucket!, place.Name!);
        if (authorizer.Of(caller).Refusal(Permission.Read(bucket, name)) is { } denial)
        {
            throw NoObject(denial + ".");
        }

        try
        {
            if (await objects.BucketRefusalAsync(bucket, caller, cancel) is { } refusal)
            {
                throw NoObject(refusal);
            }

            if (place.Version is { } version && version != "null")
            {
                throw NoObject(
                    $"The object store keeps no versions, so there is no version '{Readable.Truncate(version)}' of "
                        + $"s3://{Readable.Truncate(bucket)}/{Readable.Truncate(name)}.");
            }

            await using var content = await objects.OpenReadAsync(bucket, name, cancel)
                ?? throw NoObject($"No object s3://{Readable.Truncate(bucket)}/{Readable.Truncate(name)} exists.");
            if (content.Size > ObjectBytesMax)
            {
                throw TooLarge($"s3://{Readable.Truncate(bucket)}/{Readable.Truncate(name)}", content.Size, ObjectBytesMax, "15 MB", "");
            }

            var image = new byte[content.Size];
            await content.Stream.ReadExactlyAsync(image, cancel);
            return image;
        }
        catch (Exception failure) when (failure is S3Exception or StoreUnreachableException)
        {
            throw NoObject($"The object store answered {failure.Message}.");
        }
    }

    private static RefusedException NoObject(string why) =>
        new(RefusalKind.InvalidS3Object, $"Unable to get object metadata from S3. Check object key, region and/or access permissions. {why}");
}

internal sealed record Image
{
    [Shape("ImageBlob")]
    public byte[]? Bytes { get; init; }

    public S3Object? S3Object { get; init; }
}

internal sealed record CustomLabel
{
    [Shape("String")]
    public string? Name { get; init; }

    [Shape("Percent")]
    public double? Confidence { get; init; }

    public Geometry? Geometry { get; init; }
}

internal sealed record Geometry
{
    public BoundingBox? BoundingBox { get; init; }

    [Shape("Polygon")]
    public IReadOnlyList<Point>? Polygon { get; init; }
}

internal sealed record BoundingBox
{
    [Shape("Float")]
    public double? Width { get; init; }

    [Shape("Float")]
    public double? Height { get; init; }

    [Shape("Float")]
    public double? Left { get; init; }

    [Shape("Float")]
    public double? Top { get; init; }
}

internal sealed record Point
{
    [Shape("Float")]
    public double? X { get; init; }

    [Shape("Float")]
    public double? Y { get; init; }
}
