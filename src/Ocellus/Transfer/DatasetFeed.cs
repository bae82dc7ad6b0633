using System.Text;
using System.Text.Json.Nodes;
using Ocellus.Refusals;

namespace Ocellus.Transfer;

/// <summary>What a line is to a dataset.</summary>
internal enum EntryNews
{
    New,

    /// <summary>The dataset has the image with the same labels.</summary>
    Known,

    /// <summary>The dataset has the image with other labels.</summary>
    Differs,
}

/// <summary>
/// A dataset that lines are added to, through the API: they are collected to updates of some megabytes, and each waits for the one before it. One that is
/// interrupted leaves whole updates behind, so that a second run adds the rest.
/// </summary>
internal sealed class DatasetFeed
{
    /// <summary>Bytes of an update: the API takes 5 MB.</summary>
    private const int UpdateBytes = 4 * 1024 * 1024;

    /// <summary>Lines of an update: each counts the dataset anew, and what an interruption loses should be little.</summary>
    private const int UpdateLines = 5000;

    /// <summary>How long another's job on the dataset is waited for.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(10);

    private static readonly TimeSpan _pollFirst = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan _pollMax = TimeSpan.FromSeconds(2);

    private readonly ServiceClient _client;
    private readonly StringBuilder _pending = new();
    private readonly Dictionary<string, ulong> _known = new(StringComparer.Ordinal);
    private int _pendingLines;
    private int _pendingBytes;

    private DatasetFeed(ServiceClient client, string arn, string type) => (_client, Arn, Type) = (client, arn, type);

    public string Arn { get; }

    /// <summary>TRAIN or TEST.</summary>
    public string Type { get; }

    /// <summary>Lines that were added or replaced.</summary>
    public int Written { get; private set; }

    /// <summary>Whether the entries that were there have boxes; null if none has a label.</summary>
    public bool? HasBoxes { get; private set; }

    /// <summary>The bucket of the first image that was there; null for none. A training takes images of one bucket.</summary>
    public string? Bucket { get; private set; }

    /// <summary>Creates the dataset if the project lacks it, waits until nothing changes it, and reads what it has.</summary>
    /// <exception cref="CommandRefusedException">It is in a state that takes no entries.</exception>
    /// <exception cref="ServiceException">Refused.</exception>
    public static async Task<DatasetFeed> OpenAsync(
        ServiceClient client, string project, string type, string? existing, IReadOnlyDictionary<string, string>? tags, CancellationToken cancel)
    {
        var arn = existing;
        if (arn is null)
        {
            var request = new JsonObject { ["ProjectArn"] = project, ["DatasetType"] = type };
            if (tags is { Count: > 0 })
            {
                request["Tags"] = new JsonObject(tags.Select(t => KeyValuePair.Create(t.Key, (JsonNode?)t.Value)));
            }

            arn = (string)(await client.CallAsync("CreateDataset", request, cancel))["DatasetArn"]!;
        }

        var feed = new DatasetFeed(client, arn, type);
        await feed.RestAsync(cancel);
        if (existing is not null)
        {
            await foreach (var node in client.ListAsync(
                "ListDatasetEntries", new JsonObject { ["DatasetArn"] = arn, ["MaxResults"] = 100 }, "DatasetEntries", cancel))
            {
                if (EntryLine.Read((string)node!) is { } line)
                {
                    feed._known[line.SourceRef] = EntryLine.Digest(line.Meaning);
                    feed.Bucket ??= line.Bucket;
                    feed.HasBoxes ??= line.HasBoxes ? true : line.HasLabels ? false : null;
                }
            }
        }

        return feed;
    }

    /// <summary>What a line is to the dataset, as it was when it was opened, with what was added since.</summary>
    public EntryNews Compare(EntryLine line) =>
        !_known.TryGetValue(line.SourceRef, out var digest) ? EntryNews.New
        : digest == EntryLine.Digest(line.Meaning) ? EntryNews.Known
        : EntryNews.Differs;

    /// <summary>Whether the dataset has an entry of an image.</summary>
    public bool Has(string sourceRef) => _known.ContainsKey(sourceRef);

    /// <summary>Adds a line, or replaces that of the same image.</summary>
    public async Task AddAsync(EntryLine line, CancellationToken cancel)
    {
        var bytes = Encoding.UTF8.GetByteCount(line.Text) + 1;
        if (_pendingLines == UpdateLines || _pendingBytes + bytes > UpdateBytes)
        {
            await FlushAsync(cancel);
        }

        _pending.Append(line.Text).Append('\n');
        _pendingLines++;
        _pendingBytes += bytes;
        _known[line.SourceRef] = EntryLine.Digest(line.Meaning);
    }

    /// <summary>Sends what is collected. The server may still be at work on it afterwards.</summary>
    public async Task FlushAsync(CancellationToken cancel)
    {
        if (_pendingLines == 0)
        {
            return;
        }

        var request = new JsonObject
        {
            ["DatasetArn"] = Arn,
            ["Changes"] = new JsonObject { ["GroundTruth"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(_pending.ToString())) },
        };
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            await RestAsync(cancel);
            try
            {
                await _client.CallAsync("UpdateDatasetEntries", (JsonObject)request.DeepClone(), cancel);
                break;
            }
            catch (ServiceException busy) when (busy.IsBusy && TimeProvider.System.GetElapsedTime(began) < _patience)
            {
                // Somebody else's job came first.
            }
        }

        Written += _pendingLines;
        _pending.Clear();
        (_pendingLines, _pendingBytes) = (0, 0);
        _isOwn = true;
    }

    /// <summary>Sends what is left and waits until the dataset has it.</summary>
    /// <returns>The dataset's <c>DatasetStats</c>.</returns>
    public async Task<JsonNode> CompleteAsync(CancellationToken cancel)
    {
        await FlushAsync(cancel);
        return (await RestAsync(cancel))["DatasetStats"]!;
    }

    private bool _isOwn;

    /// <summary>Waits until no job is at work on the dataset.</summary>
    private async Task<JsonNode> RestAsync(CancellationToken cancel)
    {
        var began = TimeProvider.System.GetTimestamp();
        for (var delay = _pollFirst; ; delay = delay * 2 < _pollMax ? delay * 2 : _pollMax)
        {
            var found = (await _client.CallAsync("DescribeDataset", new JsonObject { ["DatasetArn"] = Arn }, cancel))["DatasetDescription"]!;
            switch ((string)found["Status"]!)
            {
                case "CREATE_COMPLETE" or "UPDATE_COMPLETE":
                case "UPDATE_FAILED" when !_isOwn:
                    _isOwn = false;
                    return found;
                case "UPDATE_FAILED":
                    throw new CommandRefusedException($"The {Type} dataset did not take the entries: {found["StatusMessage"]}");
                case "CREATE_FAILED":
                    throw new CommandRefusedException(
                        $"The {Type} dataset {Arn} is CREATE_FAILED ({found["StatusMessage"]}); delete it, and then run this again.");
                case var status when TimeProvider.System.GetElapsedTime(began) > _patience:
                    throw new CommandRefusedException(
                        $"The {Type} dataset {Arn} has been {status} for {_patience.TotalMinutes:0} minutes; run this again later.");
                default:
                    await Task.Delay(delay, cancel);
                    break;
            }
        }
    }
}
