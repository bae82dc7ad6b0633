using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Formats.Readers;

/// <summary>
/// YOLO: a text file for each picture, a line for each thing, as class, centre and size in ratios, or as class and the points of a polygon. An empty file, or
/// none, says that there is nothing to find.
/// </summary>
/// <remarks>https://docs.ultralytics.com/datasets/detect/.</remarks>
internal sealed class YoloReader : IFormatReader
{
    private static readonly HashSet<string> _lists = new(
        StringComparer.OrdinalIgnoreCase) { "classes.txt", "obj.names", "_darknet.labels", "train.txt", "val.txt", "test.txt" };

    private readonly ReadContext _context;
    private readonly YoloDescription _description;
    private readonly Dictionary<string, SourceFile> _labels;
    private readonly Lazy<ILookup<string, SourceFile>> _byStem;

    public YoloReader(ReadContext context)
    {
        _context = context;
        _description = YoloDescription.Read(context);
        _labels = context.All.Where(f => f.Extension == ".txt" && !_lists.Contains(f.BaseName)).ToDictionary(f => f.Name, StringComparer.Ordinal);
        _byStem = new(() => _labels.Values.ToLookup(f => Path.GetFileNameWithoutExtension(f.BaseName), StringComparer.Ordinal));
        context.KnownLabels.AddRange(_description.Names);
    }

    /// <summary>Whether a text may be labels: its first line is five or more numbers, the first of them whole.</summary>
    public static bool LooksLikeLabels(string text)
    {
        var first = text.AsSpan().TrimStart().ToString().Split('\n')[0].Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        return first.Length >= 5 && int.TryParse(first[0], NumberStyles.None, CultureInfo.InvariantCulture, out _)
            && first.Skip(1).All(n => double.TryParse(n, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
    }

    public IEnumerable<SourceEntry> Read(CancellationToken cancel)
    {
        var used = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (picture, split) in _description.Pictures(_context))
        {
            cancel.ThrowIfCancellationRequested();
            var file = LabelsOf(picture);
            if (file is not null)
            {
                used.Add(file.Name);
            }
            else
            {
                _context.Findings.Warn(
                    "no-label-file", new(picture.Name), $"{picture.Name} has no file of labels; it was taken as a picture of nothing.",
                    "Add an empty file if that is right, and remove the picture if it is not.");
            }

            var lines = new List<int>();
            yield return new SourceEntry(picture.Name, new(file?.Name ?? picture.Name))
            {
                Picture = picture,
                Split = split,
                IsForBoxes = true,
                IsRatio = true,
                Boxes = file is null ? [] : Boxes(file, lines),
                BoxLines = lines,
            };
        }

        var folders = used.Select(FolderOf).ToHashSet(StringComparer.Ordinal);
        foreach (var file in _labels.Values.Where(f => !used.Contains(f.Name) && (folders.Count == 0 || folders.Contains(f.Folder))))
        {
            _context.Findings.Error(
                "labels-without-picture", new(file.Name), $"{file.Name} has no picture of the same name.", "Add the picture, or remove the labels.");
        }
    }

    private SourceFile? LabelsOf(SourceFile picture)
    {
        var stem = picture.Name[..^picture.Extension.Length];
        var parts = stem.Split('/');
        if (Array.LastIndexOf(parts, "images", parts.Length - 1) is >= 0 and var at)
        {
            parts[at] = "labels";
            if (_labels.TryGetValue(string.Join('/', parts) + ".txt", out var beside))
            {
                return beside;
            }
        }

        var folder = picture.Folder.Length > 0 ? picture.Folder + "/" : "";
        return _labels.GetValueOrDefault(stem + ".txt") ?? _labels.GetValueOrDefault($"{folder}labels/{parts[^1]}.txt")
            ?? (_context.ArePicturesElsewhere && _byStem.Value[parts[^1]].ToList() is [var only] ? only : null);
    }

    private List<ImageBox> Boxes(SourceFile file, List<int> lines)
    {
        var boxes = new List<ImageBox>();
        foreach (var (number, text) in Lines(file))
        {
            var place = new SourcePlace(file.Name, number);
            var words = text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length == 0)
            {
                continue;
            }

            var numbers = Array.ConvertAll(words, w => double.TryParse(w, NumberStyles.Float, CultureInfo.InvariantCulture, out var n) ? n : double.NaN);
            if (Array.Exists(numbers, double.IsNaN) || numbers.Length < 5)
            {
                _context.Findings.Error(
                    "bad-line", place, $"'{Readable.Truncate(text)}' is not a class and four or more numbers.",
                    "A line is: class x y width height, in ratios.");
            }
            else if (_description.NameOf(numbers[0]) is not { } label)
            {
                _context.Findings.Error(
                    "unknown-class", place, string.Create(
                        CultureInfo.InvariantCulture, $"Class {numbers[0]} has no name; there are names for 0 to {_description.Names.Count - 1}."),
                    "Add the name to the list, or correct the class.");
            }
            else if (Box(label, numbers) is { } box)
            {
                boxes.Add(box);
                lines.Add(number);
            }
            else
            {
                _context.Findings.Error(
                    "bad-line", place, $"{numbers.Length - 1} numbers after the class are neither a box nor a polygon.",
                    "A line is: class x y width height, in ratios.");
            }
        }

        return boxes;
    }

    /// <summary>Five numbers are a box, six one with a confidence; keypoints follow a box; else an even count is a polygon.</summary>
    private ImageBox? Box(string label, double[] numbers) =>
        numbers.Length is 5 or 6 || _description.HasKeypoints
            ? new ImageBox(label, numbers[1] - (numbers[3] / 2), numbers[2] - (numbers[4] / 2), numbers[3], numbers[4])
        : numbers.Length % 2 == 1 ? Shapes.Around(label, Enumerable.Range(0, numbers.Length / 2).Select(i => (numbers[1 + (2 * i)], numbers[2 + (2 * i)])))
        : null;

    private IEnumerable<(int Number, string Text)> Lines(SourceFile file)
    {
        if (file.Length > _context.Limits.RecordBytesMax)
        {
            throw new CommandRefusedException($"{file.Name} has {file.Length:N0} bytes, too many for the labels of one picture.");
        }

        return SourceText.Lines(file, _context.Limits);
    }

    private static string FolderOf(string name) => name.LastIndexOf('/') is > 0 and var slash ? name[..slash] : "";
}
