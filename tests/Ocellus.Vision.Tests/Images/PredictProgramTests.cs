using System.Diagnostics;
using System.Globalization;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Tests.Images;

/// <summary>
/// <c>predict.py</c> of an export beside the server's own reader: the same pixels for the network, the same refusals. Needs a Python with numpy and
/// Pillow.
/// </summary>
public sealed class PredictProgramTests : IDisposable
{
    // What predict.py would hand to the network, a file each; or the sentence of the refusal.
    private const string Driver = """
        import importlib.util, json, os, sys, types
        sys.modules["onnxruntime"] = types.ModuleType("onnxruntime")
        sys.path.insert(0, os.path.dirname(sys.argv[1]))
        spec = importlib.util.spec_from_file_location("predict", sys.argv[1])
        predict = importlib.util.module_from_spec(spec)
        sys.dont_write_bytecode = True
        spec.loader.exec_module(predict)
        for name in sorted(os.listdir(sys.argv[2])):
            for resize, width, height in (("squash", 224, 224), ("fit", 416, 320)):
                target = os.path.join(sys.argv[3], f"{name}.{resize}")
                try:
                    pixels, across, down = predict.prepare(predict.open_rgb(
                        os.path.join(sys.argv[2], name), {"resize": resize, "width": width, "height": height}), {"width": width, "height": height})
                    open(target, "wb").write(pixels.tobytes())
                except Exception as problem:
                    open(target + ".refused", "w").write(("" if type(problem).__name__ == "Refused" else "?") + str(problem))
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("ocellus-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Every_odd_image_has_the_pixels_and_the_refusals_of_the_server() =>
        Same(await DifferencesAsync([.. OddImages.All()], sentences: true));

    [Fact]
    public async Task So_has_every_image_of_the_samples() =>
        Same(await DifferencesAsync(
            [.. Directory.EnumerateFiles(Path.Combine(Root(), "samples"), "*.jpg", SearchOption.AllDirectories).Select(
                f => ($"{Path.GetFileName(Path.GetDirectoryName(f))}-{Path.GetFileName(f)}", File.ReadAllBytes(f)))],
            sentences: true));

    [Fact]
    public async Task So_has_a_image_with_a_changed_byte()
    {
        using var colours = OddImages.Colours();
        Same(await DifferencesAsync(
            [
                .. OddImages.Mutated("baseline.jpg", OddImages.WithProfile(colours, TestProfiles.AdobeRgb), 60),
                .. OddImages.Mutated("progressive.jpg", colours.JpegsaveBuffer(interlace: true), 60),
                .. OddImages.Mutated("plain.png", OddImages.WithProfile(colours, TestProfiles.DisplayP3, png: true), 60),
            ],
            sentences: false));
    }

    private static void Same(List<string> differences) => Assert.True(differences.Count == 0, string.Join(Environment.NewLine, differences));

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "Ocellus.slnx")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests do not run inside the repository.");
        }

        return folder;
    }

    private async Task<List<string>> DifferencesAsync(IReadOnlyList<(string Name, byte[] Bytes)> images, bool sentences)
    {
        string program = Path.Combine(_folder, "export"), input = Path.Combine(_folder, "in"), output = Path.Combine(_folder, "out");
        foreach (var folder in new[] { program, input, output })
        {
            Directory.CreateDirectory(folder);
        }

        foreach (var file in Directory.EnumerateFiles(Path.Combine(Root(), "src", "Ocellus", "Commands"), "*.py"))
        {
            File.Copy(file, Path.Combine(program, Path.GetFileName(file)));
        }

        await File.WriteAllBytesAsync(Path.Combine(program, "srgb.icc"), ColourProfile.Srgb(), TestContext.Current.CancellationToken);
        await File.WriteAllBytesAsync(Path.Combine(program, "cmyk.icc"), ColourProfile.Cmyk(), TestContext.Current.CancellationToken);
        foreach (var (name, bytes) in images)
        {
            await File.WriteAllBytesAsync(Path.Combine(input, name), bytes, TestContext.Current.CancellationToken);
        }

        await PythonAsync("-c", Driver, Path.Combine(program, "predict.py"), input, output);
        var found = new List<string>();
        foreach (var (name, bytes) in images)
        {
            foreach (var resize in new[] { "squash", "fit" })
            {
                var (pixels, refusal) = Ours(bytes, resize == "fit");
                var (theirs, theirRefusal) = await TheirsAsync(Path.Combine(output, $"{name}.{resize}"));
                if (Difference(pixels, refusal, theirs, theirRefusal, sentences) is { } difference)
                {
                    found.Add($"{name}, {resize}: {difference}");
                }
            }
        }

        return found;
    }

    private static string? Difference(byte[]? ours, string? refusal, byte[]? theirs, string? theirRefusal, bool sentences)
    {
        if (ours is null || theirs is null)
        {
            return (ours is null) == (theirs is null) && theirRefusal![0] != '?' && (!sentences || Start(refusal!) == Start(theirRefusal)) ? null
                : $"the server: {refusal ?? "answers"} predict.py: {theirRefusal ?? "answers"}";
        }

        var most = ours.Zip(theirs, (a, b) => Math.Abs(a - b)).Max();
        return most == 0 ? null : string.Create(
            CultureInfo.InvariantCulture, $"{ours.Zip(theirs).Count(p => p.First != p.Second)} values differ, by {most} at most");
    }

    // Up to where what was received is told.
    private static string Start(string sentence) => sentence.Split("; received")[0];

    private static (byte[]? Pixels, string? Refusal) Ours(byte[] bytes, bool fit)
    {
        try
        {
            var header = ImageDecoder.ReadHeader(bytes);
            ImageDecoder.Check(header, ImageLimits.Default);
            return (fit ? TrainedModel.Fitted(bytes, header, 416, 320).Rgb : ImageDecoder.DecodeSquashed(bytes, 224, 224).Rgb, null);
        }
        catch (ImageRefusedException refusal)
        {
            return (null, refusal.Message);
        }
    }

    private static async Task<(byte[]? Pixels, string? Refusal)> TheirsAsync(string file) => File.Exists(file)
        ? (await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken), null)
        : (null, await File.ReadAllTextAsync(file + ".refused", TestContext.Current.CancellationToken));

    /// <summary>Runs the Python that has numpy and Pillow; the test is skipped where none has.</summary>
    private static async Task PythonAsync(params string[] words)
    {
        foreach (var python in new[] { "/usr/bin/python3", "python3" })
        {
            if (await RunAsync(python, ["-c", "import numpy, PIL.ImageCms"]) is (0, _))
            {
                var (code, errors) = await RunAsync(python, words);
                Assert.True(code == 0, errors);
                return;
            }
        }

        Assert.Skip("No Python here has numpy and Pillow (Debian: python3-numpy, python3-pil).");
    }

    private static async Task<(int Code, string Errors)> RunAsync(string program, string[] words)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, words) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            _ = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            return (process.ExitCode, await errors);
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return (-1, $"{program} is not there");
        }
    }
}
