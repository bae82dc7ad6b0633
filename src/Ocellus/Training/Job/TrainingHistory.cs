using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Ocellus.Encodings;

namespace Ocellus.Training.Job;

/// <summary>What a training told at a moment.</summary>
/// <param name="Ms">When, milliseconds since 1970.</param>
/// <param name="Phase">As in <see cref="JobProgress"/>, as are the others.</param>
/// <param name="Step">Of the phase.</param>
/// <param name="Steps">Of the phase.</param>
/// <param name="Loss">Null where the phase has none.</param>
/// <param name="SecondsLeft">Null where it is not known.</param>
internal sealed record HistoryPoint(long Ms, string Phase, int Step, int Steps, double? Loss, double? SecondsLeft)
{
    /// <summary>For a log: such as <c>2026-01-01 12:00:00 fine-tuning, 40 of 400, loss 0.1234, about 73 s left</c>.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{DateTimeOffset.FromUnixTimeMilliseconds(Ms):yyyy-MM-dd HH:mm:ss} {Phase}, {Step} of {Steps}{(Loss is { } loss ? $", loss {loss:0.0000}" : "")}"
            + $"{(SecondsLeft is { } left ? $", about {Math.Ceiling(left):0} s left" : "")}");
}

/// <summary>
/// Keeps what a training tells, for people who want to see how it went: a line each time, in its folder while it runs, beside its model afterwards. Losing some
/// of it does no harm.
/// </summary>
internal static class TrainingHistory
{
    /// <summary>Name of the file in both folders.</summary>
    public const string FileName = "history.jsonl";

    /// <summary>Name of the file with what the process wrote to standard error.</summary>
    public const string LogName = "training.log";

    /// <summary>Enough for some hours; later lines are left out.</summary>
    private const int BytesMax = 2 << 20;

    /// <summary>Of a log that is kept.</summary>
    private const int LogBytesMax = 64 << 10;

    /// <summary>Adds a line. A full disk loses it.</summary>
    public static void Add(string folder, JobProgress progress, DateTimeOffset time)
    {
        // Not a number has no JSON.
        var loss = progress.Loss is { } value && double.IsFinite(value) ? progress.Loss : null;
        var point = new HistoryPoint(time.ToUnixTimeMilliseconds(), progress.Phase, progress.Step, progress.Steps, loss, progress.SecondsLeft);
        try
        {
            var file = new FileInfo(Path.Combine(folder, FileName));
            if (!file.Exists || file.Length < BytesMax)
            {
                File.AppendAllText(file.FullName, JsonSerializer.Serialize(point, HistoryJson.Default.HistoryPoint) + "\n");
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // The training matters more than its history.
        }
    }

    /// <summary>Puts what a training told into another folder, before its own is removed.</summary>
    public static void Keep(string folder, string target)
    {
        try
        {
            var history = Path.Combine(folder, FileName);
            if (!File.Exists(history))
            {
                return;
            }

            Directory.CreateDirectory(target);
            File.Copy(history, Path.Combine(target, FileName), overwrite: true);
            if (ReadLog(folder) is { Length: > 0 } log)
            {
                File.WriteAllText(Path.Combine(target, LogName), log);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // As above.
        }
    }

    /// <summary>All points in a folder; empty if it has none. Lines that are not whole, as after a crash, are left out.</summary>
    public static IReadOnlyList<HistoryPoint> Read(string folder)
    {
        var points = new List<HistoryPoint>();
        foreach (var line in ReadLines(Path.Combine(folder, FileName)))
        {
            try
            {
                if (JsonSerializer.Deserialize(line, HistoryJson.Default.HistoryPoint) is { Phase: not null } point)
                {
                    points.Add(point);
                }
            }
            catch (JsonException)
            {
                // A line that a crash has cut.
            }
        }

        return points;
    }

    /// <summary>The end of what the process wrote to standard error; empty without any.</summary>
    public static string ReadLog(string folder)
    {
        try
        {
            using var file = new FileStream(Path.Combine(folder, LogName), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            file.Position = Math.Max(0, file.Length - LogBytesMax);
            return new StreamReader(file).ReadToEnd();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static List<string> ReadLines(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(file);
            var lines = new List<string>();
            while (reader.ReadLine() is { } line)
            {
                lines.Add(line);
            }

            return lines;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = JsonDepth.RequestMax)]
[JsonSerializable(typeof(HistoryPoint))]
internal sealed partial class HistoryJson : JsonSerializerContext;
