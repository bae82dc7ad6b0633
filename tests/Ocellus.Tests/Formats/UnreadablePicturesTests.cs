using Ocellus.Formats;
using Ocellus.Refusals;

namespace Ocellus.Tests.Formats;

/// <summary>Pictures that cannot be read are told, and the others are converted.</summary>
public sealed class UnreadablePicturesTests
{
    [Theory]
    [InlineData("folders")]
    [InlineData("csv")]
    public async Task A_pipe_that_is_named_like_a_picture_is_never_waited_for(string kind)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "there are no such pipes there");
        using var source = new SourceFolder();
        source.Picture("rose/1.png").Bytes("rose/2.png", []);
        if (kind == "csv")
        {
            source.Text("labels.csv", "image,label,x1,y1,x2,y2\nrose/1.png,rose,1,2,30,40\nrose/2.png,rose,1,2,30,40\nrose/pipe.png,rose,1,2,30,40\n");
        }

        using (var made = System.Diagnostics.Process.Start("mkfifo", Path.Combine(source.Source, "rose", "pipe.png")))
        {
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        // Not for ever in the test either: a writer would let a reader go on.
        var (result, findings) = await Task.Run(
            () =>
            {
                using var reader = SourceReader.Open(source.Source, new SourceOptions());
                var plan = new ConversionPlan(DataFormat.Csv, Path.Combine(source.Top, "out"));
                return (Conversion.Run(reader, plan, null, TestContext.Current.CancellationToken), reader.Findings);
            },
            TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
        Assert.Equal((1, 2), (result.ImageCount, result.LeftOut));
        Assert.Equal(["unreadable-picture at rose/2.png", "unreadable-picture at rose/pipe.png"], SourceFolder.Codes(findings));
        Assert.EndsWith("is empty, or is no regular file.", findings.Groups[0].First[1].Words, StringComparison.Ordinal);
        var refusal = Assert.Throws<CommandRefusedException>(() => source.Read(Path.Combine(source.Source, "rose", "pipe.png")));
        Assert.EndsWith("is empty, or is no regular file.", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_picture_that_cannot_be_read_is_told_and_the_others_are_converted_from_folder_and_archive_alike(bool zipped)
    {
        using var source = new SourceFolder();
        source.Picture("rose/1.png").Bytes("rose/2.png", new byte[500]).Picture("rose/3.png");
        var path = source.Source;
        if (zipped)
        {
            path = Damaged(source.Zipped());
        }
        else
        {
            // Rights do not keep root from reading; nobody can read what is not there.
            source.Bytes("rose/2.png", []);
        }

        using var reader = SourceReader.Open(path, new SourceOptions());
        var result = Conversion.Run(
            reader, new ConversionPlan(DataFormat.Folders, Path.Combine(source.Top, "out")), null, TestContext.Current.CancellationToken);
        Assert.Equal((2, 1), (result.ImageCount, result.LeftOut));
        Assert.Equal(["unreadable-picture at rose/2.png"], SourceFolder.Codes(reader.Findings));
        Assert.Equal(["1.png", "3.png"], Directory.GetFiles(Path.Combine(source.Top, "out", "rose")).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void A_picture_that_vanishes_while_a_folder_is_converted_is_told()
    {
        using var source = new SourceFolder();
        source.Picture("rose/1.png").Picture("rose/2.png");
        using var reader = SourceReader.Open(source.Source, new SourceOptions());
        Assert.Equal(2, reader.PictureCount);
        File.Delete(Path.Combine(source.Source, "rose", "1.png"));
        var result = Conversion.Run(
            reader, new ConversionPlan(DataFormat.Folders, Path.Combine(source.Top, "out")), null, TestContext.Current.CancellationToken);
        Assert.Equal((1, 1), (result.ImageCount, result.LeftOut));
        Assert.Equal(["unreadable-picture at rose/1.png"], SourceFolder.Codes(reader.Findings));
    }

    /// <summary>The archive with other bytes where the packed bytes of a member are.</summary>
    private static string Damaged(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var at = bytes.AsSpan().IndexOf("rose/2.png"u8);
        Array.Fill(bytes, (byte)0xFF, at + 10, 8);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
