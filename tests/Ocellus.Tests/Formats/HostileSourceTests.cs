using System.IO.Compression;
using System.Text;
using Ocellus.Formats;
using Ocellus.Refusals;

namespace Ocellus.Tests.Formats;

public sealed class HostileSourceTests
{
    [Fact]
    public void A_zip_file_is_read_as_the_folder_that_it_holds()
    {
        using var source = new SourceFolder();
        source.Picture("flowers/rose/1.png").Picture("flowers/tulip/2.png").Text("__MACOSX/flowers/._1.png", "x");
        var path = source.Zipped();
        using var reader = SourceReader.Open(path, new SourceOptions { ReadsSizes = true });
        var images = reader.Read(TestContext.Current.CancellationToken).ToList();
        Assert.Equal(["flowers/rose/1.png rose 200", "flowers/tulip/2.png tulip 200"], images.Select(i => $"{i.Name} {i.Labels[0]} {i.Width}"));
        using var copy = new MemoryStream();
        images[1].OpenRead().CopyTo(copy);
        Assert.Equal(TestPng.Solid(200, 100, 9, 99, 199), copy.ToArray());
    }

    [Fact]
    public void Members_that_lead_out_of_an_archive_and_links_in_it_are_not_read()
    {
        using var source = new SourceFolder();
        var path = Path.Combine(source.Top, "a.zip");
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            foreach (var name in new[] { "ok/rose/1.png", "../rose/2.png", "/rose/3.png", "C:\\rose\\4.png", "ok\\rose\\5.png", "ok/rose/link.png" })
            {
                var entry = zip.CreateEntry(name);
                entry.ExternalAttributes = name.EndsWith("link.png", StringComparison.Ordinal) ? unchecked((int)(0xA1FFu << 16)) : 0;
                using var stream = entry.Open();
                stream.Write("/etc/passwd"u8);
            }
        }

