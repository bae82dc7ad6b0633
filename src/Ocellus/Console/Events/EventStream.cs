using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Dapper;
using Ocellus.Console.Sessions;
using Ocellus.Identity;
using Ocellus.Storage;

namespace Ocellus.Console.Events;

/// <summary>
/// <c>GET /ui/api/events</c>: tells a page what changes of the models and datasets that its user may see, as server-sent events. The database is the source:
/// so changes by other processes and clients are seen as well. The parameter <c>since</c> is the mark of the page; the first event, <c>hello</c>, says whether
/// anything was committed after it.
/// </summary>
internal sealed class EventStream(DataDirectory data, Authorizer authorizer, SessionCookie cookie, TimeProvider clock, IHostApplicationLifetime lifetime)
{
    /// <summary>Open streams; a browser has one for each visible tab.</summary>
    public const int StreamsMax = 200;

    /// <summary>Time between two looks at the database's mark, which cost microseconds.</summary>
    private static readonly TimeSpan _pollEvery = TimeSpan.FromMilliseconds(250);

    /// <summary>Something must be sent now and then: only so a vanished browser is noticed, and the page sees that the server is there.</summary>
    private static readonly TimeSpan _heartbeat = TimeSpan.FromSeconds(15);

    private int _streams;

    public async Task HandleAsync(HttpContext http)
    {
        if (Interlocked.Increment(ref _streams) > StreamsMax)
        {
            Interlocked.Decrement(ref _streams);
            throw new ConsoleException(
                StatusCodes.Status503ServiceUnavailable, "TooManyStreams", $"{StreamsMax} pages are open, which is the most; close some of them.");
        }

        using var ends = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted, lifetime.ApplicationStopping);
        try
        {
            http.Response.ContentType = "text/event-stream";
            await StreamAsync(http, ends.Token);
        }
        catch (OperationCanceledException) when (ends.IsCancellationRequested)
        {
            // The page was closed or hidden, or the server stops.
        }
        finally
        {
            Interlocked.Decrement(ref _streams);
        }
    }

    private async Task StreamAsync(HttpContext http, CancellationToken cancel)
    {
        long? mark = null;
        Dictionary<string, ItemEvent>? last = null;
        var sent = clock.GetTimestamp();
        await http.Response.WriteAsync("retry: 1000\n", cancel);
        while (true)
        {
            var now = data.Commits.Now();
            if (now != mark)
            {
                mark = now;
                // A revoked key or an ended session gets nothing more.
                if (await cookie.ReadAsync(http, cancel) is not { } session)
                {
                    await WriteAsync(http, "signed-out", "{}", cancel);
                    return;
                }

                var items = await ReadAsync(session.Caller, cancel);
                if (last is null)
                {
                    var missed = now.ToString(CultureInfo.InvariantCulture) != http.Request.Query["since"].ToString();
                    await WriteAsync(http, "hello", missed ? """{"missed":true}""" : """{"missed":false}""", cancel);
                }

                foreach (var change in last is null ? [] : Changes(last, items))
                {
                    await WriteAsync(http, "item", JsonSerializer.Serialize(change, EventJson.Default.ItemEvent), cancel);
                    sent = clock.GetTimestamp();
                }

                last = items;
            }

            if (clock.GetElapsedTime(sent) > _heartbeat)
            {
                sent = clock.GetTimestamp();
                await WriteAsync(http, "beat", "{}", cancel);
            }

            await Task.Delay(_pollEvery, clock, cancel);
        }
    }

    private static IEnumerable<ItemEvent> Changes(Dictionary<string, ItemEvent> before, Dictionary<string, ItemEvent> after) =>
        after.Values.Where(item => !before.TryGetValue(item.Arn, out var old) || old != item)
            .Concat(before.Values.Where(item => !after.ContainsKey(item.Arn)).Select(item => item with { Status = "GONE", Message = "" }));

    /// <summary>The state of everything that the caller may describe.</summary>
    private async Task<Dictionary<string, ItemEvent>> ReadAsync(Caller caller, CancellationToken cancel)
    {
        var rights = authorizer.Of(caller);
        await using var connection = await data.ConnectAsync(cancel);
        var rows = await connection.QueryAsync<ItemRow>(
            """
            SELECT 'version' AS kind, v.arn, v.project_arn, v.status, v.message, 0 AS changed
            FROM project_versions v WHERE v.account_id = @AccountId AND v.region = @Region
            UNION ALL
            SELECT 'dataset' AS kind, d.arn, d.project_arn, d.status, d.message, d.updated_ms AS changed
            FROM datasets d JOIN projects p ON p.arn = d.project_arn WHERE p.account_id = @AccountId AND p.region = @Region
            UNION ALL
            SELECT 'project' AS kind, arn, arn AS project_arn, status, '' AS message, 0 AS changed
            FROM projects WHERE account_id = @AccountId AND region = @Region
            """,
            new { caller.AccountId, caller.Region });
        var seen = new Dictionary<string, ItemEvent>(StringComparer.Ordinal);
        foreach (var row in rows)
        {
            var needed = row.Kind switch
            {
                "version" => Permission.Rekognition("DescribeProjectVersions", row.ProjectArn),
                "dataset" => Permission.Rekognition("DescribeDataset", row.Arn),
                _ => Permission.Rekognition("DescribeProjects", Permission.NoResource),
            };
            if (rights.UsesResourceTags ? await authorizer.MayAsync(caller, needed, cancel) : rights.Allow(needed))
            {
                seen.Add(row.Arn, new(row.Kind, row.Arn, row.ProjectArn, row.Status, row.Message, row.Changed));
            }
        }

        return seen;
    }

    private static async Task WriteAsync(HttpContext http, string name, string json, CancellationToken cancel)
    {
        // JSON has no line breaks, which would end the field.
        await http.Response.WriteAsync($"event: {name}\ndata: {json}\n\n", cancel);
        await http.Response.Body.FlushAsync(cancel);
    }

    private sealed record ItemRow
    {
        public string Kind { get; init; } = "";

        public string Arn { get; init; } = "";

        public string ProjectArn { get; init; } = "";

        public string Status { get; init; } = "";

        public string Message { get; init; } = "";

        public long Changed { get; init; }
    }
}

/// <summary>A model version, dataset or project has changed.</summary>
/// <param name="Kind"><c>version</c>, <c>dataset</c> or <c>project</c>.</param>
/// <param name="Arn">Its ARN.</param>
/// <param name="ProjectArn">The project's ARN.</param>
/// <param name="Status">As on the wire; <c>GONE</c> after a deletion.</param>
/// <param name="Message">As on the wire: of a training its progress.</param>
/// <param name="Changed">Of a dataset the time of its last change in epoch milliseconds; otherwise 0.</param>
internal sealed record ItemEvent(string Kind, string Arn, string ProjectArn, string Status, string Message, long Changed);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ItemEvent))]
internal sealed partial class EventJson : JsonSerializerContext;
