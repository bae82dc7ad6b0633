using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Hosting.Serving;

/// <summary>What a refused picture is called on the wire. AWS's sentence comes first, then what was received.</summary>
internal static class PictureRefusals
{
    public static RefusedException Of(PictureRefusedException refusal) => refusal.Problem switch
    {
        PictureProblem.NotAPicture or PictureProblem.UnsupportedFormat or PictureProblem.Corrupt or PictureProblem.Truncated =>
            new(RefusalKind.InvalidImage, $"Request has invalid image format. {refusal.Message}"),
        PictureProblem.TooLarge => new(RefusalKind.ImageTooLarge, $"Image size is too large. {refusal.Message}"),
        PictureProblem.TooSmall or PictureProblem.AspectRatio => Refused.Invalid($"Request has invalid parameters. {refusal.Message}"),
    };
}
