using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ocellus.Formats.Writers;

/// <summary>Manifests of Amazon SageMaker Ground Truth: a line an image, a file for each split.</summary>
/// <param name="folder">The folder to write to.</param>
/// <param name="bucket">Bucket of <c>source-ref</c>; the key is the picture's place in the folder.</param>
/// <param name="created">When the labels were written, for <c>creation-date</c>.</param>
internal sealed class ManifestWriter(string folder, string bucket, DateTimeOffset created) : IDatasetWriter
{
    private const string Attribute = "label", BoxAttribute = "boxes", Job = "ocellus-convert";

    private const int FileBufferBytes = 1 << 16;

    private const long Thousand = 1000;

    // What is written is always the same, and a million boxes are written.
    private static readonly JsonWriterOptions _compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private static readonly JsonEncodedText _classId = JsonEncodedText.Encode("class_id"), _left = JsonEncodedText.Encode("left"),
        _top = JsonEncodedText.Encode("top"), _width = JsonEncodedText.Encode("width"), _height = JsonEncodedText.Encode("height"),
        _confidence = JsonEncodedText.Encode("confidence");

    private readonly OutputNames _names = new(isByStem: false);
    private readonly Dictionary<Split, FileStream> _files = [];
    private readonly LabelNumbers _labels = new([]);
    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly string _date = created.ToString("yyyy-MM-dd'T'HH:mm:ss", CultureInfo.InvariantCulture);

    /// <summary>The file of a split.</summary>
    public static string FileOf(Split split) => split switch
    {
        Split.Test => "test.manifest",
        Split.Validation => "validation.manifest",
        Split.Train or Split.None => "train.manifest",
    };

    public bool NeedsSizes => true;

    public string? PlaceOf(LabelledImage image) => _names.Unique(OutputNames.Folder("images", image.Split), image.Name);

    public void Write(LabelledImage image, string place)
    {
        var split = image.Split == Split.None ? Split.Train : image.Split;
        if (!_files.TryGetValue(split, out var file))
        {
            var path = Path.Combine(folder, FileOf(split));
            _files.Add(split, file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, FileBufferBytes));
        }

        _line.ResetWrittenCount();
        Write(_line, image, $"s3://{bucket}/{place}", _labels, _date);
        _line.Write("\n"u8);
        file.Write(_line.WrittenSpan);
    }

    public void Finish()
    {
        foreach (var file in _files.Values)
        {
            file.Dispose();
        }

        // Custom Labels knows training and test only.
        if (_files.ContainsKey(Split.Validation) && !_files.ContainsKey(Split.Test))
        {
            File.Move(Path.Combine(folder, FileOf(Split.Validation)), Path.Combine(folder, FileOf(Split.Test)));
        }
    }

    public void Dispose()
    {
        foreach (var file in _files.Values)
        {
            file.Dispose();
        }
    }

    /// <summary>One line, without a line break.</summary>
    /// <param name="output">Takes the line.</param>
    /// <param name="image">The image; boxes need its size.</param>
    /// <param name="sourceRef">Address of the image.</param>
    /// <param name="labels">Numbers of the labels.</param>
    /// <param name="date">For <c>creation-date</c>.</param>
    public static void Write(IBufferWriter<byte> output, LabelledImage image, string sourceRef, LabelNumbers labels, string date)
    {
        using var json = new Utf8JsonWriter(output, _compact);
        json.WriteStartObject();
        json.WriteString("source-ref", sourceRef);
        for (var i = 0; i < image.Labels.Count; i++)
        {
            var name = image.Labels.Count == 1 ? Attribute : string.Create(CultureInfo.InvariantCulture, $"{Attribute}-{i + 1}");
            json.WriteNumber(name, labels.Of(image.Labels[i]));
            json.WriteStartObject($"{name}-metadata");
            json.WriteString("class-name", image.Labels[i]);
            json.WriteNumber("confidence", 1);
            End(json, "groundtruth/image-classification", date);
        }

        if (image.IsForBoxes || image.Boxes.Count > 0)
        {
            WriteBoxes(json, image, labels, date);
        }

        json.WriteEndObject();
    }

    private static void WriteBoxes(Utf8JsonWriter json, LabelledImage image, LabelNumbers labels, string date)
    {
        json.WriteStartObject(BoxAttribute);
        json.WriteStartArray("image_size");
        json.WriteStartObject();
        json.WriteNumber("width", image.Width ?? 0);
        json.WriteNumber("height", image.Height ?? 0);
        json.WriteNumber("depth", 3);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteStartArray("annotations");
        foreach (var box in image.Boxes)
        {
            json.WriteStartObject();
            // From rounded edges, so that a box that ends at the picture's edge still does.
            var (left, top) = (Thousandths(box.Left), Thousandths(box.Top));
            json.WriteNumber(_classId, labels.Of(box.Label));
            WritePixels(json, _left, left);
            WritePixels(json, _top, top);
            WritePixels(json, _width, Thousandths(box.Left + box.Width) - left);
            WritePixels(json, _height, Thousandths(box.Top + box.Height) - top);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartObject($"{BoxAttribute}-metadata");
        json.WriteStartArray("objects");
        foreach (var _ in image.Boxes)
        {
            json.WriteStartObject();
            json.WriteNumber(_confidence, 1);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("class-map");
        foreach (var label in image.Boxes.Select(b => b.Label).Distinct(StringComparer.Ordinal))
        {
            json.WriteString(labels.Of(label).ToString(CultureInfo.InvariantCulture), label);
        }

        json.WriteEndObject();
        End(json, "groundtruth/object-detection", date);
    }

    private static void End(Utf8JsonWriter json, string type, string date)
    {
        json.WriteString("type", type);
        json.WriteString("human-annotated", "yes");
        json.WriteString("creation-date", date);
        json.WriteString("job-name", Job);
        json.WriteEndObject();
    }

    private static long Thousandths(double pixels) => (long)Math.Round(pixels * Thousand);

    /// <summary>Pixels with up to three decimals, none of them a zero at the end.</summary>
    private static void WritePixels(Utf8JsonWriter json, JsonEncodedText name, long thousandths)
    {
        Span<byte> text = stackalloc byte[32];
        var length = 0;
        if (thousandths < 0)
        {
            text[length++] = (byte)'-';
        }

        var (whole, rest) = Math.DivRem(Math.Abs(thousandths), Thousand);
        Utf8Formatter.TryFormat(whole, text[length..], out var written);
        length += written;
        if (rest > 0)
        {
            text[length++] = (byte)'.';
            for (var unit = Thousand / 10; rest > 0; unit /= 10)
            {
                (var digit, rest) = Math.DivRem(rest, unit);
                text[length++] = (byte)('0' + digit);
            }
        }

        json.WritePropertyName(name);
        json.WriteRawValue(text[..length], skipInputValidation: true);
    }
}
