using System.CommandLine;
using System.Globalization;
using Ocellus.Hosting;
using Ocellus.Refusals;
using Ocellus.Vision.Boxes;
using Ocellus.Vision.Images;
using Ocellus.Vision.Inference;

namespace Ocellus.Commands;

/// <summary>Writes images with the found boxes drawn in, or with the places of a classifier's evidence, for a person to view.</summary>
/// <param name="folder">Created if it does not exist.</param>
internal sealed class BoxDrawings(string folder)
{
    // Each label has the colour of its index: the order of first appearance.
    private readonly List<string> _labels = [];
    private readonly HashSet<string> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The option of the verbs that draw.</summary>
    public static Option<string?> Option() => new("--draw")
    {
        Description = "Also write each image with its boxes, or shaded where a classifier's evidence is, as DIR/NAME.boxes.jpg or .evidence.jpg.",
        HelpName = "DIR",
    };

    /// <summary>Drawings of what a model finds.</summary>
    /// <exception cref="CommandRefusedException">The model tells neither boxes nor where its evidence is.</exception>
    public static BoxDrawings For(TrainedModel model, string folder) => model.Description.Kind == ModelKinds.Localization || model.HasEvidence
        ? new BoxDrawings(folder)
        : throw new CommandRefusedException(
            "--draw needs a model that finds boxes, or a classifier that tells where its evidence is. This one is of an earlier version; train it again.");

    /// <summary>Draws what the model found: boxes, or the places of its evidence.</summary>
    public string Write(TrainedModel model, ReadOnlyMemory<byte> image, string file, IReadOnlyList<CustomLabel> labels) =>
        model.Description.Kind == ModelKinds.Localization ? Write(image, file, labels) : WriteEvidence(model, image, file, labels);

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

        return Save(file, ".boxes.jpg", ImageDrawing.DrawBoxes(image, boxes));
    }

    /// <summary>Writes one image as JPEG, shaded where a classifier's evidence for the labels is, and returns its path.</summary>
    /// <param name="model">The classifier; it has evidence.</param>
    /// <param name="image">The image.</param>
    /// <param name="file">Its name or path; the drawing's name begins with it.</param>
    /// <param name="labels">The labels to show, with their confidence.</param>
    /// <exception cref="ImageRefusedException">Not an image that can be decoded.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public string WriteEvidence(TrainedModel model, ReadOnlyMemory<byte> image, string file, IReadOnlyList<CustomLabel> labels)
    {
        var map = model.Evidence(model.Prepare(image, ImageLimits.Default));
        List<DrawnEvidence> shades = [];
        foreach (var label in labels)
        {
            var index = model.Description.Labels.ToList().IndexOf(label.Name!);
            shades.Add(new(string.Create(CultureInfo.InvariantCulture, $"{label.Name} {label.Confidence:0}"), map.Standing(index), index));
        }

        return Save(file, ".evidence.jpg", ImageDrawing.DrawEvidence(image, shades));
    }

    private string Save(string file, string extension, byte[] drawing)
    {
        Directory.CreateDirectory(folder);
        var stem = Path.GetFileNameWithoutExtension(file);
        var target = stem;
        for (var i = 2; !_names.Add(target); i++)
        {
            target = string.Create(CultureInfo.InvariantCulture, $"{stem}-{i}");
        }

        var path = Path.Combine(folder, target + extension);
        File.WriteAllBytes(path, drawing);
        return path;
    }
}
