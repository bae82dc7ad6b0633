using System.Globalization;
using CsvHelper;

namespace Ocellus.Formats.Writers;

/// <summary>A table: <c>image, split, label</c>, and for boxes their corners in pixels, a row a box. An image without any has a row with empty cells.</summary>
internal sealed class CsvTableWriter(string folder) : IDatasetWriter
{
    private readonly OutputNames _names = new(isByStem: false);
    private CsvWriter? _table;
    private bool _hasBoxes;

    public bool NeedsSizes => false;

    public string? PlaceOf(LabelledImage image)
    {
        var hasBoxes = image.IsForBoxes || image.Boxes.Count > 0;
        if (_table is null)
        {
            _hasBoxes = hasBoxes;
            _table = new CsvWriter(new StreamWriter(Path.Combine(folder, "labels.csv")), CultureInfo.InvariantCulture);
            Row(["image", "split", "label", .. hasBoxes ? ["xmin", "ymin", "xmax", "ymax"] : Array.Empty<string>()]);
        }

        return (_hasBoxes || !hasBoxes) && (!_hasBoxes || image.Labels.Count == 0)
            ? _names.Unique(OutputNames.Folder("images", image.Split), image.Name)
            : throw DatasetWriters.Mixed(DataFormat.Csv, image);
    }

    public void Write(LabelledImage image, string place)
    {
        var split = image.Split.Name();
        foreach (var box in image.Boxes)
        {
            Row([place, split, box.Label, Pixels(box.Left), Pixels(box.Top), Pixels(box.Left + box.Width), Pixels(box.Top + box.Height)]);
        }

        foreach (var label in image.Labels)
        {
            Row([place, split, label]);
        }

        if (image.Boxes.Count + image.Labels.Count == 0)
        {
            Row([place, split, "", .. _hasBoxes ? ["", "", "", ""] : Array.Empty<string>()]);
        }
    }

    public void Finish() => _table?.Flush();

    public void Dispose() => _table?.Dispose();

    /// <summary>Ten-thousandths of a pixel, without trailing zeros.</summary>
    internal static string Pixels(double pixels) => pixels.ToString("0.####", CultureInfo.InvariantCulture);

    private void Row(IEnumerable<string> cells)
    {
        foreach (var cell in cells)
        {
            _table!.WriteField(cell);
        }

        _table!.NextRecord();
    }
}
