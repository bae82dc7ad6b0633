using System.Globalization;
using CsvHelper;
using CsvHelper.Configuration;
using Ocellus.Encodings;
using Ocellus.Refusals;

namespace Ocellus.Formats.Readers;

/// <summary>
/// Tables: image and label, or image, label and a box, in pixels or ratios, with or without a header; several rows an image. A table whose boxes have no number
/// above 1 is in ratios.
/// </summary>
internal sealed class CsvFormatReader(ReadContext context) : IFormatReader
{
    /// <summary>Rows by which the columns are told.</summary>
    private const int FirstRows = 50;

    private static readonly char[] _delimiters = [',', ';', '\t', '|'];

    public IEnumerable<SourceEntry> Read(CancellationToken cancel) => context.Files.SelectMany(file => File(file, cancel));

    /// <summary>The character between the cells of a line: the commonest outside quotes.</summary>
    public static char Delimiter(string line)
    {
        var counts = new int[_delimiters.Length];
        var isQuoted = false;
        foreach (var c in line)
        {
            isQuoted ^= c == '"';
            if (!isQuoted && Array.IndexOf(_delimiters, c) is >= 0 and var at)
            {
                counts[at]++;
            }
        }

        // A semicolon beside commas: these are in numbers.
        return counts[1] > 0 ? ';' : counts[2] > 0 ? '\t' : counts[0] > 0 ? ',' : counts[3] > 0 ? '|' : ',';
    }

    /// <summary>Whether the first lines are a table of images.</summary>
    public static bool LooksLikeTable(string text)
    {
        List<string[]> rows = [.. text.Split('\n').Take(FirstRows).Select(l => l.TrimEnd('\r')).Where(l => l.Length > 0)
            .Select(l => l.Split(Delimiter(l)).Select(c => c.Trim('"', ' ')).ToArray())];
        return rows.Count > 0 && rows[0].Length > 1 && CsvColumns.Of(rows) is not null;
    }

    private IEnumerable<SourceEntry> File(SourceFile file, CancellationToken cancel)
    {
        var (columns, images, isRatio) = Images(file, cancel);
        var split = SplitNames.OfFile(file.BaseName) is var named and not Split.None ? named : SplitNames.OfPath(file.Name);
        foreach (var image in images)
        {
            yield return new SourceEntry(image.Name, new(file.Name, image.Line))
            {
                Folder = file.Folder,
                Split = image.Split is { } own ? own : split != Split.None ? split : SplitNames.OfPath(image.Name),
                Labels = image.Labels,
                Boxes = image.Boxes,
                BoxLines = image.Lines,
                IsRatio = isRatio,
                IsForBoxes = columns.HasBoxes && (image.Boxes.Count > 0 || image.Labels.Count == 0),
                DeclaredWidth = image.Width,
                DeclaredHeight = image.Height,
            };
        }
    }

    /// <summary>All rows, by image: rows of an image need not be together, and whether boxes are ratios only the last row tells.</summary>
    private (CsvColumns Columns, IReadOnlyList<Image> Images, bool IsRatio) Images(SourceFile file, CancellationToken cancel)
    {
        var images = new Dictionary<string, Image>(StringComparer.Ordinal);
        CsvColumns? columns = null;
        double largest = 0;
        long boxes = 0;
        foreach (var (row, line) in Rows(file, c => columns = c))
        {
            cancel.ThrowIfCancellationRequested();
            var place = new SourcePlace(file.Name, line);
            var name = columns!.Text(row, "image");
            if (name.Length == 0)
            {
                context.Findings.Error("no-name", place, "A row names no image.", $"A row has {CsvColumns.Known}.");
                continue;
            }

            if (!images.TryGetValue(name, out var image))
            {
                images.Add(name, image = new Image(name, line));
                if (images.Count > context.Limits.ImagesMax)
                {
                    throw new CommandRefusedException($"{file.Name} names more than {context.Limits.ImagesMax:N0} images.");
                }
            }

            boxes -= image.Boxes.Count;
            largest = Math.Max(largest, Take(row, columns, image, place));
            boxes += image.Boxes.Count;
            if (boxes > context.Limits.BoxesMax)
            {
                throw new CommandRefusedException($"{file.Name} has more than {context.Limits.BoxesMax:N0} boxes.");
            }
        }

        return (columns!, [.. images.Values], largest is > 0 and <= 1);
    }

