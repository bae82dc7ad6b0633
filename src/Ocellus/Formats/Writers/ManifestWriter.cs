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

    private static readonly JsonWriterOptions _compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly OutputNames _names = new(isByStem: false);
    private readonly Dictionary<Split, FileStream> _files = [];
    private readonly LabelNumbers _labels = new([]);
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
            _files.Add(split, file = File.Create(Path.Combine(folder, FileOf(split))));
        }

        Write(file, image, $"s3://{bucket}/{place}", _labels, _date);
        file.WriteByte((byte)'\n');
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
    public static void Write(Stream output, LabelledImage image, string sourceRef, LabelNumbers labels, string date)
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
            json.WriteNumber("class_id", labels.Of(box.Label));
            json.WriteNumber("left", Pixels(box.Left));
            json.WriteNumber("top", Pixels(box.Top));
            // From rounded edges, so that a box that ends at the picture's edge still does.
            json.WriteNumber("width", Pixels(box.Left + box.Width) - Pixels(box.Left));
            json.WriteNumber("height", Pixels(box.Top + box.Height) - Pixels(box.Top));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteStartObject($"{BoxAttribute}-metadata");
        json.WriteStartArray("objects");
        foreach (var _ in image.Boxes)
        {
            json.WriteStartObject();
            json.WriteNumber("confidence", 1);
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

    /// <summary>Thousandths of a pixel; a decimal, so that differences have no more digits.</summary>
    private static decimal Pixels(double pixels) => decimal.Round((decimal)pixels, 3) / 1.000m;
}
