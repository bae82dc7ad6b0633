using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Datasets.Manifests;
using Ocellus.Formats;
using Ocellus.Refusals;

namespace Ocellus.Commands;

/// <summary>The images that <c>evaluate</c> tests with: of a source in any format, or of a manifest and a folder.</summary>
/// <param name="source">The source; null for a manifest.</param>
/// <param name="options">How it is read; also the folder of a manifest's images.</param>
/// <param name="fetch">Fetches pictures behind addresses.</param>
/// <param name="manifest">The manifest; null for a source.</param>
internal sealed class TestedImages(string? source, SourceOptions options, bool fetch, string? manifest) : IDisposable
{
    private const int FindingsShown = 3;

    private string? _unpacked;

    /// <summary>What a person named.</summary>
    public string Name => source ?? manifest!;

    /// <summary>Checks what can be checked before a model is loaded.</summary>
    /// <exception cref="CommandRefusedException">There is no manifest or no folder.</exception>
    public void Check()
    {
        if (manifest is null)
        {
            return;
        }

        ManifestFile.Check(manifest);
        if (!Directory.Exists(options.Images))
        {
            throw new CommandRefusedException($"There is no folder {options.Images}; --images names the folder of the images.");
        }
    }

    /// <summary>The lines to test with and the file of each, and what was left out.</summary>
    /// <param name="isKnown">Whether the model knows a label of a line.</param>
    /// <param name="terminal">Is told what the source is and what is wrong with it.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="CommandRefusedException">It cannot be read, or more than a fifth of the images are missing.</exception>
    public async Task<(List<(ParsedLine Line, string File)> Lines, LeftOut Left)> ReadAsync(
        Func<ParsedLine, bool> isKnown, Terminal terminal, CancellationToken cancel)
    {
        if (manifest is null)
        {
            return await ReadSourceAsync(isKnown, terminal, cancel);
        }

        var images = new ImageFolder(options.Images!);
        var lines = new List<(ParsedLine, string)>();
        var left = new LeftOut();
        await using var stream = File.OpenRead(manifest);
        await foreach (var line in ManifestReader.ParseAsync(stream, cancel))
        {
            TextFile.Check(manifest, line);
            if (!line.IsUsable)
            {
                left.Unusable++;
            }
            else if (!isKnown(line))
            {
                left.Unknown++;
            }
            else if (images.Find(line.Bucket, line.Key) is not { } file)
            {
                left.Missing.Add((line.SourceRef, images.LookedFor(line.Bucket, line.Key)));
            }
            else
            {
                lines.Add((line, file));
            }
        }

        new MissingImages(lines.Count + left.Missing.Count, left.Missing).Check(manifest, options.Images!);
        return (lines, left);
    }

    /// <summary>Which files of a manifest's images were looked for; null for a source, whose findings have told it.</summary>
    public string? Sentence(IReadOnlyList<(string Ref, string? Path)> missing, int found) =>
        manifest is null ? null : new MissingImages(found + missing.Count, missing).Sentence(options.Images!);

    public void Dispose()
    {
        if (_unpacked is not null)
        {
            Directory.Delete(_unpacked, recursive: true);
        }
    }

    private async Task<(List<(ParsedLine Line, string File)> Lines, LeftOut Left)> ReadSourceAsync(
        Func<ParsedLine, bool> isKnown, Terminal terminal, CancellationToken cancel)
    {
        using var reader = await SourceOpening.OpenAsync(source!, options, fetch, terminal, cancel);
        var written = new SourceManifest(reader);
        var all = await Task.Run(() => written.Lines(cancel).ToList(), cancel);
        var split = new[] { Split.Test, Split.Validation }.FirstOrDefault(s => all.Exists(l => l.Image.Split == s));
        if (split != Split.None)
        {
            terminal.Remark(string.Create(
                CultureInfo.InvariantCulture,
                $"Tested with the {all.Count(l => l.Image.Split == split):N0} of {all.Count:N0} images that are for "
                    + $"{(split == Split.Test ? "testing" : "validation")}."));
            all.RemoveAll(l => l.Image.Split != split);
        }

        var left = new LeftOut { Unusable = written.Unlabelled };
        var lines = new List<(ParsedLine, string)>();
        foreach (var line in all)
        {
            cancel.ThrowIfCancellationRequested();
            var parsed = LineParser.Parse(new ManifestLine(lines.Count + 1, line.Text, TooLong: false));
            if (!parsed.IsUsable)
            {
                left.Unusable++;
            }
            else if (!isKnown(parsed))
            {
                left.Unknown++;
            }
            else if (FileOf(line.Image, lines.Count, reader.Findings) is not { } file)
            {
                left.Missing.Add((line.Ref, line.Image.Picture?.PathOnDisk ?? line.Image.Name));
            }
            else
            {
                lines.Add((parsed, file));
            }
        }

        foreach (var text in FindingLines.Of(reader.Findings.Groups, FindingsShown))
        {
            terminal.Remark(text);
        }

        return left.Missing.Count * MissingImages.Share <= lines.Count + left.Missing.Count ? (lines, left) : throw new CommandRefusedException(
            $"{left.Missing.Count} of {lines.Count + left.Missing.Count} pictures of {source} are not there, such as {left.Missing[0].Path}: more than a "
                + "fifth. Put them into the source, or name their folder with --images.");
    }

    /// <summary>The picture's own file, or a copy of a member of an archive; null if it is not there, or cannot be read.</summary>
    private string? FileOf(LabelledImage image, int number, Findings findings)
    {
        if (image.Picture is null || image.IsUnreadable)
        {
            return null;
        }

        if (image.Picture.PathOnDisk is { } path)
        {
            return path;
        }

        _unpacked ??= Directory.CreateTempSubdirectory("ocellus-evaluate-").FullName;
        // Drawings and messages name a picture by the end of its path.
        var file = Path.Combine(_unpacked, string.Create(CultureInfo.InvariantCulture, $"{number:D6}"), image.Picture.BaseName);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        if (SourceManifest.Unpack(image, file) is not { } refusal)
        {
            return file;
        }

        findings.Error("unreadable-picture", new(image.Picture.Name), refusal, "Save it again as JPEG or PNG, or remove it.");
        return null;
    }
}

/// <summary>Lines left out of the metrics, by reason.</summary>
internal sealed record LeftOut
{
    public int Unusable { get; set; }

    public int Unknown { get; set; }

    public List<(string Ref, string? Path)> Missing { get; } = [];

    public int Refused { get; set; }

    public bool Any => Unusable + Unknown + Missing.Count + Refused > 0;

    public JsonObject Json() =>
        new() { ["unusableLines"] = Unusable, ["unknownLabels"] = Unknown, ["missingPictures"] = Missing.Count, ["refusedPictures"] = Refused };

    public override string ToString() => string.Join(", ", new[]
    {
        Count(Unusable, "without a usable label"), Count(Unknown, "with labels that the model does not know"),
        Count(Missing.Count, "that are not in the folder"), Count(Refused, "that cannot be read"),
    }.OfType<string>());

    private static string? Count(int images, string what) =>
        images == 0 ? null : string.Create(CultureInfo.InvariantCulture, $"{images} image{(images == 1 ? "" : "s")} {what}");
}
