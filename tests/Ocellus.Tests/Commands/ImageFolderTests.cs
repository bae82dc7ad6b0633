using Ocellus.Commands;

namespace Ocellus.Tests.Commands;

public sealed class ImageFolderTests : IDisposable
{
    private readonly string _top = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    private string Root => Path.Combine(_top, "images");

    public void Dispose() => Directory.Delete(_top, recursive: true);

    [Fact]
    public void The_whole_key_comes_first_then_the_bucket_then_shorter_ends()
    {
        var folder = new ImageFolder(Root);
        Assert.Null(folder.Find("bucket", "a/b/c.jpg"));
        Assert.Equal(Path.Combine(Root, "a/b/c.jpg"), folder.LookedFor("bucket", "a/b/c.jpg"));
        foreach (var file in new[] { "c.jpg", "b/c.jpg", "bucket/a/b/c.jpg", "a/b/c.jpg" })
        {
            var path = Make(file);
            Assert.Equal(path, folder.Find("bucket", "a/b/c.jpg"));
        }
    }

    [Theory]
    [InlineData("bucket", "../secret.jpg")]
    [InlineData("bucket", "a/../../secret.jpg")]
    [InlineData("..", "secret.jpg")]
    [InlineData("bucket", "./secret.jpg")]
    [InlineData("bucket", "a//secret.jpg")]
    [InlineData("bucket", "/secret.jpg")]
    [InlineData("bucket", "..\\secret.jpg")]
    [InlineData("bucket", "secret.jpg\0")]
    [InlineData("bucket", "..")]
    [InlineData("bucket", "")]
    public void Nothing_outside_the_folder_is_ever_named(string bucket, string key)
    {
        Directory.CreateDirectory(Path.Combine(Root, "a"));
        File.WriteAllText(Path.Combine(_top, "secret.jpg"), "");
        Assert.Null(new ImageFolder(Root).Find(bucket, key));
        Assert.DoesNotContain("..", new ImageFolder(Root).LookedFor(bucket, key) ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_whose_name_begins_alike_is_not_the_folder()
    {
        Directory.CreateDirectory(Root);
        Directory.CreateDirectory(Root + "-other");
        File.WriteAllText(Path.Combine(Root + "-other", "a.jpg"), "");
        Assert.Null(new ImageFolder(Root).Find("images-other", "a.jpg"));
    }

    [Fact]
    public void A_folder_is_no_image()
    {
        Directory.CreateDirectory(Path.Combine(Root, "a.jpg"));
        Assert.Null(new ImageFolder(Root).Find("bucket", "a.jpg"));
    }

    private string Make(string file)
    {
        var path = Path.Combine(Root, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "");
        return path;
    }
}
