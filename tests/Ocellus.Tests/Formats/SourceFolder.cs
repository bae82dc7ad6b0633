using System.IO.Compression;
using System.Text;
using NetVips;
using Ocellus.Formats;

namespace Ocellus.Tests.Formats;

/// <summary>A folder of files as a person would bring it, and what is read from it.</summary>
internal sealed class SourceFolder : IDisposable
{
    public string Top { get; } = Directory.CreateTempSubdirectory("ocellus-test-").FullName;

    /// <summary>The source; beside it tests write what they make of it.</summary>
    public string Source => Path.Combine(Top, "source");

    public SourceFolder Text(string name, string text, Encoding? encoding = null) =>
        Bytes(name, [.. (encoding?.GetPreamble() ?? []), .. (encoding ?? new UTF8Encoding(false)).GetBytes(text)]);

    public SourceFolder Bytes(string name, byte[] bytes)
    {
        var path = Path.Combine(Source, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
        return this;
    }

    public SourceFolder Picture(string name, int width = 200, int height = 100) => Bytes(name, TestPng.Solid(width, height, 9, 99, 199));

    /// <summary>A JPEG whose pixels are stored as <paramref name="width"/> × <paramref name="height"/>, and shown as the EXIF orientation says.</summary>
    public SourceFolder Turned(string name, int width, int height, int orientation)
    {
        using var black = Image.Black(width, height, bands: 3);
        using var image = black.Copy(interpretation: Enums.Interpretation.Srgb).Mutate(m => m.Set(GValue.GIntType, "orientation", orientation));
        return Bytes(name, image.JpegsaveBuffer());
    }

    /// <summary>The source as a zip file.</summary>
    public string Zipped()
    {
        var path = Path.Combine(Top, "source.zip");
        ZipFile.CreateFromDirectory(Source, path);
        return path;
    }

    public (DataFormat Format, List<LabelledImage> Images, Findings Findings) Read(string? path = null, SourceOptions? options = null)
    {
        using var reader = SourceReader.Open(path ?? Source, options ?? new SourceOptions());
        return (reader.Format, [.. reader.Read(TestContext.Current.CancellationToken)], reader.Findings);
    }

    public void Dispose() => Directory.Delete(Top, recursive: true);

    /// <summary>The findings as "code at place", those of a kind together.</summary>
    public static string[] Codes(Findings findings) => [.. findings.Groups.SelectMany(g => g.First.Select(f => $"{g.Code} at {f.Place}"))];
}
