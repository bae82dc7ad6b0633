using System.Text.Json.Nodes;
using Ocellus.Formats;
using Ocellus.Formats.Writers;
using Ocellus.Projects;
using Ocellus.Refusals;

namespace Ocellus.Transfer;

/// <summary>
/// Brings datasets of a server to a folder: a manifest for each, and their pictures beside it. A picture that is there is not read again, so an interrupted run
/// goes on where it was.
/// </summary>
/// <param name="client">The server.</param>
/// <param name="folder">The folder.</param>
/// <param name="report">Takes progress: what, how many, of how many.</param>
internal sealed class DatasetDownload(ServiceClient client, string folder, Action<string, int, int> report)
{
    /// <summary>Folder of the pictures below the other one.</summary>
    public const string Pictures = "pictures";

    private const int WindowEntries = 400;

    /// <summary>Refusals that are named; the rest is counted.</summary>
    private const int NamedMax = 5;

    private readonly List<string> _refusals = [];
    private int _done;
    private int _total;

    /// <summary>Entries that were written.</summary>
    public int Entries { get; private set; }

    /// <summary>Bytes of pictures that were read now.</summary>
    public long Bytes { get; private set; }

    /// <summary>Pictures that could not be read.</summary>
    public int WithoutPicture { get; private set; }

    /// <summary>Why, the first few.</summary>
    public IReadOnlyList<string> Refusals => _refusals;

    /// <summary>The datasets that an ARN means: a dataset itself, or those of a project.</summary>
    /// <exception cref="CommandRefusedException">It means none.</exception>
    /// <exception cref="ServiceException">Refused.</exception>
    public static async Task<IReadOnlyList<(string Type, string Arn)>> FindAsync(ServiceClient client, string text, CancellationToken cancel)
    {
        switch (Arn.TryParse(text)?.Kind)
        {
            case ArnKind.Dataset:
                return [(text.Contains("/dataset/test/", StringComparison.Ordinal) ? "TEST" : "TRAIN", text)];
            case ArnKind.Project:
                var project = await ProjectFinder.ListAsync(client, cancel).FirstOrDefaultAsync(p => p.Arn == text, cancel)
                    ?? throw new CommandRefusedException($"{client.Endpoint.Name} has no project {text} in {client.Endpoint.Region}.");
                List<(string, string)> sets = [];
                sets.AddRange(project.Train is { } train ? [("TRAIN", train)] : []);
                sets.AddRange(project.Test is { } test ? [("TEST", test)] : []);
                return sets.Count > 0 ? sets : throw new CommandRefusedException($"The project {text} has no datasets.");
            default:
                throw new CommandRefusedException(
                    $"{text} is not the ARN of a dataset, which has /dataset/train/ or /dataset/test/ in it, nor that of a project.");
        }
    }

    /// <summary>Brings one dataset.</summary>
    /// <exception cref="CommandRefusedException">It is being changed, or was never created.</exception>
    /// <exception cref="ServiceException">Refused.</exception>
    public async Task RunAsync(string type, string arn, bool withPictures, CancellationToken cancel)
    {
        var described = (await client.CallAsync("DescribeDataset", new JsonObject { ["DatasetArn"] = arn }, cancel))["DatasetDescription"]!;
        if ((string?)described["Status"] is not ("CREATE_COMPLETE" or "UPDATE_COMPLETE" or "UPDATE_FAILED"))
        {
            throw new CommandRefusedException($"The dataset {arn} is {described["Status"]}; run this again when that has ended.");
        }

        _total += (int?)described["DatasetStats"]?["TotalEntries"] ?? 0;
        Directory.CreateDirectory(Path.Combine(folder, Pictures));
        await using var manifest = new StreamWriter(Path.Combine(folder, ManifestWriter.FileOf(type == "TEST" ? Split.Test : Split.Train)));
        manifest.NewLine = "\n";
        var window = new List<EntryLine>(WindowEntries);
        await foreach (var node in client.ListAsync(
            "ListDatasetEntries", new JsonObject { ["DatasetArn"] = arn, ["MaxResults"] = 100 }, "DatasetEntries", cancel))
        {
            if (EntryLine.Read((string?)node ?? "") is { } line)
            {
                window.Add(line);
            }

            if (window.Count == WindowEntries)
            {
                await WindowAsync(window, manifest, withPictures, cancel);
            }
        }

        await WindowAsync(window, manifest, withPictures, cancel);
    }

    private async Task WindowAsync(List<EntryLine> window, TextWriter manifest, bool withPictures, CancellationToken cancel)
    {
        // The bucket is part of the name, and no name leads out of the folder.
        var names = window.ConvertAll(l => PictureFiles.NameOf(l.Bucket, l.Key));
        var there = new string?[window.Count];
        if (withPictures)
        {
            await Parallel.ForEachAsync(
                Enumerable.Range(0, window.Count), new ParallelOptions { MaxDegreeOfParallelism = PictureCopier.Parallel, CancellationToken = cancel },
                async (i, token) =>
                {
                    there[i] = await FetchAsync(window[i], names[i], token);
                    report("Pictures", Interlocked.Increment(ref _done), _total);
                });
        }

        for (var i = 0; i < window.Count; i++)
        {
            if ((withPictures ? there[i] : ObjectKeys.Of(window[i].Bucket, window[i].Key)) is { } name)
            {
                await manifest.WriteLineAsync(window[i].At("dataset", name).Text.AsMemory(), cancel);
                Entries++;
            }
        }

        window.Clear();
    }

    /// <summary>Fetches a picture that is not there yet; the name under which it is, or null if it cannot be read.</summary>
    private async Task<string?> FetchAsync(EntryLine line, string name, CancellationToken cancel)
    {
        var file = Path.GetFullPath(Path.Combine(folder, Pictures, name));
        if (PictureFiles.Suffixes(name).FirstOrDefault(s => File.Exists(file + s)) is { } known)
        {
            return name + known;
        }

        try
        {
            var (content, _, _) = (await client.Objects.GetAsync(line.Bucket, line.Key, null, PictureCopier.BytesMax, cancel))!.Value;
            var suffix = PictureFiles.SuffixOf(name, content);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            // Renamed into place: what is there is whole.
            await File.WriteAllBytesAsync(file + ".part", content, cancel);
            File.Move(file + ".part", file + suffix, overwrite: true);
            lock (_refusals)
            {
                Bytes += content.Length;
            }

            return name + suffix;
        }
        catch (ServiceException refusal) when (refusal.IsDenied || refusal.IsMissing || refusal.Code == "TooLarge")
        {
            lock (_refusals)
            {
                WithoutPicture++;
                if (_refusals.Count < NamedMax)
                {
                    _refusals.Add(refusal.Message);
                }
            }

            return null;
        }
    }
}
