using System.Text.Json.Nodes;
using Ocellus.Refusals;

namespace Ocellus.Transfer;

/// <summary>How a project is pulled.</summary>
/// <param name="As">Its name here; null for the same.</param>
/// <param name="Bucket">Bucket here for all pictures; null for buckets of the same names.</param>
/// <param name="Update">Entries that are here with other labels are replaced, and objects that stand in the place of a picture.</param>
/// <param name="Pictures">Pictures are copied too.</param>
/// <param name="Models">Models are brought too, where the other side hands them out.</param>
internal sealed record PullOptions(string? As, string? Bucket, bool Update, bool Pictures, bool Models);

/// <summary>
/// Brings a project of another server here: datasets with their pictures, tags, policies. It reads with documented read operations only. Everything is
/// compared with what is here, so an interrupted run goes on where it was, and another run adds what is new.
/// </summary>
/// <param name="from">The other server.</param>
/// <param name="to">This server.</param>
/// <param name="options">How.</param>
/// <param name="report">Takes progress: what, how many, of how many.</param>
internal sealed class ProjectPull(ServiceClient from, ServiceClient to, PullOptions options, Action<string, int, int> report)
{
    /// <summary>Entries whose pictures are copied together, before their lines are added.</summary>
    private const int WindowEntries = 400;

    private static readonly string[] _types = ["TRAIN", "TEST"];
    private readonly BucketKeeper _buckets = new(to.Objects);

    /// <summary>Buckets that were created here.</summary>
    public IReadOnlyList<string> CreatedBuckets => _buckets.Created;

    /// <summary>Pulls one project.</summary>
    /// <exception cref="ServiceException">A server refused what a pull cannot do without, or does not answer.</exception>
    public async Task<PulledProject> RunAsync(FoundProject source, CancellationToken cancel)
    {
        var name = options.As ?? source.Name;
        var missing = new List<string>();
        var tags = await TagsAsync(source.Arn, "the project", missing, cancel);
        var (project, isNew) = await ProjectFinder.RequireAsync(to, name, tags, cancel);
        var pulled = new PulledProject(name, project.Arn, source.Arn) { Tags = tags.Count };
        pulled.Missing.AddRange(missing);
        if (!isNew && tags.Count > 0)
        {
            await AddTagsAsync(pulled, tags, cancel);
        }

        foreach (var type in _types)
        {
            if (source.Dataset(type) is { } arn)
            {
                await DatasetAsync(pulled, project, type, arn, cancel);
            }
        }

        await new PolicyPull(from, to, options.Update).RunAsync(pulled, source, cancel);
        await new ModelPull(from, to, _buckets, report).RunAsync(pulled, source, options.Models, cancel);
        return pulled;
    }

    /// <summary>Adds the tags that a project here lacks. Those that it has were given by somebody here, and may start and stop its models.</summary>
    private async Task AddTagsAsync(PulledProject pulled, IReadOnlyDictionary<string, string> tags, CancellationToken cancel)
    {
        JsonObject here;
        try
        {
            here = (await to.CallAsync("ListTagsForResource", new JsonObject { ["ResourceArn"] = pulled.Arn }, cancel))["Tags"] as JsonObject ?? [];
        }
        catch (ServiceException refusal) when (refusal.IsDenied)
        {
            pulled.Tags = 0;
            pulled.Missing.Add("The tags of the project, which is here already: the key here may not list its tags (rekognition:ListTagsForResource).");
            return;
        }

        List<string> differing = [.. tags.Where(t => here[t.Key] is { } own && (string?)own != t.Value).Select(t => t.Key).Order(StringComparer.Ordinal)];
        var added = tags.Where(t => here[t.Key] is null || (options.Update && differing.Contains(t.Key))).ToDictionary(t => t.Key, t => t.Value);
        if (added.Count > 0)
        {
            await to.CallAsync("TagResource", new JsonObject { ["ResourceArn"] = pulled.Arn, ["Tags"] = Map(added) }, cancel);
        }

        pulled.Tags = added.Count;
        if (differing.Count > 0 && !options.Update)
        {
            pulled.Missing.Add(
                $"The tags {string.Join(", ", differing)} of the project have other values here than there and were left as they are; --update replaces them.");
        }
    }

