using System.Text.Json.Nodes;
using Dapper;
using Microsoft.Data.Sqlite;
using Ocellus.Datasets;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Datasets.TestDatasets;

namespace Ocellus.Tests.Datasets;

public sealed class ListingTests : IDisposable
{
    private readonly TestDatasets _datasets = new();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => _datasets.Dispose();

    [Theory]
    [InlineData("%", "a%b.jpg")]
    [InlineData("_", "a_b.jpg")]
    [InlineData("'", "it's.jpg")]
    [InlineData("\\\"", "a\\\"q.jpg")]
    [InlineData("UPPER", "UPPER.jpg")]
    [InlineData("ä", "ä.jpg")]
    [InlineData("images/a", "a%b.jpg", "a_b.jpg", "a\\\"q.jpg")]
    [InlineData("nowhere")]
    public async Task A_part_of_the_image_name_is_found_exactly_as_written(string part, params string[] images)
    {
        var arn = await _datasets.CreateAsync(
            await _datasets.ProjectAsync(), "TRAIN",
            new[] { "a%b.jpg", "a_b.jpg", "it's.jpg", "a\\\"q.jpg", "UPPER.jpg", "upper.jpg", "ä.jpg" }.Select(i => Line(i)));

        var found = await _datasets.EntriesAsync(arn, new(SourceRefContains: part.Replace("\\\"", "\"", StringComparison.Ordinal)));

        Assert.Equal(
            images,
            found.Select(
                e => JsonNode.Parse(e)!["source-ref"]!.GetValue<string>()[$"s3://{Bucket}/".Length..].Replace("\"", "\\\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Filters_together_give_what_a_look_at_every_entry_gives()
    {
        // Every 97th line has an error, every 5th no label, the others one or two.
        string[] lines =
        [
            .. Enumerable.Range(0, 3000).Select(i =>
                i % 97 == 0 ? Line($"{i:d4}.jpg", $"l{i % 4}")[..^1] + ",\"other\":1,\"other-metadata\":{\"type\":\"other\"}}"
                : i % 5 == 0 ? Line($"{i:d4}.jpg")
                : Line($"{i:d4}.jpg", i % 3 == 0 ? [$"l{i % 4}", "rare"[..(i % 4)] + "x"] : [$"l{i % 4}"])),
        ];
        var arn = await _datasets.CreateAsync(await _datasets.ProjectAsync(), "TRAIN", lines);
        var all = (await _datasets.EntriesAsync(arn)).Select(e => (Text: e, Node: JsonNode.Parse(e)!)).ToList();
        Assert.Equal(3000, all.Count);
        foreach (var labels in (string[]?[])[null, ["l1"], ["l1", "l2", "l1"], ["rx", "none"], ["none"]])
        {
            foreach (var labeled in (bool?[])[null, true, false])
            {
                foreach (var part in (string?[])[null, "/1", "77"])
                {
                    foreach (var errors in (bool[])[false, true])
                    {
                        var expected = all.Where(e => (labels is null || labels.Any(l => e.Text.Contains($"\"class-name\":\"{l}\"", StringComparison.Ordinal)))
                            && (labeled is null || e.Node["cl-metadata"]!["is_labeled"]!.GetValue<bool>() == labeled)
                            && (part is null || e.Node["source-ref"]!.GetValue<string>().Contains(part, StringComparison.Ordinal))
                            && (!errors || e.Text.Contains("cl-errors", StringComparison.Ordinal))).Select(e => e.Text);
                        Assert.Equal(expected, await PagesAsync(arn, new(labels, labeled, part, errors), 37));
                    }
                }
            }
        }
    }

    [Fact]
    public async Task Labels_come_in_order_of_first_appearance_with_images_and_images_with_boxes()
    {
        var arn = await _datasets.CreateAsync(
            await _datasets.ProjectAsync(), "TRAIN",
            Line("0.jpg", [("z", true), ("z", false)]), Line("1.jpg", [("a", false)]), Line("2.jpg", [("z", false), ("a", true)]), Line("3.jpg", [("z", true)]),
            Line("4.jpg"));

        Assert.Equal([("z", 3L, 2L), ("a", 2L, 1L)], await _datasets.Catalog.ListLabelsAsync(Owner, arn, 0, 100, Cancel));
        Assert.Equal([("a", 2L, 1L)], await _datasets.Catalog.ListLabelsAsync(Owner, arn, 1, 100, Cancel));
        await _datasets.UpdateAsync(arn, Line("1.jpg"), Line("2.jpg", "z"));
        Assert.Equal([("z", 3L, 2L)], await _datasets.Catalog.ListLabelsAsync(Owner, arn, 0, 100, Cancel));
    }

    [Fact]
    public async Task No_page_walks_through_a_table()
    {
        TestDatabase.RequireSqlite();
        var arn = await _datasets.CreateAsync(
            await _datasets.ProjectAsync(), "TRAIN", Enumerable.Range(0, 20_000).Select(i => Line($"{i:d5}.jpg", $"l{i % 50}")));
        var id = (await _datasets.RowAsync(arn)).Id;
        await using var connection = await _datasets.Data.ConnectAsync(Cancel);
        foreach (var labeled in (bool?[])[null, true])
        {
            foreach (var part in (string?[])[null, "7"])
            {
                foreach (var errors in (bool[])[false, true])
                {
                    foreach (var candidates in (bool[])[false, true])
                    {
                        await CheckAsync(DatasetCatalog.EntrySql(new(null, labeled, part, errors), candidates), "dataset_entries", true);
                    }
                }
            }
        }

        await CheckAsync(DatasetCatalog.CandidateSql(1), "dataset_entry_labels", false);
        await CheckAsync(DatasetCatalog.CandidateSql(10), "dataset_entry_labels", false);
        await CheckAsync(DatasetCatalog.LabelSql, "dataset_entry_labels", false);

        async Task CheckAsync(string sql, string table, bool sorted)
        {
            var parameters = new DynamicParameters(
                new { id, after = 0L, count = 100, skip = 0, window = 100, labeled = 1, SourceRefContains = "7", candidates = new long[] { 1, 2, 3 } });
            for (var i = 0; i < 10; i++)
            {
                parameters.Add($"label{i}", $"l{i}");
            }

            var plan = (await connection.QueryAsync("EXPLAIN QUERY PLAN " + sql, parameters)).Select(r => (string)r.detail).ToList();
            Assert.Contains(plan, s => s.StartsWith($"SEARCH {table} USING", StringComparison.Ordinal));
            Assert.DoesNotContain(plan, s => s.StartsWith($"SCAN {table}", StringComparison.Ordinal));
            if (sorted)
            {
                Assert.DoesNotContain(plan, s => s.Contains("TEMP B-TREE", StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public async Task An_export_is_what_a_sender_would_write_in_order()
    {
        string[] lines =
        [
            Line("a.jpg", "a"), Line("b.jpg"), Line("c.jpg", "c").Replace("\"yes\"", "\"perhaps\"", StringComparison.Ordinal), Line("d.jpg", [("d", true)]),
        ];
        var arn = await _datasets.CreateAsync(await _datasets.ProjectAsync(), "TRAIN", lines);
        Assert.Contains("cl-errors", (await _datasets.EntriesAsync(arn))[2], StringComparison.Ordinal);

        Assert.Equal(string.Concat(lines.Select(l => l + "\n")), await _datasets.ExportAsync(arn));

        await _datasets.UpdateAsync(arn, "bad");
        Assert.Equal(4, (await _datasets.ExportAsync(arn)).Count(c => c == '\n'));
        await _datasets.Catalog.RequestUpdateAsync(Owner, arn, [1], Cancel);
        Assert.Equal(RefusalKind.NotReady, (await Assert.ThrowsAsync<RefusedException>(() => _datasets.ExportAsync(arn))).Kind);
    }

    [Fact]
    public async Task An_export_keeps_to_the_state_it_began_with_while_the_dataset_changes()
    {
        var arn = await _datasets.CreateAsync(await _datasets.ProjectAsync(), "TRAIN", Enumerable.Range(0, 3000).Select(i => Line($"{i}.jpg", "a")));
        using var target = new MeanwhileStream(
            async () => await _datasets.UpdateAsync(arn, Enumerable.Range(0, 4000).Select(i => Line($"{i}.jpg", "changed"))));

        Assert.Equal(3000, await _datasets.Catalog.ExportAsync(arn, target, Cancel));

        Assert.Equal(4000, (await _datasets.RowAsync(arn)).Total);
        Assert.DoesNotContain("changed", System.Text.Encoding.UTF8.GetString(target.ToArray()), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Datasets_of_before_entries_had_numbers_are_as_they_were()
    {
        var path = Path.Combine(Path.GetTempPath(), "ocellus-test-" + Guid.NewGuid().ToString("N"));
        Directory.CreateDirectory(path);
        try
        {
            await using (var old = new SqliteConnection($"Data Source={Path.Combine(path, "ocellus.db")};Pooling=False"))
            {
                await old.OpenAsync(Cancel);
                using var stream = typeof(DataDirectory).Assembly.GetManifestResourceStream("Ocellus.Storage.Migrations.0001_foundation.sql")!;
                await old.ExecuteAsync(await new StreamReader(stream).ReadToEndAsync(Cancel));
                await old.ExecuteAsync(
                    """
                    CREATE TABLE SchemaVersions (SchemaVersionID INTEGER CONSTRAINT 'PK_SchemaVersions_SchemaVersionID' PRIMARY KEY AUTOINCREMENT NOT NULL, ScriptName TEXT NOT NULL, Applied DATETIME NOT NULL);
                    INSERT INTO SchemaVersions (ScriptName, Applied) VALUES ('Ocellus.Storage.Migrations.0001_foundation.sql', '2026-01-01');
                    INSERT INTO projects VALUES ('p', '123456789012', 'us-east-1', 'p', 1, 'CREATED');
                    """);
                foreach (var (type, n) in ((string, int)[])[("train", 3), ("test", 2)])
                {
                    var arn = $"arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/{type}/1";
                    await old.ExecuteAsync(
                        "INSERT INTO datasets VALUES (@arn, 'p', @type, 'CREATE_COMPLETE', 'm', 'SUCCESS', 1, 1, 'empty', @n, @n, 1, 0)",
                        new { arn, type = type.ToUpperInvariant(), n });
                    for (var i = 1; i <= n; i++)
                    {
                        await old.ExecuteAsync(
                            "INSERT INTO dataset_entries VALUES (@arn, @i, @name, @name, 1, 0); INSERT INTO dataset_entry_labels VALUES (@arn, 'a', @i, 1)",
                            new { arn, i, name = $"{type}{i}" });
                    }
                }
            }

            using var data = Ocellus.Storage.DataDirectory.Open(path);
            var catalog = new DatasetCatalog(data, TimeProvider.System);
            foreach (var (type, expected) in ((string, string[])[])[("train", ["train1", "train2", "train3"]), ("test", ["test1", "test2"])])
            {
                var arn = $"arn:aws:rekognition:us-east-1:123456789012:project/p/dataset/{type}/1";
                Assert.Equal(expected, (await catalog.ListEntriesAsync(Owner, arn, new(["a"]), 0, 10, Cancel)).Select(e => e.Entry));
                Assert.Equal([("a", (long)expected.Length, (long)expected.Length)], await catalog.ListLabelsAsync(Owner, arn, 0, 10, Cancel));
            }
        }
        finally
        {
            Directory.Delete(path, recursive: true);
        }
    }

    private async Task<List<string>> PagesAsync(string arn, EntryFilter filter, int size)
    {
        var entries = new List<string>();
        for (long after = 0; ;)
        {
            var page = await _datasets.Catalog.ListEntriesAsync(Owner, arn, filter, after, size, Cancel);
            entries.AddRange(page.Select(p => p.Entry));
            if (page.Count < size)
            {
                return entries;
            }

            after = page[^1].Ordinal;
        }
    }

    /// <summary>Does something once, when the first bytes come.</summary>
    private sealed class MeanwhileStream(Func<Task> meanwhile) : MemoryStream
    {
        private bool _done;

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (!_done)
            {
                _done = true;
                await meanwhile();
            }

            await base.WriteAsync(buffer, cancellationToken);
        }
    }
}
