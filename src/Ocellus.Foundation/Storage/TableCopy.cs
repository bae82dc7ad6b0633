using System.Buffers.Binary;
using System.Data.Common;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;

namespace Ocellus.Storage;

/// <summary>What a table holds: its rows, and a checksum over them that does not depend on their order.</summary>
internal readonly record struct TableDigest(long Rows, string Checksum);

/// <summary>
/// Copies all tables from one database to another. A table that is already there, row for row, is not copied again, so that a copy that was cut short goes on.
/// </summary>
internal sealed class TableCopy(Database from, Database to)
{
    /// <summary>All tables that have something to keep, each after those that it refers to.</summary>
    public static readonly IReadOnlyList<string> Tables =
    [
        "access_keys", "access_key_policies", "access_revision", "projects", "datasets", "dataset_entries", "dataset_entry_labels", "dataset_jobs",
        "project_versions", "training_jobs", "version_rights", "project_policies", "tags", "console_sessions", "console_tickets", "console_labels",
        "console_marks", "console_image_facts",
    ];

    /// <summary>Tables that show whether the other database has been used: their key, and when a row last changed.</summary>
    private static readonly (string Table, string Key, string Time)[] _signs =
    [
        ("access_keys", "access_key_id", "created_ms"), ("projects", "arn", "created_ms"), ("datasets", "arn", "updated_ms"),
        ("project_versions", "arn", "updated_ms"),
    ];

    /// <summary>Large tables take minutes to read and to count.</summary>
    private const int CommandSeconds = 3600;

    /// <summary>Refuses a database that is not empty and did not begin as a copy of this one, or that has been used since.</summary>
    /// <exception cref="InvalidOperationException">The other database holds something else.</exception>
    public async Task RequireOwnAsync(CancellationToken cancel)
    {
        await using var source = await from.ConnectAsync(cancel);
        await using var target = await to.ConnectAsync(cancel);
        await RequireOwnAsync(source, target, cancel);
    }

    /// <summary>Copies what differs, and compares all afterwards.</summary>
    /// <param name="copied">Called with each table when it is right.</param>
    /// <param name="cancel">Cancels; the next attempt goes on.</param>
    /// <returns>The number of rows.</returns>
    /// <exception cref="InvalidOperationException">The other database holds something else.</exception>
    public async Task<long> RunAsync(Action<string, TableDigest> copied, CancellationToken cancel)
    {
        await using var source = await from.ConnectAsync(cancel);
        await using var target = await to.ConnectAsync(cancel);
        await RequireOwnAsync(source, target, cancel);
        var first = 0;
        while (first < Tables.Count && await DigestAsync(source, Tables[first], cancel) == await DigestAsync(target, Tables[first], cancel))
        {
            first++;
        }

        for (var i = Tables.Count - 1; i >= first; i--)
        {
            await ExecuteAsync(target, $"DELETE FROM {Tables[i]}", cancel);
        }

        for (var i = first; i < Tables.Count; i++)
        {
            await CopyAsync(source, target, Tables[i], cancel);
        }

        long rows = 0;
        foreach (var table in Tables)
        {
            var (there, here) = (await DigestAsync(source, table, cancel), await DigestAsync(target, table, cancel));
            if (there != here)
            {
                throw new InvalidOperationException(
                    $"The table {table} has {there.Rows} rows in {from.Name} and {here.Rows} in {to.Name}, or rows that differ. Is a server running on one of "
                        + $"them? Stop it, and run the command again.");
            }

            copied(table, here);
            rows += here.Rows;
        }

        return rows;
    }

