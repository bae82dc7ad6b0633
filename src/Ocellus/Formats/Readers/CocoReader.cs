using Ocellus.Encodings;

namespace Ocellus.Formats.Readers;

/// <summary>
/// COCO's detection format. Images, annotations and categories may come in any order, so all are held, as numbers. An annotation without a box has the box
/// around its polygons or its mask; one without either is a label of the image.
/// </summary>
/// <remarks>https://cocodataset.org/#format-data; masks as pycocotools has them.</remarks>
internal sealed class CocoReader(ReadContext context) : IFormatReader
{
    public IEnumerable<SourceEntry> Read(CancellationToken cancel) => context.Files.SelectMany(file => File(file, cancel));

    private IEnumerable<SourceEntry> File(SourceFile file, CancellationToken cancel)
    {
        var document = new CocoDocument(file, context.Findings);
        using (var items = new JsonItems(file, context.Limits))
        {
            while (items.Next(out var item))
            {
                cancel.ThrowIfCancellationRequested();
                document.Take(item);
                if (document.Categories.Count > context.Limits.LabelsMax)
                {
                    throw new Refusals.CommandRefusedException($"{file.Name} has more than {context.Limits.LabelsMax:N0} categories.");
                }

                if (document.Annotations.Count > context.Limits.BoxesMax || document.Images.Count > context.Limits.ImagesMax)
                {
                    throw new Refusals.CommandRefusedException(
                        $"{file.Name} has more than {context.Limits.ImagesMax:N0} images or {context.Limits.BoxesMax:N0} annotations.");
                }
            }
        }

        context.KnownLabels.AddRange(document.Categories.Values.Where(c => c.Length > 0));
        var split = SplitNames.OfFile(file.BaseName) is var named and not Split.None ? named : SplitNames.OfPath(file.Name);
        var (first, order) = Group(document, file);
        var isForBoxes = document.Annotations.Exists(a => !a.IsWhole);
        for (var i = 0; i < document.Images.Count; i++)
        {
            yield return Entry(document, file, i, order.AsSpan(first[i]..first[i + 1]), split, isForBoxes);
        }
    }

    private SourceEntry Entry(CocoDocument document, SourceFile file, int index, ReadOnlySpan<int> annotations, Split split, bool isForBoxes)
    {
        var image = document.Images[index];
        List<ImageBox> boxes = [];
        List<int> lines = [];
        List<string> labels = [];
        foreach (var a in annotations)
        {
            var annotation = document.Annotations[a];
            var place = new SourcePlace(file.Name, annotation.Line);
            if (!document.Categories.TryGetValue(annotation.Category, out var label))
            {
                context.Findings.Error(
                    "unknown-category", place, $"An annotation has category {document.Text(annotation.Category)}, which is not among the categories.",
                    "Add the category, or remove the annotation.");
            }
            else if (annotation.IsCrowd)
            {
                context.Findings.Warn(
                    "crowd", place, $"A box of '{Readable.Truncate(label)}' is around a crowd (iscrowd) and was left out.",
                    "A detector learns from boxes around one thing each.");
            }
            else if (annotation.IsWhole)
            {
                labels.Add(label);
            }
            else
            {
                boxes.Add(new ImageBox(label, annotation.Left, annotation.Top, annotation.Width, annotation.Height));
                lines.Add(annotation.Line);
            }
        }

        return new SourceEntry(image.Name, new(file.Name, image.Line))
        {
            Address = image.Address,
            Folder = file.Folder,
            Split = split,
            Labels = labels,
            Boxes = boxes,
            BoxLines = lines,
            IsForBoxes = isForBoxes,
            DeclaredWidth = image.Width,
            DeclaredHeight = image.Height,
        };
    }

    /// <summary>The annotations of each image, as places in <c>Annotations</c>: those of image i are from <c>First[i]</c> to <c>First[i + 1]</c>.</summary>
    private (int[] First, int[] Order) Group(CocoDocument document, SourceFile file)
    {
        var indexes = new Dictionary<long, int>(document.Images.Count);
        for (var i = 0; i < document.Images.Count; i++)
        {
            if (!indexes.TryAdd(document.Images[i].Id, i))
            {
                context.Findings.Error(
                    "image-id-twice", new(file.Name, document.Images[i].Line),
                    $"Two images have the id {document.Text(document.Images[i].Id)}; all annotations of it went to the first.",
                    "Give each image an id of its own.");
            }
        }

        var first = new int[document.Images.Count + 1];
        foreach (var annotation in document.Annotations)
        {
            if (indexes.TryGetValue(annotation.Image, out var at))
            {
                first[at + 1]++;
            }
            else
            {
                context.Findings.Error(
                    "unknown-image", new(file.Name, annotation.Line),
                    $"An annotation is of image {document.Text(annotation.Image)}, which is not among the images.", "Add the image, or remove the annotation.");
            }
        }

        for (var i = 0; i < document.Images.Count; i++)
        {
            first[i + 1] += first[i];
        }

        var next = first.ToArray();
        var order = new int[first[^1]];
        for (var a = 0; a < document.Annotations.Count; a++)
        {
            if (indexes.TryGetValue(document.Annotations[a].Image, out var at))
            {
                order[next[at]++] = a;
            }
        }

        return (first, order);
    }
}
