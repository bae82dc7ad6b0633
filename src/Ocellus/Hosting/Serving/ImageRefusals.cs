using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Hosting.Serving;

/// <summary>The wire's errors for refused images: AWS's sentence first, then what was received.</summary>
internal static class ImageRefusals
{
    [Assumed(
        "DetectCustomLabels: size of the image",
        "A side below 64 pixels or an aspect ratio beyond 20:1 is `InvalidParameterException`; a side above 4096 pixels is `ImageTooLargeException`.")]
    [Assumed(
        "DetectCustomLabels: a JPEG that lacks its last bytes",
        "It is accepted, because every viewer opens it. A visibly truncated file is `InvalidImageFormatException`.")]
    public static RefusedException Of(ImageRefusedException refusal) => refusal.Problem switch
    {
        ImageProblem.NotAImage or ImageProblem.UnsupportedFormat or ImageProblem.Corrupt or ImageProblem.Truncated =>
            new(RefusalKind.InvalidImage, $"Request has invalid image format. {refusal.Message}"),
        ImageProblem.TooLarge => new(RefusalKind.ImageTooLarge, $"Image size is too large. {refusal.Message}"),
        ImageProblem.TooSmall or ImageProblem.AspectRatio => Refused.Invalid($"Request has invalid parameters. {refusal.Message}"),
    };
}
