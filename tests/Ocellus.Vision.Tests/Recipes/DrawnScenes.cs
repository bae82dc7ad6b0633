using NetVips;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Recipes;

namespace Ocellus.Vision.Tests.Recipes;

/// <summary>Images drawn for tests: red rectangles (label 0) and blue discs (label 1) on grey noise.</summary>
internal static class DrawnScenes
{
    public const int Width = 160, Height = 120;

    public static DetectorTask Task(int count, int seed = 4)
    {
        var random = new Random(seed);
        var files = new List<byte[]>();
        var boxes = new List<IReadOnlyList<LabelledBox>>();
        for (int i = 0; i < count; i++)
        {
            LabelledBox[] here = [Box(0, 0), Box(1, 80)];
            files.Add(Encode(Draw(here, random), Width, Height));
            boxes.Add(here);
        }

        return new DetectorTask(Files([.. files]), boxes, ["brick", "ball"]);

        LabelledBox Box(int label, int from)
        {
            int w = random.Next(28, 60), h = random.Next(28, 60);
            return new LabelledBox(
                label, new Box((from + random.Next(78 - w)) / (float)Width, random.Next(Height - h) / (float)Height, w / (float)Width, h / (float)Height));
        }
    }

    /// <summary>Interleaved RGB.</summary>
    public static byte[] Draw(IReadOnlyList<LabelledBox> boxes, Random random)
    {
        var rgb = new byte[Width * Height * 3];
        for (int i = 0; i < rgb.Length; i++)
        {
            rgb[i] = (byte)random.Next(110, 150);
        }

        foreach ((int label, Box box) in boxes)
        {
            double left = box.Left * Width, top = box.Top * Height, w = box.Width * Width, h = box.Height * Height;
            for (int y = (int)Math.Round(top); y < (int)Math.Round(top + h); y++)
            {
                for (int x = (int)Math.Round(left); x < (int)Math.Round(left + w); x++)
                {
                    double dx = (x + .5 - left) / w * 2 - 1, dy = (y + .5 - top) / h * 2 - 1;
                    if (label == 0 || dx * dx + dy * dy <= 1)
                    {
                        (label == 0 ? (ReadOnlySpan<byte>)[220, 30, 30] : [30, 40, 220]).CopyTo(rgb.AsSpan((y * Width + x) * 3));
                    }
                }
            }
        }

        return rgb;
    }

    /// <summary>A JPEG whose EXIF orientation is given; the pixels are laid down so that it is shown as they are here.</summary>
    public static byte[] Encode(byte[] rgb, int width, int height, int orientation = 1)
    {
        int storedWidth = orientation >= 5 ? height : width, storedHeight = orientation >= 5 ? width : height;
        var stored = new byte[rgb.Length];
        for (int y = 0; y < height; y++)
        {
            for (int x = 0; x < width; x++)
            {
                // Where the shown pixel lies in the file, from the EXIF specification's table of the 0th row and column.
                (int sx, int sy) = orientation switch
                {
                    1 => (x, y),
                    2 => (width - 1 - x, y),
                    3 => (width - 1 - x, height - 1 - y),
                    4 => (x, height - 1 - y),
                    5 => (y, x),
                    6 => (y, width - 1 - x),
                    7 => (height - 1 - y, width - 1 - x),
                    8 => (height - 1 - y, x),
                    _ => throw new ArgumentOutOfRangeException(nameof(orientation)),
                };
                rgb.AsSpan((y * width + x) * 3, 3).CopyTo(stored.AsSpan((sy * storedWidth + sx) * 3));
            }
        }

        using Image raw = Image.NewFromMemoryCopy(stored, storedWidth, storedHeight, 3, Enums.BandFormat.Uchar);
        using Image srgb = raw.Copy(interpretation: Enums.Interpretation.Srgb);
        using Image turned = srgb.Mutate(m => m.Set(GValue.GIntType, "orientation", orientation));
        return turned.JpegsaveBuffer(q: 95, subsampleMode: Enums.ForeignSubsample.Off);
    }

    /// <summary>Files in memory.</summary>
    public static ImageSource Files(byte[][] files) => new(files.Length, index => files[index]);
}

/// <summary>A detector that has learnt eight drawn scenes by heart; trained once for all tests that ask it.</summary>
public sealed class OverfittedDetector
{
    public OverfittedDetector()
    {
        Task = DrawnScenes.Task(8);
        var plan = new DetectorPlan { LongSide = 128, StepsMin = 90, Epochs = 0, Threads = 1, WarmUpSteps = 10, TimeBudget = TimeSpan.FromHours(1) };
        Result = DetectorTrainer.Train(Task, plan with { Average = .95, ScaleMin = .9, ScaleMax = 1.1 });
    }

    internal DetectorTask Task { get; }

    internal DetectorResult Result { get; }
}
