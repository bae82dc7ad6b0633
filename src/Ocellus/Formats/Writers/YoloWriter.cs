using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Ocellus.Formats.Writers;

/// <summary>
/// YOLO as Ultralytics reads it: <c>images</c>, <c>labels</c> and <c>data.yaml</c>; for labels of whole images folders below <c>train</c>, <c>val</c> and
/// <c>test</c>.
/// </summary>
internal sealed class YoloWriter(string folder, IEnumerable<string> labels) : IDatasetWriter
{
    private const string Images = "images";

    private static readonly JsonSerializerOptions _plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly OutputNames _names = new(isByStem: true);
    private readonly LabelNumbers _numbers = new(labels);
    private readonly HashSet<Split> _splits = [];
    private FolderWriter? _folders;
    private bool _hasBegun;

    public bool NeedsSizes => _folders is null;

    public string? PlaceOf(LabelledImage image)
    {
        var hasBoxes = image.IsForBoxes || image.Boxes.Count > 0;
        if (!_hasBegun)
        {
            (_hasBegun, _folders) = (true, hasBoxes ? null : new FolderWriter());
        }

        // Ultralytics wants a split of every image.
        var placed = image.Split == Split.None ? image with { Split = Split.Train } : image;
        if (hasBoxes != _folders is null || (hasBoxes && image.Labels.Count > 0))
        {
            throw DatasetWriters.Mixed(DataFormat.Yolo, image);
        }

        return _folders is not null ? _folders.PlaceOf(placed) : _names.Unique($"{Images}/{placed.Split.Name()}", image.Name);
    }

    public void Write(LabelledImage image, string place)
    {
        if (_folders is not null)
        {
            return;
        }

        _splits.Add(image.Split == Split.None ? Split.Train : image.Split);
        var file = Path.Combine(folder, "labels", Path.ChangeExtension(place[(Images.Length + 1)..], ".txt"));
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        var text = new StringBuilder();
        foreach (var box in image.Boxes)
        {
            var (width, height) = ((double)image.Width!, (double)image.Height!);
            text.Append(CultureInfo.InvariantCulture, $"{_numbers.Of(box.Label)} {Ratio((box.Left + (box.Width / 2)) / width)} ")
                .Append(CultureInfo.InvariantCulture,
                    $"{Ratio((box.Top + (box.Height / 2)) / height)} {Ratio(box.Width / width)} {Ratio(box.Height / height)}\n");
        }

        File.WriteAllText(file, text.ToString());
    }

    public void Finish()
    {
        if (_folders is not null)
        {
            return;
        }

        var text = new StringBuilder("path: .\n");
        // Training does not start without val.
        var validation = _splits.Contains(Split.Validation) ? Split.Validation : _splits.Contains(Split.Test) ? Split.Test : Split.Train;
        text.Append(CultureInfo.InvariantCulture, $"train: {Images}/{Split.Train.Name()}\nval: {Images}/{validation.Name()}\n");
        if (_splits.Contains(Split.Test))
        {
            text.Append(CultureInfo.InvariantCulture, $"test: {Images}/{Split.Test.Name()}\n");
        }

        text.Append("names:\n");
        var names = _numbers.Names;
        for (var i = 0; i < names.Count; i++)
        {
            // What JSON quotes is quoted in YAML.
            text.Append(CultureInfo.InvariantCulture, $"  {i}: {JsonSerializer.Serialize(names[i], _plain)}\n");
        }

        File.WriteAllText(Path.Combine(folder, "data.yaml"), text.ToString());
    }

    public void Dispose()
    {
    }

    /// <summary>Nine places: a hundred-thousandth of a pixel of the largest picture.</summary>
    private static string Ratio(double ratio) => ratio.ToString("0.#########", CultureInfo.InvariantCulture);
}
