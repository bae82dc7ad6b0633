using System.Globalization;
using System.IO.Compression;
using System.Text;
using Ocellus.Formats;
using Ocellus.Refusals;

namespace Ocellus.Tests.Formats;

/// <summary>Sources with faults that parsers take, and whoever reads on stumbles over.</summary>
public sealed class DamagedSourceTests
{
    [Theory]
    [InlineData("instances.json", """{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": [{"id": 1, "name": "TEXT"}]}""")]
    [InlineData("instances.json", """{"images": [{"id": 1, "file_name": "a.png"}], "annotations": [], "categories": [], "TEXT": 1}""")]
    [InlineData("tasks.json", """[{"data": {"image": "a.png"}, "annotations": [{"result": [{"value": {"choices": ["TEXT"]}}]}]}]""")]
    [InlineData("via.json", """{"a.png1": {"filename": "a.png", "regions": [], "file_attributes": {"label": "TEXT"}}}""")]
    public void A_text_that_is_not_UTF8_is_refused_with_what_to_do(string name, string json)
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Bytes(name, Encoding.Latin1.GetBytes(json.Replace("TEXT", "Öse", StringComparison.Ordinal)));
        Assert.Contains("Save the file as UTF-8", Assert.Throws<InvalidDataException>(() => source.Read()).Message, StringComparison.Ordinal);
        source.Text(name, json.Replace("TEXT", "\\ud83d", StringComparison.Ordinal));
        Assert.Contains("half of a character", Assert.Throws<InvalidDataException>(() => source.Read()).Message, StringComparison.Ordinal);
        source.Text(name, json.Replace("TEXT", "\\ud83d\\ude00", StringComparison.Ordinal));
        Assert.Single(source.Read().Images);
    }

    [Theory]
    [InlineData("a.json", """{"shapes": [{"label": "TEXT", "points": [[1, 1], [9, 9]]}], "imagePath": "a.png"}""")]
    [InlineData("metadata.jsonl", """{"file_name": "a.png", "label": "TEXT"}""")]
    public void Half_a_character_in_the_description_of_one_picture_is_a_finding(string name, string json)
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Text(name, json.Replace("TEXT", "\\ud83d", StringComparison.Ordinal));
        var (_, images, findings) = source.Read();
        Assert.Empty(images);
        Assert.StartsWith("bad-json at " + name, Assert.Single(SourceFolder.Codes(findings)), StringComparison.Ordinal);
    }

    [Fact]
    public void COCO_with_commas_too_many_and_masks_of_another_form_is_read()
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Text(
            "instances.json", """
            {"images": [{"id": 1, "file_name": "a.png",}], "categories": [{"id": 1, "name": "x",}], "annotations": [
            {"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9,],],},
            {"image_id": 1, "category_id": 1, "segmentation": {"size": ["100", 200], "counts": [1]}},
            {"image_id": 1, "category_id": 1, "segmentation": {"size": [100, 200], "counts": ["1", 4]}}]}
            """);
        var image = Assert.Single(source.Read().Images);
        Assert.Equal([new ImageBox("x", 1, 1, 8, 8), new ImageBox("x", 0, 0, 1, 4)], image.Boxes);
    }

    [Fact]
    public void A_link_through_a_linked_folder_leads_out_and_one_with_dots_is_read_where_it_was_judged()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var source = new SourceFolder();
        source.Picture("rose/1.png").Picture("rose/inner/secret.png", 30, 30).Picture("../outside/deep/2.png").Picture("../outside/secret.png", 40, 40);
        Directory.CreateSymbolicLink(Path.Combine(source.Source, "way"), Path.Combine(source.Top, "outside", "deep"));
        File.CreateSymbolicLink(Path.Combine(source.Source, "rose", "3.png"), Path.Combine(source.Source, "way", "2.png"));
        // The system goes through the link and then up; the text alone says rose/inner/secret.png.
        Directory.CreateSymbolicLink(Path.Combine(source.Source, "rose", "inner", "up"), Path.Combine(source.Top, "outside", "deep"));
        File.CreateSymbolicLink(Path.Combine(source.Source, "rose", "4.png"), "inner/up/../secret.png");
        var (_, images, findings) = source.Read(options: new() { ReadsSizes = true });
        Assert.Equal(["rose/1.png 200", "rose/4.png 30", "rose/inner/secret.png 30"], images.Select(i => $"{i.Name} {i.Width}"));
        Assert.Equal(
            ["link-outside at rose/3.png", "link-outside at rose/inner/up", "link-outside at way"], SourceFolder.Codes(findings).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Boxes_of_a_table_are_counted_over_all_its_images()
    {
        using var source = new SourceFolder();
        source.Text("labels.csv", "image,label,x1,y1,x2,y2\n" + string.Concat(Enumerable.Range(0, 9).Select(i => $"{i}.png,x,1,1,20,20\n")));
        var options = new SourceOptions { Limits = SourceLimits.Default with { BoxesMax = 5 } };
        // Before anything is given: all rows are held until the last.
        using var reader = SourceReader.Open(source.Source, options);
        using var images = reader.Read(TestContext.Current.CancellationToken).GetEnumerator();
        Assert.Contains("more than 5 boxes", Assert.Throws<CommandRefusedException>(() => images.MoveNext()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_box_that_no_picture_holds_is_a_finding_also_where_the_size_is_unknown()
    {
        using var source = new SourceFolder();
        source.Text("labels.csv", "image,label,x1,y1,x2,y2\na.png,x,1,1,20,20\na.png,x,1,1,1e200,1e200\n");
        using var reader = SourceReader.Open(source.Source, new SourceOptions());
        var result = Conversion.Run(
            reader, new ConversionPlan(DataFormat.Coco, Path.Combine(source.Top, "out")), null, TestContext.Current.CancellationToken);
        Assert.Equal((1, 1L), (result.ImageCount, result.Boxes));
        Assert.Equal(["box-outside at labels.csv:3"], SourceFolder.Codes(reader.Findings));
    }

    [Fact]
    public void Lists_of_pictures_with_blanks_in_their_names_tell_their_split()
    {
        using var source = new SourceFolder();
        foreach (var name in new[] { "my photo 1", "my photo" })
        {
            source.Picture($"JPEGImages/{name}.png")
                .Text($"Annotations/{name}.xml", $"<annotation><filename>{name}.png</filename><object><name>x</name></object></annotation>");
        }

        source.Text("ImageSets/Main/train.txt", "my photo\n").Text("ImageSets/Main/test.txt", "my photo 1\n");
        Assert.Equal(
            ["JPEGImages/my photo 1.png Test", "JPEGImages/my photo.png Train"],
            source.Read().Images.Select(i => string.Create(CultureInfo.InvariantCulture, $"{i.Name} {i.Split}")).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void A_folder_that_is_called_like_an_unfinished_one_is_left_alone()
    {
        using var source = new SourceFolder();
        source.Picture("rose/1.png").Text("../out.part/mine.txt", "mine");
        using var reader = SourceReader.Open(source.Source, new SourceOptions());
        var plan = new ConversionPlan(DataFormat.Csv, Path.Combine(source.Top, "out"));
        Assert.Contains(
            "is in the way", Assert.Throws<CommandRefusedException>(() => Conversion.Run(reader, plan, null, TestContext.Current.CancellationToken)).Message,
            StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(source.Top, "out.part", "mine.txt")));
        Directory.Delete(Path.Combine(source.Top, "out.part"), recursive: true);
        Conversion.Run(reader, plan, null, TestContext.Current.CancellationToken);
        Assert.Equal(["images", "labels.csv"], Directory.GetFileSystemEntries(plan.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void An_encrypted_archive_is_refused_in_words()
    {
        using var source = new SourceFolder();
        source.Picture("rose/1.png").Text("labels.csv", "image,label\nrose/1.png,x\n");
        var path = source.Zipped();
        var bytes = File.ReadAllBytes(path);
        for (var i = 0; i + 10 < bytes.Length; i++)
        {
            if (bytes.AsSpan(i).StartsWith("PK\x3\x4"u8))
            {
                bytes[i + 6] |= 1;
            }
            else if (bytes.AsSpan(i).StartsWith("PK\x1\x2"u8))
            {
                bytes[i + 8] |= 1;
            }
        }

        File.WriteAllBytes(path, bytes);
        var failure = Record.Exception(() => source.Read(path, new() { ReadsSizes = true }));
        Assert.True(failure is CommandRefusedException or InvalidDataException, failure?.ToString() ?? "nothing");
        Assert.Contains("password", failure!.Message, StringComparison.Ordinal);
    }
}
