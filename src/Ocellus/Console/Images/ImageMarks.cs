using System.Data.Common;
using Dapper;
using Ocellus.Datasets;
using Ocellus.Storage;

namespace Ocellus.Console.Images;

/// <summary>Keeps what people marked of images beside their labels. An image has the same marks in both sets.</summary>
internal sealed class ImageMarks(DataDirectory data)
{
    /// <summary>Names in one query.</summary>
    private const int Step = 1000;

    private const string Columns = "SELECT source_ref, unsure, approved, is_empty FROM console_marks ";

    /// <summary>All marks of a project; images without any are left out.</summary>
    public async Task<IReadOnlyDictionary<string, Marks>> OfProjectAsync(string projectArn, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return Read(await connection.QueryAsync<Row>(Columns + "WHERE project_arn = @projectArn", new { projectArn }));
    }

    /// <summary>The marks of some images.</summary>
    public async Task<IReadOnlyDictionary<string, Marks>> OfAsync(string projectArn, IEnumerable<string> images, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        return await OfAsync(connection, null, projectArn, images);
    }

    /// <summary>As above, as a change sees them.</summary>
    public static async Task<IReadOnlyDictionary<string, Marks>> OfAsync(
        DbConnection connection, DbTransaction? transaction, string projectArn, IEnumerable<string> images)
    {
        var rows = new List<Row>();
        foreach (var step in images.Chunk(Step))
        {
            rows.AddRange(
                await connection.QueryAsync<Row>(Columns + "WHERE project_arn = @projectArn AND source_ref IN @step", new { projectArn, step }, transaction));
        }

        return Read(rows);
    }

    /// <summary>The marks of one image, as a change sees them.</summary>
    public static async Task<Marks> OfAsync(EntryChanges change, string projectArn, string image) =>
        (await OfAsync(change.Connection, change.Transaction, projectArn, [image])).GetValueOrDefault(image) ?? new Marks(false, false, false);

    /// <summary>Writes marks in the transaction of a change.</summary>
    public static Task WriteAsync(EntryChanges change, string projectArn, string image, Marks marks) =>
        change.Connection.ExecuteAsync(
            """
            INSERT INTO console_marks (project_arn, source_ref, unsure, approved, is_empty) VALUES (@projectArn, @image, @unsure, @approved, @nothing)
            ON CONFLICT (project_arn, source_ref) DO UPDATE SET unsure = excluded.unsure, approved = excluded.approved, is_empty = excluded.is_empty
            """,
            new { projectArn, image, unsure = Bit(marks.Unsure), approved = Bit(marks.Approved), nothing = Bit(marks.Nothing) },
            change.Transaction);

    private static long Bit(bool? mark) => mark is true ? 1 : 0;

    private static Dictionary<string, Marks> Read(IEnumerable<Row> rows) =>
        rows.ToDictionary(r => r.SourceRef, r => new Marks(r.Unsure, r.Approved, r.IsEmpty), StringComparer.Ordinal);

    private sealed class Row
    {
        public string SourceRef { get; init; } = "";

        public bool Unsure { get; init; }

        public bool Approved { get; init; }

        public bool IsEmpty { get; init; }
    }
}
