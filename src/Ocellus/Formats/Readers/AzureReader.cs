using System.Text.Json;

namespace Ocellus.Formats.Readers;

/// <summary>
/// Azure Custom Vision: the answers of its GetTaggedImages, as export programs save them. A region's numbers are ratios; the tags of an image with regions are
/// those of the regions. Pictures are found by the name in their address, or by their id.
/// </summary>
internal sealed class AzureReader(ReadContext context) : IFormatReader
{
    public IEnumerable<SourceEntry> Read(CancellationToken cancel)
    {
        foreach (var file in context.Files)
        {
            using var items = new JsonItems(file, context.Limits);
            while (items.Next(out var item))
            {
                cancel.ThrowIfCancellationRequested();
                var place = new SourcePlace(file.Name, item.Line);
                using var image = JsonValues.Parse(item.Json, place);
                if (image.RootElement.Text("id", "imageId", "image_id") is not null || image.RootElement.Member("regions") is not null)
                {
                    yield return Entry(image.RootElement, place, file);
                }
            }
        }
    }

    private SourceEntry Entry(JsonElement image, SourcePlace place, SourceFile file)
    {
        List<ImageBox> boxes = [];
        foreach (var region in image.Items("regions"))
        {
            if (region.Number("left") is { } left && region.Number("top") is { } top && region.Number("width") is { } width
                && region.Number("height") is { } height)
            {
                boxes.Add(new ImageBox(region.Text("tagName", "tag_name") ?? "", left, top, width, height));
            }
            else
            {
                context.Findings.Error("bad-box", place, "A region lacks its numbers.", "A region has left, top, width and height.");
            }
        }

        var split = SplitNames.OfFile(file.BaseName);
        string?[] names = [
            image.Text("fileName", "file_name", "filename", "name"), image.Text("originalImageUri", "original_image_uri"),
                image.Text("id", "imageId", "image_id"),
            image.Text("resizedImageUri", "resized_image_uri"),
        ];
        var picture = names.Where(n => n is not null).Select(n => context.Pictures.Find(n!, file.Folder, split).Found).FirstOrDefault(f => f is not null);
        return new SourceEntry(picture?.Name ?? names.First(n => n is not null) ?? "", place)
        {
            Address = image.Text("originalImageUri", "original_image_uri", "resizedImageUri", "resized_image_uri"),
            Picture = picture,
            Folder = file.Folder,
            Split = split,
            Labels = boxes.Count > 0 ? [] : [.. image.Items("tags").Select(t => t.Text("tagName", "tag_name", "name")).OfType<string>()],
            Boxes = boxes,
            IsRatio = true,
            IsForBoxes = boxes.Count > 0 || image.Member("regions") is { ValueKind: JsonValueKind.Array } && !image.Items("tags").Any(),
            DeclaredWidth = image.Number("width") ?? 0,
            DeclaredHeight = image.Number("height") ?? 0,
        };
    }
}