    /// <summary>Counts a table's rows and adds up their hashes.</summary>
    public static async Task<TableDigest> DigestAsync(DbConnection connection, string table, CancellationToken cancel)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT * FROM {table}";
        command.CommandTimeout = CommandSeconds;
        await using var reader = await command.ExecuteReaderAsync(cancel);
        // By name: columns that were added later may stand in another order.
        var columns = Enumerable.Range(0, reader.FieldCount).OrderBy(reader.GetName, StringComparer.Ordinal).ToArray();
        var sum = BigInteger.Zero;
        long rows = 0;
        using var row = new MemoryStream();
        while (await reader.ReadAsync(cancel))
        {
            row.SetLength(0);
            foreach (var column in columns)
            {
                Write(row, reader.GetValue(column));
            }

            sum += new BigInteger(SHA256.HashData(row.GetBuffer().AsSpan(0, (int)row.Length)), isUnsigned: true);
            rows++;
        }

        return new(rows, (sum % BigInteger.Pow(2, 256)).ToString("x64", System.Globalization.CultureInfo.InvariantCulture));
    }

    private async Task RequireOwnAsync(DbConnection source, DbConnection target, CancellationToken cancel)
    {
        foreach (var (table, key, time) in _signs)
        {
            var known = await TimesAsync(source, table, key, time, cancel);
            var there = await TimesAsync(target, table, key, time, cancel);
            var own = there.Count(row => !known.TryGetValue(row.Key, out var changed) || changed < row.Value);
            if (own > 0)
            {
                throw new InvalidOperationException(
                    $"The database {to.Name} is in use: its table {table} has {own} rows that {from.Name} does not have, or that were changed later than "
                        + $"there. Nothing was changed. Name an empty database.");
            }
        }
    }

    private static async Task<Dictionary<string, long>> TimesAsync(
        DbConnection connection, string table, string key, string time, CancellationToken cancel)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = $"SELECT {key}, {time} FROM {table}";
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var times = new Dictionary<string, long>(StringComparer.Ordinal);
        while (await reader.ReadAsync(cancel))
        {
            times[reader.GetString(0)] = reader.GetInt64(1);
        }

        return times;
    }

    private static async Task CopyAsync(DbConnection source, DbConnection target, string table, CancellationToken cancel)
    {
        await using var read = source.CreateCommand();
        read.CommandText = $"SELECT * FROM {table}";
        read.CommandTimeout = CommandSeconds;
        await using var reader = await read.ExecuteReaderAsync(cancel);
        var columns = Enumerable.Range(0, reader.FieldCount).Select(reader.GetName).ToArray();
        await using var transaction = await target.BeginStepAsync(cancel);
        await using var write = target.CreateCommand();
        write.Transaction = transaction;
        write.CommandText = $"INSERT INTO {table} ({string.Join(", ", columns)}) VALUES ({string.Join(", ", columns.Select((_, i) => $"@p{i}"))})";
        foreach (var i in Enumerable.Range(0, columns.Length))
        {
            var parameter = write.CreateParameter();
            parameter.ParameterName = $"@p{i}";
            write.Parameters.Add(parameter);
        }

        while (await reader.ReadAsync(cancel))
        {
            for (var i = 0; i < columns.Length; i++)
            {
                write.Parameters[i].Value = reader.GetValue(i);
            }

            await write.ExecuteNonQueryAsync(cancel);
        }

        await transaction.CommitAsync(CancellationToken.None);
    }

    private static async Task ExecuteAsync(DbConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.CommandTimeout = CommandSeconds;
        await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>Each value with its kind and length, so that no two rows are written alike.</summary>
    private static void Write(MemoryStream row, object value)
    {
        switch (value)
        {
            case DBNull:
                row.WriteByte(0);
                break;
            case long number:
                Span<byte> bytes = stackalloc byte[8];
                BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
                row.WriteByte(1);
                row.Write(bytes);
                break;
            case string text:
                WriteBytes(row, 2, Encoding.UTF8.GetBytes(text));
                break;
            case byte[] blob:
                WriteBytes(row, 3, blob);
                break;
            default:
                throw new InvalidOperationException($"A value of type {value.GetType().Name} in a table has no checksum.");
        }
    }

    private static void WriteBytes(MemoryStream row, byte kind, byte[] bytes)
    {
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        row.WriteByte(kind);
        row.Write(length);
        row.Write(bytes);
    }
}
