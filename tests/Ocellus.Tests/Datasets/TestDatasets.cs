using System.Globalization;
using System.Text;
using Dapper;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Ocellus.Datasets;
using Ocellus.Identity;
using Ocellus.Objects.Files;
using Ocellus.Projects;
using Ocellus.Storage;
using Ocellus.Tests.Identity;
using Ocellus.Training.Server;
using Ocellus.Wire.AwsJson;
using Ocellus.Work;

namespace Ocellus.Tests.Datasets;

/// <summary>Datasets on a temporary data directory without a server: jobs run when a test says so, and may be cut off.</summary>
internal sealed class TestDatasets : IDisposable
{
    public const string Bucket = "images";

    public static readonly Caller Owner = new("123456789012", "us-east-1", "owner", "AKIATEST");

    private readonly string _path = Path.Combine(Path.GetTempPath(), "ocellus-test-" + Guid.NewGuid().ToString("N"));

    public TestDatasets()
    {
        Data = TestDatabase.Open(_path);
        Objects = new ObjectStore(Data.ObjectsPath, TimeProvider.System);
        Objects.CreateBucket(Bucket, Owner.AccountId, Owner.Region);
        Open();
    }

    public DataDirectory Data { get; private set; }

    public ObjectStore Objects { get; private set; }

    public DatasetCatalog Catalog { get; private set; } = null!;

    public DatasetJobs Jobs { get; private set; } = null!;

    public WorkLeases Leases => new(Data, TimeProvider.System, NullLogger<WorkLeases>.Instance);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public static string Line(string image, params string[] labels) => Line(image, labels.Select(l => (l, false)));

    /// <summary>A line with image-level labels and, where told, a label on a box.</summary>
    public static string Line(string image, IEnumerable<(string Label, bool OnBox)> labels)
    {
        var text = new StringBuilder($$"""{"source-ref":"s3://{{Bucket}}/{{image}}" """.TrimEnd());
        var number = 0;
        foreach (var (label, onBox) in labels)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"kind{number++}");
            text.Append(onBox
                ? $$$""","{{{name}}}":{"image_size":[{"width":640,"height":480,"depth":3}],"annotations":[{"class_id":0,"left":10,"top":10,"width":100,"height":100}]},"{{{name}}}-metadata":{"objects":[{"confidence":1}],"class-map":{"0":"{{{label}}}"},"type":"groundtruth/object-detection","human-annotated":"yes","creation-date":"2026-01-01T00:00:00"}"""
                : $$$""","{{{name}}}":1,"{{{name}}}-metadata":{"class-name":"{{{label}}}","confidence":1,"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2026-01-01T00:00:00"}""");
        }

        return text.Append('}').ToString();
    }

    /// <summary>Closes the data directory and opens it again, as a restart does.</summary>
    public void Reopen()
    {
        Data.Dispose();
        Data = TestDatabase.Open(_path);
        Objects = new ObjectStore(Data.ObjectsPath, TimeProvider.System);
        Open();
    }

    public async Task<string> ProjectAsync(string name = "fruit") =>
        (await new ProjectCatalog(Data, TimeProvider.System).CreateAsync(Owner, name, null, Cancel)).ToString();

    /// <summary>Stores a manifest and asks for a dataset of it; the job does not run yet.</summary>
    public async Task<string> RequestAsync(string project, string type, string manifest)
    {
        var key = Guid.NewGuid().ToString("N");
        await Objects.PutAsync(Bucket, key, new MemoryStream(Encoding.UTF8.GetBytes(manifest)), new PutOptions(), Cancel);
        return (await Catalog.CreateAsync(Owner, project, type, new EntrySource.Manifest(Bucket, key), null, Cancel)).ToString();
    }

    /// <summary>A dataset of lines, complete.</summary>
    public async Task<string> CreateAsync(string project, string type, params IEnumerable<string> lines)
    {
        var arn = await RequestAsync(project, type, string.Join('\n', lines));
        await RunAsync();
        return arn;
    }

    public async Task<DatasetRow> UpdateAsync(string arn, params IEnumerable<string> lines)
    {
        await Catalog.RequestUpdateAsync(Owner, arn, Encoding.UTF8.GetBytes(string.Join('\n', lines)), Cancel);
        await RunAsync();
        return await RowAsync(arn);
    }

    /// <summary>Runs all due jobs, one after the other.</summary>
    public async Task RunAsync()
    {
        while (await Catalog.DueAsync(Cancel) is [var job, ..])
        {
            await Jobs.RunAsync(job, Cancel);
        }
    }

    public Task<DatasetRow> RowAsync(string arn) => Catalog.GetAsync(Owner, arn, Cancel);

    public async Task<string[]> EntriesAsync(string arn, EntryFilter? filter = null) =>
        [.. (await Catalog.ListEntriesAsync(Owner, arn, filter ?? new(), 0, int.MaxValue, Cancel)).Select(r => r.Entry)];

    public async Task<string> ExportAsync(string arn)
    {
        using var target = new MemoryStream();
        await Catalog.ExportAsync(arn, target, Cancel);
        return Encoding.UTF8.GetString(target.ToArray());
    }

    /// <summary>Everything stored of a dataset's entries, below its status: what readers never see half done.</summary>
    public async Task<string[]> StoredAsync(string arn)
    {
        await using var connection = await Data.ConnectAsync(Cancel);
        var entries = await connection.QueryAsync<string>(
            "SELECT e.ordinal || ' ' || e.entry FROM dataset_entries e JOIN datasets d ON d.id = e.dataset_id WHERE d.arn = @arn ORDER "
                + "BY e.ordinal", new { arn });
        var labels = await connection.QueryAsync<string>(
            "SELECT l.ordinal || ' ' || l.label || ' ' || l.boxes FROM dataset_entry_labels l JOIN datasets d ON d.id = l.dataset_id WHERE d.arn = @arn "
                + "ORDER BY l.ordinal, l.label", new { arn });
        return [.. entries, .. labels];
    }

    public void Dispose()
    {
        Data.Dispose();
        TestDatabase.Drop(_path);
        Directory.Delete(_path, recursive: true);
    }

    private void Open()
    {
        Catalog = new DatasetCatalog(Data, TimeProvider.System);
        Jobs = new DatasetJobs(Catalog, new EmbeddedObjects(Objects), NullLogger<DatasetJobs>.Instance);
    }
}

/// <summary>Cancels when a message has come a number of times.</summary>
internal sealed class CancellingLogger<T>(CancellationTokenSource source, int message, int times) : ILogger<T>
{
    private int _left = times;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (eventId.Id == message && --_left == 0)
        {
            source.Cancel();
        }
    }
}