    private static JsonObject Map(IReadOnlyDictionary<string, string> tags) => new(tags.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value)));

    /// <summary>The tags of a resource there that a resource here may have.</summary>
    private async Task<IReadOnlyDictionary<string, string>> TagsAsync(string arn, string what, List<string> missing, CancellationToken cancel)
    {
        try
        {
            var answer = await from.CallAsync("ListTagsForResource", new JsonObject { ["ResourceArn"] = arn }, cancel);
            var tags = (answer["Tags"] as JsonObject ?? []).Where(t => t.Value is not null).ToDictionary(t => t.Key, t => (string)t.Value!);
            // AWS sets these itself and lets nobody else do so.
            if (tags.Keys.Where(k => k.StartsWith("aws:", StringComparison.OrdinalIgnoreCase)).ToList() is { Count: > 0 } own)
            {
                missing.Add($"The tags {string.Join(", ", own)} of {what} belong to AWS and stay there.");
                own.ForEach(k => tags.Remove(k));
            }

            return tags;
        }
        catch (ServiceException refusal) when (refusal.IsDenied)
        {
            missing.Add($"The tags of {what}: the key may not read them (rekognition:ListTagsForResource).");
            return new Dictionary<string, string>();
        }
    }

    private async Task DatasetAsync(PulledProject pulled, FoundProject project, string type, string arn, CancellationToken cancel)
    {
        var what = $"{pulled.Name} {type}";
        var described = (await from.CallAsync("DescribeDataset", new JsonObject { ["DatasetArn"] = arn }, cancel))["DatasetDescription"]!;
        var status = (string?)described["Status"] ?? "";
        if (status is not ("CREATE_COMPLETE" or "UPDATE_COMPLETE" or "UPDATE_FAILED"))
        {
            var later = status.EndsWith("IN_PROGRESS", StringComparison.Ordinal) ? "; run this again when that has ended" : "";
            pulled.Missing.Add($"The {type} dataset is {status} there{later}.");
            return;
        }

        report($"{what}: reading what is here", 0, 0);
        var tags = await TagsAsync(arn, $"the {type} dataset", pulled.Missing, cancel);
        var feed = await DatasetFeed.OpenAsync(to, pulled.Arn, type, project.Dataset(type), tags, cancel);
        var result = new PulledDataset(type, feed.Arn);
        pulled.Datasets.Add(result);
        var total = (int?)described["DatasetStats"]?["TotalEntries"] ?? 0;
        var copier = new PictureCopier(from.Objects, to.Objects, options.Update);
        var window = new List<EntryLine>(WindowEntries);
        var unusable = 0;
        await foreach (var node in from.ListAsync(
            "ListDatasetEntries", new JsonObject { ["DatasetArn"] = arn, ["MaxResults"] = 100 }, "DatasetEntries", cancel))
        {
            result.Entries++;
            if (EntryLine.Read((string?)node ?? "") is not { } line)
            {
                unusable++;
                continue;
            }

            window.Add(line);
            if (window.Count == WindowEntries)
            {
                await WindowAsync(window, feed, copier, result, what, total, cancel);
            }
        }

        await WindowAsync(window, feed, copier, result, what, total, cancel);
        var stats = await feed.CompleteAsync(cancel);
        (result.Written, result.Bytes) = (feed.Written, copier.Bytes);
        (result.Total, result.Labels) = ((int?)stats["TotalEntries"] ?? 0, (int?)stats["TotalLabels"] ?? 0);
        Explain(pulled, result, copier, unusable);
    }

    private async Task WindowAsync(
        List<EntryLine> window, DatasetFeed feed, PictureCopier copier, PulledDataset result, string what, int total, CancellationToken cancel)
    {
        var placed = window.ConvertAll(l => options.Bucket is { } bucket ? l.At(bucket, $"{l.Bucket}/{l.Key}") : l);
        var outcomes = new PictureOutcome[window.Count];
        if (options.Pictures)
        {
            foreach (var bucket in placed.Select(l => l.Bucket).Distinct(StringComparer.Ordinal))
            {
                await RequireAsync(bucket, cancel);
            }

            var (began, done) = (result.Entries - window.Count, 0);
            await Parallel.ForEachAsync(
                Enumerable.Range(0, window.Count), new ParallelOptions { MaxDegreeOfParallelism = PictureCopier.Parallel, CancellationToken = cancel },
                async (i, token) =>
                {
                    outcomes[i] = await copier.CopyAsync(window[i].Bucket, window[i].Key, placed[i].Bucket, placed[i].Key, token);
                    report(what, Math.Max(0, began) + Interlocked.Increment(ref done), total);
                });
        }

        for (var i = 0; i < placed.Count; i++)
        {
            result.Pictures += options.Pictures && outcomes[i] == PictureOutcome.Copied ? 1 : 0;
            result.PicturesKept += outcomes[i] == PictureOutcome.Kept ? 1 : 0;
            if (outcomes[i] == PictureOutcome.Taken)
            {
                // Its labels are those of another picture.
                result.Taken++;
                continue;
            }

            if (outcomes[i] == PictureOutcome.Missing)
            {
                // Without its picture an entry would fail every training; its labels stay safe at the source.
                result.WithoutPicture++;
                continue;
            }

            var news = feed.Compare(placed[i]);
            if (news == EntryNews.New || (news == EntryNews.Differs && options.Update))
            {
                await feed.AddAsync(placed[i], cancel);
            }

            result.Differing += news == EntryNews.Differs && !options.Update ? 1 : 0;
        }

        window.Clear();
    }

    private async Task RequireAsync(string bucket, CancellationToken cancel)
    {
        try
        {
            await _buckets.RequireAsync(bucket, cancel);
        }
        catch (ServiceException refusal) when (options.Bucket is null && refusal.Status is 403 or 409 or 400)
        {
            throw new CommandRefusedException(
                $"{refusal.Message.TrimEnd('.')}. Pictures keep the names of their buckets; --bucket NAME puts them all in one of yours.");
        }
    }

    private static void Explain(PulledProject pulled, PulledDataset result, PictureCopier copier, int unusable)
    {
        if (result.WithoutPicture > 0)
        {
            pulled.Missing.Add(
                $"{result.WithoutPicture} pictures of {result.Type}, with their entries: {string.Join(" ", copier.Refusals)} "
                    + "Run this again when they can be read.");
        }

        if (result.Taken > 0)
        {
            pulled.Missing.Add(
                $"{result.Taken} pictures of {result.Type}, with their entries: other objects are here under their names and were left as they are. "
                    + "--bucket NAME puts all pictures into a bucket of their own; --update replaces the objects.");
        }

        if (result.Differing > 0)
        {
            pulled.Missing.Add(
                $"{result.Differing} entries of {result.Type} have other labels here than there and were left as they are; --update replaces them.");
        }

        if (unusable > 0)
        {
            pulled.Missing.Add($"{unusable} entries of {result.Type} have no source-ref in S3.");
        }
    }
}
