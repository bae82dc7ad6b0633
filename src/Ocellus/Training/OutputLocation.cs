namespace Ocellus.Training;

/// <summary>Where output files go.</summary>
internal static class OutputLocation
{
    /// <summary>Prefix and file with one slash between; no prefix gives just the file.</summary>
    public static string Key(string prefix, string file) => prefix.Trim('/') is { Length: > 0 } inner ? $"{inner}/{file}" : file;
}
