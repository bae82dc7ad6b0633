using System.Globalization;
using Ocellus.Encodings;
using Ocellus.Refusals;
using Ocellus.Vision.Images;

namespace Ocellus.Formats;

/// <summary>Finds the picture of an entry, and brings its boxes to pixels of that picture as a person sees it.</summary>
/// <param name="context">The source.</param>
/// <param name="readsSizes">Reads the size of every picture.</param>
internal sealed partial class EntryResolver(ReadContext context, bool readsSizes)
{
    /// <summary>Bytes in which a JPEG's size almost always stands, after EXIF data of 64 KB and a colour profile.</summary>
    private const int HeadBytes = 256 << 10;

    /// <summary>Pixels of a side beyond which there are no pictures, and numbers that writers cannot write.</summary>
    private const double NumberMax = 1e9;

    private readonly Dictionary<string, int> _labels = new(StringComparer.Ordinal);
    private readonly List<string> _order = [];
    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);
    private byte[]? _head;
    private long _boxes;

    /// <summary>Labels in the order of the source's own list, then as they were first seen.</summary>
    public IReadOnlyList<string> Labels => [.. context.KnownLabels.Distinct(StringComparer.Ordinal).Concat(_order).Distinct(StringComparer.Ordinal)];

    /// <summary>The image; null if it cannot be used at all, which is among the findings.</summary>
    /// <exception cref="CommandRefusedException">The source is beyond a limit.</exception>
    public LabelledImage? Resolve(SourceEntry entry)
    {
        var (picture, name) = Find(entry);
        if (name.Length == 0 || !IsFirst(name, entry))
        {
            return null;
        }

        var isReadable = true;
        var header = picture is not null && (entry.Boxes.Count > 0 || entry.IsForBoxes || readsSizes) ? Header(picture, out isReadable) : null;
        var (width, height) = header is { } h ? (h.UprightWidth, h.UprightHeight)
            : entry is { DeclaredWidth: > 0, DeclaredHeight: > 0 } ? ((int)Math.Round(entry.DeclaredWidth), (int)Math.Round(entry.DeclaredHeight))
            : (0, 0);
        return new LabelledImage
        {
            Name = name,
            Place = entry.Place,
            Split = entry.Split,
            Labels = [.. entry.Labels.Select(l => Label(l, entry.Place)).OfType<string>().Distinct(StringComparer.Ordinal)],
            Boxes = Boxes(entry, name, header, width, height),
            IsForBoxes = entry.IsForBoxes,
            Width = width > 0 ? width : null,
            Height = height > 0 ? height : null,
            Picture = picture,
            IsUnreadable = !isReadable,
        };
    }

    private bool IsFirst(string name, SourceEntry entry)
    {
        if (_seen.Add(name))
        {
            return true;
        }

        context.Findings.Error(
            "described-twice", entry.Place, $"{Readable.Truncate(name)} was described before; this description was left out.",
            "Put everything that is known about a picture in one place.");
        return false;
    }

    private ImageHeader? Header(SourceFile picture, out bool isReadable)
    {
        isReadable = false;
        try
        {
            if (picture.KnownHeader is { } known)
            {
                isReadable = true;
                return known;
            }

            using var stream = picture.OpenRead();
            // The same for every picture: a hundred thousand of their own would keep the collector busy.
            _head ??= new byte[HeadBytes];
            var got = stream.ReadAtLeast(_head, (int)Math.Min(HeadBytes, picture.Length), throwOnEndOfStream: false);
            isReadable = true;
            try
            {
                return ImageDecoder.ReadHeader(_head.AsMemory(0, got));
            }
            catch (ImageRefusedException) when (picture.Length > HeadBytes && picture.Length <= context.Limits.ImageBytesMax)
            {
                using var again = picture.OpenRead();
                using var whole = new MemoryStream((int)picture.Length);
                again.CopyTo(whole);
                return ImageDecoder.ReadHeader(whole.ToArray());
            }
        }
        catch (Exception failure) when (failure is ImageRefusedException or IOException or InvalidDataException or UnauthorizedAccessException)
        {
            context.Findings.Error(
                "unreadable-picture", new(picture.Name), $"{picture.Name}: {failure.Message}", "Save it again as JPEG or PNG, or remove it.");
            return null;
        }
    }

    private List<ImageBox> Boxes(SourceEntry entry, string name, ImageHeader? header, int width, int height)
    {
        var boxes = new List<ImageBox>(entry.Boxes.Count);
        if (entry.Boxes.Count == 0)
        {
            return boxes;
        }

        _boxes += entry.Boxes.Count;
        if (_boxes > context.Limits.BoxesMax)
        {
            throw new CommandRefusedException($"The source has more than {context.Limits.BoxesMax:N0} boxes.");
        }

        if (entry.IsRatio && width == 0)
        {
            context.Findings.Error(
                "size-unknown", entry.Place, $"The boxes of {name} are ratios, and the size of the picture is not known.",
                "Put the pictures into the source, or name their folder with --images.");
            return boxes;
        }

        var (sx, sy, stored) = Scale(entry, name, header, width, height);
        for (var i = 0; i < entry.Boxes.Count; i++)
        {
            var box = entry.Boxes[i];
            var place = entry.BoxLines is { } lines ? entry.Place with { Line = lines[i] } : entry.Place;
            if (Label(box.Label, place) is not { } label)
            {
                continue;
            }

            var scaled = new ImageBox(label, box.Left * sx, box.Top * sy, box.Width * sx, box.Height * sy);
            if (Inside(stored is { } h ? BoxFrames.ToUpright(scaled, h.Width, h.Height, h.Orientation) : scaled, place, width, height) is { } inside)
            {
                boxes.Add(inside);
            }
        }

        return boxes;
    }

    /// <summary>What a box's numbers are multiplied by, and the header if they then refer to the stored picture.</summary>
    private (double X, double Y, ImageHeader? Stored) Scale(SourceEntry entry, string name, ImageHeader? header, int width, int height)
    {
        var (w, h) = (entry.DeclaredWidth, entry.DeclaredHeight);
        var stored = header is { } head && BoxFrames.IsStored(w, h, head) ? header : null;
        if (entry.IsRatio)
        {
            return stored is { } s ? (s.Width, s.Height, stored) : (width, height, null);
        }

        if (stored is not null || header is null || w <= 0 || h <= 0 || (w == width && h == height))
        {
            return (1, 1, stored);
        }

        context.Findings.Warn(
            "wrong-size", entry.Place, string.Create(
                CultureInfo.InvariantCulture, $"{name} is said to have {w:0}×{h:0} pixels and has {width}×{height}."),
            entry.IsScaledByDeclaredSize ? "Its boxes were scaled to the picture." : "Its boxes were taken as pixels of the picture.");
        return entry.IsScaledByDeclaredSize ? (width / w, height / h, null) : (1, 1, null);
    }

    /// <summary>The part of a box that is inside the picture; null if there is none.</summary>
    private ImageBox? Inside(ImageBox box, SourcePlace place, int width, int height)
    {
        if (!(double.IsFinite(box.Left) && double.IsFinite(box.Top) && box.Width > 0 && box.Height > 0 && double.IsFinite(box.Width + box.Height)))
        {
            context.Findings.Error("empty-box", place, $"A box of {Words(box)} has no area and was left out.", "Draw it again, or remove it.");
            return null;
        }

        if (width == 0)
        {
            if (new[] { -box.Left, -box.Top, box.Left + box.Width, box.Top + box.Height }.Max() <= NumberMax)
            {
                return box;
            }

            context.Findings.Error(
                "box-outside", place, $"A box of {Words(box)} is larger than any picture and was left out.",
                "Draw it again; if all are outside, the boxes belong to another size of the picture.");
            return null;
        }

        var (left, top) = (Math.Clamp(box.Left, 0, width), Math.Clamp(box.Top, 0, height));
        var (right, bottom) = (Math.Clamp(box.Left + box.Width, 0, width), Math.Clamp(box.Top + box.Height, 0, height));
        if (right <= left || bottom <= top)
        {
            context.Findings.Error(
                "box-outside", place, $"A box of {Words(box)} is outside the picture of {width}×{height} and was left out.",
                "Draw it again; if all are outside, the boxes belong to another size of the picture.");
            return null;
        }

        // A hair outside is what rounding makes, and nobody's fault.
        var out1 = Math.Max(Math.Max(left - box.Left, top - box.Top), Math.Max(box.Left + box.Width - right, box.Top + box.Height - bottom));
        if (out1 > Math.Max(1, Math.Max(width, height) / 500.0))
        {
            context.Findings.Warn(
                "box-clipped", place,
                string.Create(CultureInfo.InvariantCulture, $"A box of {Words(box)} reaches {out1:0.#} pixels out of the picture of {width}×{height}."),
                "The part inside was taken.");
        }

        return out1 <= 0 ? box : new ImageBox(box.Label, left, top, right - left, bottom - top);
    }

    private static string Words(ImageBox box) => string.Create(
        CultureInfo.InvariantCulture, $"'{Readable.Truncate(box.Label)}' at {box.Left:0.##}, {box.Top:0.##} with {box.Width:0.##}×{box.Height:0.##}");

    private string? Label(string label, SourcePlace place)
    {
        var name = label.Trim();
        if (name.Length == 0)
        {
            context.Findings.Error("empty-label", place, "A label is empty and was left out.", "Give it a name.");
            return null;
        }

        if (_labels.TryAdd(name, _labels.Count))
        {
            _order.Add(name);
            if (_labels.Count > context.Limits.LabelsMax)
            {
                throw new CommandRefusedException(
                    $"The source has more than {context.Limits.LabelsMax:N0} different labels. Is another column or member the label?");
            }
        }

        return name;
    }
}