        var (_, images, findings) = source.Read(path);
        Assert.Equal(["ok/rose/1.png", "ok/rose/5.png"], images.Select(i => i.Name));
        Assert.Equal(4, Assert.Single(findings.Groups, g => g.Code == "leads-out").Count);
    }

    [Fact]
    public void A_zip_bomb_is_refused_before_it_is_unpacked()
    {
        using var source = new SourceFolder();
        var path = Path.Combine(source.Top, "bomb.zip");
        using (var zip = ZipFile.Open(path, ZipArchiveMode.Create))
        {
            using var stream = zip.CreateEntry("instances.json", CompressionLevel.SmallestSize).Open();
            stream.Write("{\"images\": [{\"id\": 1, \"file_name\": \""u8);
            var blanks = new byte[1 << 20];
            Array.Fill(blanks, (byte)' ');
            for (var i = 0; i < 50; i++)
            {
                stream.Write(blanks);
            }
        }

        var refusal = Assert.Throws<CommandRefusedException>(() => source.Read(path));
        Assert.DoesNotContain("instances.json is", refusal.Message, StringComparison.Ordinal);
        Assert.True(new FileInfo(path).Length < 100_000);
        // One that is packed no better than labels are is bounded by what a record may have.
        using var tree = new ZipTree(path, SourceLimits.Default);
        Assert.Contains("would be 52,42", Assert.Throws<InvalidDataException>(() => tree.Open("instances.json")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_that_would_fill_the_memory_is_refused()
    {
        using var source = new SourceFolder();
        source.Text("instances.json", "{\"images\": [{\"id\": 1, \"file_name\": \"" + new string('a', 3_000_000) + "\"}]}");
        var options = new SourceOptions { Limits = SourceLimits.Default with { RecordBytesMax = 1 << 20 } };
        Assert.Contains("has more than 1,048,576 bytes", Assert.Throws<InvalidDataException>(() => source.Read(options: options)).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<image name=\"1.png\"><box label=\"{0}\"/></image>")]
    [InlineData("<image name=\"1.png\">{1}</image>")]
    [InlineData("{2}")]
    public void An_image_of_CVAT_that_would_fill_the_memory_is_refused(string form)
    {
        using var source = new SourceFolder();
        var text = string.Format(
            System.Globalization.CultureInfo.InvariantCulture, form, new string('a', 3_000_000),
            string.Concat(Enumerable.Repeat("<box label=\"a\" xtl=\"1\" ytl=\"1\" xbr=\"2\" ybr=\"2\"/>", 60_000)),
            string.Concat(Enumerable.Repeat("<a>", 1_000_000)));
        source.Text("annotations.xml", $"<annotations><image name=\"0.png\"/>{text}</annotations>");
        var options = new SourceOptions { Limits = SourceLimits.Default with { RecordBytesMax = 1 << 20 } };
        Assert.Contains("has more than 1,048,576 characters", Assert.Throws<InvalidDataException>(() => source.Read(options: options)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Many_images_of_CVAT_in_one_document_are_no_harm()
    {
        using var source = new SourceFolder();
        source.Text(
            "annotations.xml",
            $"<annotations>{string.Concat(Enumerable.Range(0, 60_000).Select(i => $"<image name=\"{i}.png\" width=\"9\" height=\"9\"/>"))}</annotations>");
        var options = new SourceOptions { Limits = SourceLimits.Default with { RecordBytesMax = 1 << 20 } };
        Assert.Equal(60_000, source.Read(options: options).Images.Count);
    }

    [Fact]
    public void Categories_and_labels_without_end_are_refused()
    {
        using var source = new SourceFolder();
        var options = new SourceOptions { Limits = SourceLimits.Default with { LabelsMax = 10 } };
        var categories = string.Join(',', Enumerable.Range(0, 11).Select(i => $"{{\"id\": {i}, \"name\": \"{i}\"}}"));
        source.Text("instances.json", $"{{\"images\": [{{\"id\": 1, \"file_name\": \"a.png\"}}], \"categories\": [{categories}]}}");
        var refusal = Assert.Throws<CommandRefusedException>(() => source.Read(options: options));
        Assert.Contains("more than 10 categories", refusal.Message, StringComparison.Ordinal);
        File.Delete(Path.Combine(source.Source, "instances.json"));
        source.Text(
            "annotations.xml",
            $"<annotations><meta><task><labels>{string.Concat(Enumerable.Range(0, 11).Select(i => $"<label><name>{i}</name></label>"))}</labels></task></meta>"
                + "<image name=\"a.png\"/></annotations>");
        Assert.Contains("more than 10 labels", Assert.Throws<CommandRefusedException>(() => source.Read(options: options)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Links_out_of_a_folder_are_not_followed_and_links_in_it_are()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "links need rights there");
        using var source = new SourceFolder();
        source.Picture("rose/1.png").Picture("tulip/2.png");
        File.CreateSymbolicLink(Path.Combine(source.Source, "rose", "passwd.png"), "/etc/passwd");
        File.CreateSymbolicLink(Path.Combine(source.Source, "rose", "3.png"), Path.Combine(source.Source, "tulip", "2.png"));
        Directory.CreateSymbolicLink(Path.Combine(source.Source, "etc"), "/etc");
        Directory.CreateSymbolicLink(Path.Combine(source.Source, "rose", "round"), source.Source);
        var (_, images, findings) = source.Read();
        Assert.Equal(["rose/1.png", "rose/3.png", "tulip/2.png"], images.Select(i => i.Name));
        Assert.Equal(["link-outside at etc", "link-outside at rose/passwd.png", "link-outside at rose/round"], SourceFolder.Codes(findings));
    }

    [Theory]
    [InlineData("../../secret.png")]
    [InlineData("..\\..\\secret.png")]
    [InlineData("/etc/secret.png")]
    [InlineData("file:///etc/secret.png")]
    [InlineData("http://127.0.0.1:1/secret.png")]
    public void A_name_never_leads_out_of_the_source_and_nothing_is_fetched(string name)
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Picture("../secret.png").Text("deep/labels.csv", $"image,label\n{name},x\n");
        var image = Assert.Single(source.Read().Images);
        Assert.Null(image.Picture);
        Assert.DoesNotContain("..", image.Name, StringComparison.Ordinal);
        Assert.False(Path.IsPathRooted(image.Name));
    }

    [Fact]
    public void XML_with_a_document_type_is_named_and_fetches_nothing()
    {
        using var source = new SourceFolder();
        source.Picture("a.png")
            .Text("a.xml", "<!DOCTYPE annotation [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><annotation><filename>&x;</filename></annotation>");
        var (_, images, findings) = source.Read();
        Assert.Empty(images);
        Assert.Equal(["bad-xml at a.xml"], SourceFolder.Codes(findings));
    }

    [Theory]
    [InlineData("names:\n  a: &a [x, x, x]\n  b: *a\n", "is no class")]
    [InlineData("names: [", "data.yaml:")]
    [InlineData("names: {deep}", "nested more than 16 levels")]
    [InlineData("names:\nother: 1\n", "add names")]
    public void YAML_that_is_not_what_it_should_be_is_refused(string yaml, string message)
    {
        using var source = new SourceFolder();
        source.Picture("a.png").Text("data.yaml", yaml.Replace("{deep}", new string('[', 100_000), StringComparison.Ordinal));
        Assert.Contains(message, Assert.Throws<CommandRefusedException>(() => source.Read()).Message, StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void JSON_that_is_nested_too_deep_is_refused()
    {
        using var source = new SourceFolder();
        source.Text("instances.json", "{\"images\": [{\"id\": 1, \"file_name\": \"a.png\"}], \"x\": " + new string('[', 100_000));
        Assert.Contains("not valid JSON", Assert.Throws<InvalidDataException>(() => source.Read()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_source_of_too_many_files_labels_or_levels_is_refused_or_cut()
    {
        using var source = new SourceFolder();
        source.Picture("a/1.png").Picture("b/1.png").Picture("c/1.png").Picture("d/e/f/g/1.png");
        var limits = SourceLimits.Default;
        Assert.Contains(
            "more than 2 files", Assert.Throws<CommandRefusedException>(() => source.Read(options: new() { Limits = limits with { FilesMax = 2 } })).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "more than 2 different labels",
            Assert.Throws<CommandRefusedException>(() => source.Read(options: new() { Limits = limits with { LabelsMax = 2 } })).Message,
            StringComparison.Ordinal);
        var (_, images, findings) = source.Read(options: new() { Limits = limits with { DepthMax = 2 } });
        Assert.Equal(3, images.Count);
        Assert.Equal(["too-deep at d/e/f/"], SourceFolder.Codes(findings));
    }

    [Fact]
    public void Findings_are_counted_and_only_the_first_are_kept()
    {
        var findings = new Findings(keptMax: 3);
        for (var i = 1; i <= 1000; i++)
        {
            findings.Error("bad-line", new("a.txt", i), "It is bad.", "Make it good.");
        }

        findings.Warn("odd", new("a.txt"), "It is odd.", "Make it even.");
        Assert.Equal((1000, 1), (findings.Errors, findings.Warnings));
        Assert.Equal([("bad-line", 1000L, 3), ("odd", 1L, 1)], findings.Groups.Select(g => (g.Code, g.Count, g.First.Count)));
    }

    [Fact]
    public void A_hundred_thousand_names_in_one_folder_take_little_memory()
    {
        using var source = new SourceFolder();
        var folder = Directory.CreateDirectory(Path.Combine(source.Source, "rose")).FullName;
        for (var i = 0; i < 100_000; i++)
        {
            File.Create(Path.Combine(folder, $"{i}.jpg")).Dispose();
        }

        using var reader = SourceReader.Open(source.Source, new SourceOptions());
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var count = reader.Read(TestContext.Current.CancellationToken).Count(i => i.Labels[0] == "rose");
        Assert.Equal(100_000, count);
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, 64 << 20);
    }
}