    /// <summary>Adds a row to its image; the largest number of its box, or 0.</summary>
    private double Take(string[] row, CsvColumns columns, Image image, SourcePlace place)
    {
        image.Split ??= SplitNames.Of(columns.Text(row, "split")) is { } split and not Split.None ? split : null;
        image.Width = CsvColumns.Number(columns.Text(row, "image_width")) ?? image.Width;
        image.Height = CsvColumns.Number(columns.Text(row, "image_height")) ?? image.Height;
        image.Labels.AddRange(columns.Flags.Where(f => f.Column < row.Length && row[f.Column].Trim() == "1").Select(f => f.Label));
        var label = columns.Text(row, "label");
        if (columns.Box(row) is not var (left, top, width, height))
        {
            if (label.Length > 0)
            {
                image.Labels.Add(label);
            }

            return 0;
        }

        if (!double.IsFinite(left + top + width + height) || label.Length == 0)
        {
            context.Findings.Error(
                "bad-row", place, $"'{Readable.Truncate(string.Join(", ", row))}' is no box: "
                    + $"{(label.Length == 0 ? "it has no label" : "a number is missing or is none")}.",
                $"A row has {CsvColumns.Known}.");
            return 0;
        }

        image.Boxes.Add(new ImageBox(label, left, top, width, height));
        image.Lines.Add(place.Line!.Value);
        return Math.Max(left + width, top + height) is var most && most <= 1.0001 ? Math.Min(most, 1) : most;
    }

    private IEnumerable<(string[] Row, int Line)> Rows(SourceFile file, Action<CsvColumns> found)
    {
        var head = new StreamReader(new MemoryStream(SourceText.Head(file, JsonHead.Bytes, context.Limits))).ReadLine() ?? "";
        var settings = new CsvConfiguration(CultureInfo.InvariantCulture)
        {
            Delimiter = Delimiter(head).ToString(),
            HasHeaderRecord = false,
            // Quotes in the middle of a cell are what they are.
            BadDataFound = null,
            TrimOptions = TrimOptions.Trim,
            MaxFieldSize = 1 << 16,
            LineBreakInQuotedFieldIsBadData = false,
        };
        using var parser = new CsvParser(new StreamReader(SourceText.Open(file, context.Limits.DocumentBytesMax)), settings);
        var first = new List<(string[], int)>();
        var isOpen = true;
        while (isOpen && first.Count < FirstRows)
        {
            isOpen = Next(parser, file);
            if (isOpen)
            {
                first.Add((parser.Record!, parser.RawRow));
            }
        }

        if (first.Count == 0)
        {
            throw new CommandRefusedException($"{file.Name} has no rows.");
        }

        var columns = CsvColumns.Of(first.ConvertAll(r => r.Item1)) ?? throw new CommandRefusedException(
            $"{file.Name}: which column is the image and which the label? Its first row is '{Readable.Truncate(head)}'. Name the columns {CsvColumns.Known}.");
        found(columns);
        foreach (var row in first.Skip(columns.HasHeader ? 1 : 0))
        {
            yield return row;
        }

        while (isOpen && Next(parser, file))
        {
            yield return (parser.Record!, parser.RawRow);
        }
    }

    private static bool Next(CsvParser parser, SourceFile file)
    {
        try
        {
            while (parser.Read())
            {
                if (parser.Record is { } record && Array.Exists(record, c => c.Length > 0))
                {
                    return true;
                }
            }

            return false;
        }
        catch (CsvHelperException failure)
        {
            throw new InvalidDataException($"{file.Name}:{parser.RawRow} cannot be read as a table: {failure.Message.Split('\n')[0]}");
        }
    }

    private sealed class Image(string name, int line)
    {
        public string Name { get; } = name;

        public int Line { get; } = line;

        public Split? Split { get; set; }

        public List<string> Labels { get; } = [];

        public List<ImageBox> Boxes { get; } = [];

        public List<int> Lines { get; } = [];

        public double Width { get; set; }

        public double Height { get; set; }
    }
}
