using System.Globalization;
using Ocellus.Hosting;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;

namespace Ocellus.Commands;

/// <summary>Writes images with the found boxes drawn in, for a person to view.</summary>
/// <param name="folder">Created if it does not exist.</param>
internal sealed class BoxDrawings(string folder)
{
    // Each label has the colour of its index: the order of first appearance.
    private readonly List<string> _labels = [];
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Writes one image as JPEG and returns its path; images of the same name do not overwrite each other.</summary>
    /// <param name="image">The image.</param>
    /// <param name="file">Its name or path; the drawing's name begins with it.</param>
    /// <param name="labels">What was found. Labels without a box are left out.</param>
    /// <exception cref="ImageRefusedException">Not an image that can be decoded.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public string Write(ReadOnlyMemory<byte> image, string file, IReadOnlyList<CustomLabel> labels)
    {
        List<DrawnBox> boxes = [];
        foreach (var label in labels)
        {
            if (label is { Name: { } name, Geometry.BoundingBox: { } box })
            {
                if (!_labels.Contains(name))
                {
                    _labels.Add(name);
                }

                boxes.Add(new DrawnBox(
                    string.Create(CultureInfo.InvariantCulture, $"{name} {label.Confidence:0}"),
                    new Box((float)box.Left!, (float)box.Top!, (float)box.Width!, (float)box.Height!),
                    _labels.IndexOf(name)));
            }
        }

        Directory.CreateDirectory(folder);
        var stem = Path.GetFileNameWithoutExtension(file);
        var target = stem;
        for (var i = 2; !_names.Add(target); i++)
        {
            target = string.Create(CultureInfo.InvariantCulture, $"{stem}-{i}");
        }

        var path = Path.Combine(folder, target + ".boxes.jpg");
        File.WriteAllBytes(path, ImageDrawing.DrawBoxes(image, boxes));
        return path;
    }
}
