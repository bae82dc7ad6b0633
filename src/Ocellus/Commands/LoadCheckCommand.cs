using System.CommandLine;
using System.Text;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Commands;

/// <summary>
/// Loads one native library and computes something with it. <c>ocellus doctor</c> starts it as a separate process, because a library that does not fit the
/// machine may crash the process. Hidden from the help.
/// </summary>
internal static class LoadCheckCommand
{
    public const string Name = "load-check";

    public const string Training = "libtorch", Inference = "onnxruntime", Images = "libvips";

    /// <summary>Not a library: measures how the processor computes with bytes, and writes it to standard output.</summary>
    public const string Bytes = "int8";

    /// <summary>A red PNG of one pixel.</summary>
    private const string OnePixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

    public static Command Create()
    {
        var library = new Argument<string>("LIBRARY");
        library.AcceptOnlyFromAmong(Training, Inference, Images, Bytes);
        var command = new Command(Name, "Loads one native library.") { library };
        command.Hidden = true;
        command.SetAction(async (parsed, _) =>
        {
            try
            {
                Load(parsed.GetValue(library)!);
                return ExitCodes.Done;
            }
            catch (Exception failure)
            {
                // The innermost message is the loader's own; those around it only say that something failed. TrainingLibraryException includes it.
                var reason = failure;
                while (reason is not TrainingLibraryException && reason.InnerException is { } inner)
                {
                    reason = inner;
                }

                await System.Console.Error.WriteLineAsync(reason.Message.ReplaceLineEndings(" "));
                return ExitCodes.Refused;
            }
        });
        return command;
    }

    private static void Load(string library)
    {
        switch (library)
        {
            case Training:
                TrainingLibrary.Check();
                break;
            case Inference:
                const int side = 64;
                using (var backbone = new FeatureExtractor(FeatureExtractor.DefaultBackbone, threads: 1))
                {
                    Require(backbone.Embed(new float[3 * side * side], 1, side, side).Length > 0);
                }

                break;
            case Bytes:
                using (var output = System.Console.OpenStandardOutput())
                {
                    output.Write(Encoding.UTF8.GetBytes(Int8Speed.Here.Sentence));
                }

                break;
            default:
                Require(Vision.Images.ImageDecoder.DecodeSquashed(Convert.FromBase64String(OnePixel), 8, 8).Rgb is [> 200, < 50, < 50, ..]);
                break;
        }
    }

    private static void Require(bool isRight)
    {
        if (!isRight)
        {
            throw new InvalidOperationException("It loads, but computes wrong results: the installation is damaged.");
        }
    }
}
