using Ocellus.Formats;
using Ocellus.Formats.Writers;

namespace Ocellus.Tests.Formats;

public sealed class RoundTripTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(DataFormat.Manifest)]
    [InlineData(DataFormat.Coco)]
    [InlineData(DataFormat.Yolo)]
    [InlineData(DataFormat.Voc)]
    [InlineData(DataFormat.Csv)]
    internal void Boxes_come_back_to_a_hundredth_of_a_pixel_with_their_labels_and_splits(DataFormat format)
    {
        using var source = new SourceFolder();
        source.Picture("a.1 b.png", 333, 217).Picture("deep/ä 猫.png").Picture("other/ä 猫.png").Picture("empty.png")
            .Text("images.csv", """"
                filename,split,label,xmin,ymin,xmax,ymax
                a.1 b.png,train,ripe,10.25,20.5,110.125,99.3333
                a.1 b.png,train,"not, ""ripe""",0,0,333,217
                deep/ä 猫.png,test,ripe,1,2,3.5,4
                other/ä 猫.png,test,猫: #1,150,50,200,100
                empty.png,test,,,,,
                """");
        var (read, images, findings) = source.Read();
        Assert.Equal((DataFormat.Csv, 0, 4), (read, findings.Groups.Count, images.Count));

        var again = Convert(source, format);

        Assert.Equal(Lines(images), Lines(again));
        Assert.All(again, i => Assert.NotNull(i.Picture));
        Assert.All(again, i => Assert.True(i.IsForBoxes));
    }

    [Theory]
    [InlineData(DataFormat.Manifest)]
    [InlineData(DataFormat.Coco)]
    [InlineData(DataFormat.Yolo)]
    [InlineData(DataFormat.Voc)]
    [InlineData(DataFormat.Csv)]
    [InlineData(DataFormat.Folders)]
    internal void Labels_of_images_come_back(DataFormat format)
    {
        using var source = new SourceFolder();
        source.Picture("flowers/train/rose/1.png").Picture("flowers/train/tulip/1.png")
            .Picture("flowers/test/rose/1.PNG").Picture("flowers/test/tulip/x/1.png");
        var (read, images, _) = source.Read();
        Assert.Equal(DataFormat.Folders, read);
        Assert.Equal(["Test rose ", "Test tulip ", "Train rose ", "Train tulip "], Lines(images));

        var again = Convert(source, format);

        Assert.Equal(Lines(images), Lines(again));
        Assert.All(again, i => Assert.False(i.IsForBoxes));
    }

    [Theory]
    [InlineData(DataFormat.Manifest)]
    [InlineData(DataFormat.Coco)]
    [InlineData(DataFormat.Voc)]
    [InlineData(DataFormat.Csv)]
    internal void Several_labels_of_an_image_come_back(DataFormat format)
    {
        using var source = new SourceFolder();
        source.Picture("1.png").Picture("2.png").Text("labels.csv", "image,label\n1.png,apple\n2.png,pear\n1.png,pear\n");
        var again = Convert(source, format);
        Assert.Equal(["None apple|pear ", "None pear "], Lines(again).Select(l => l.Replace("Train", "None", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData(DataFormat.Folders)]
    [InlineData(DataFormat.Yolo)]
    [InlineData(DataFormat.Voc)]
    [InlineData(DataFormat.Csv)]
    [InlineData(DataFormat.Coco)]
    [InlineData(DataFormat.Manifest)]
    internal void Labels_that_no_folder_can_be_called_like_stay_apart_and_come_back(DataFormat format)
    {
        string[] labels = ["a/b", "a_b", "a\\b", "a%2Fb", "50 %", "100%25", "test", ".hidden", "No.", "who?", "none", "..", "ä 猫"];
        using var source = new SourceFolder();
        var table = new System.Text.StringBuilder("image,split,label\n");
        for (var i = 0; i < labels.Length; i++)
        {
            source.Picture($"{i}.png");
            table.Append(System.Globalization.CultureInfo.InvariantCulture, $"{i}.png,train,{labels[i]}\n");
        }

        source.Text("labels.csv", table.ToString());
        var again = Convert(source, format);
        Assert.Equal(labels.Order(StringComparer.Ordinal), again.Select(i => i.Labels.Single()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Labels_without_splits_come_back_from_folders_as_they_were()
    {
        using var source = new SourceFolder();
        source.Picture("1.png").Picture("2.png").Picture("3.png").Text("labels.csv", "image,label\n1.png,test\n2.png,a/b\n3.png,train\n");
        Assert.Equal(["None a/b ", "None test ", "None train "], Lines(Convert(source, DataFormat.Folders)));
    }

    [Fact]
    public void A_label_that_is_too_long_for_a_folder_is_refused_in_words()
    {
        using var source = new SourceFolder();
        source.Picture("1.png").Text("labels.csv", $"image,label\n1.png,{new string('猫', 100)}\n");
        var refusal = Assert.Throws<Ocellus.Refusals.CommandRefusedException>(() => Convert(source, DataFormat.Folders));
        Assert.Contains("is too long for the name of a folder", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_a_format_cannot_hold_is_refused_and_leaves_nothing()
    {
        using var source = new SourceFolder();
        source.Picture("1.png").Text("labels.csv", "image,label\n1.png,apple\n1.png,pear\n");
        var refusal = Assert.Throws<Ocellus.Refusals.CommandRefusedException>(() => Convert(source, DataFormat.Folders));
        Assert.Equal("1.png has the labels apple, pear, and a folder holds one label an image. --to manifest, coco and csv hold it.", refusal.Message);
        Assert.Equal(["source"], Directory.GetFileSystemEntries(source.Top).Select(Path.GetFileName));
    }

    [Fact]
    public void A_hundred_thousand_pictures_of_one_name_get_names_of_their_own_in_seconds()
    {
        var names = new OutputNames(isByStem: true);
        var all = Enumerable.Range(0, 100_000).Select(_ => names.Unique("images", "1.jpg")).ToList();
        Assert.Equal(["images/1.jpg", "images/1-2.jpg", "images/1-3.jpg"], all.Take(3));
        Assert.Equal("images/1-100000.jpg", all[^1]);
    }

    [Fact]
    public void Names_that_differ_in_case_or_suffix_only_do_not_share_a_file_of_labels()
    {
        var names = new OutputNames(isByStem: true);
        Assert.Equal(["i/a.jpg", "i/A-2.png", "i/b_c.png", "i/_"], new[] { "a.jpg", "A.png", "train/images/b?c.png", " " }.Select(n => names.Unique("i", n)));
    }

    internal static List<LabelledImage> Convert(SourceFolder source, DataFormat format)
    {
        var folder = Path.Combine(source.Top, "out");
        using (var reader = SourceReader.Open(source.Source, new SourceOptions()))
        {
            Conversion.Run(reader, new ConversionPlan(format, folder), null, Cancel);
        }

        var (read, images, findings) = source.Read(folder);
        // Ultralytics has folders for labels of images.
        Assert.Equal(format == DataFormat.Yolo && images[0].Labels.Count > 0 ? DataFormat.Folders : format, read);
        Assert.Empty(SourceFolder.Codes(findings));
        return images;
    }

    /// <summary>What is known about each image, its name apart.</summary>
    private static IEnumerable<string> Lines(IEnumerable<LabelledImage> images) =>
        images.Select(i => $"{i.Split} {string.Join('|', i.Labels.Order(StringComparer.Ordinal))} {string.Join('|', i.Boxes.Select(Text))}")
            .Order(StringComparer.Ordinal);

    private static string Text(ImageBox b) => FormattableString.Invariant($"{b.Label} {b.Left:0.00} {b.Top:0.00} {b.Width:0.00} {b.Height:0.00}");
}
