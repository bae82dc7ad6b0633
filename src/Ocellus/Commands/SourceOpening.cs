using System.CommandLine;
using System.Globalization;
using Ocellus.Formats;
using Ocellus.Formats.Fetching;
using Ocellus.Refusals;
using Ocellus.Training.Job;

namespace Ocellus.Commands;

/// <summary>Opens the SOURCE of a verb: says what it is, and fetches the pictures behind its addresses if a person asks for that.</summary>
internal static class SourceOpening
{
    /// <summary>Hosts that are named.</summary>
    private const int HostsShown = 5;

    public static Option<bool> FetchOption() => new("--fetch")
    {
        Description = "Fetch pictures that the source names by an http or https address, to SOURCE.fetched. Without it nothing is fetched.",
    };

    /// <summary>Opens a source.</summary>
    /// <param name="path">Folder, zip file or file of labels.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="fetch">Fetches pictures first.</param>
    /// <param name="terminal">Is told what it is, and what is fetched from where.</param>
    /// <param name="cancel">Ends it.</param>
    /// <exception cref="CommandRefusedException">There is none, it is of no format that is known, or it is beyond a limit.</exception>
    public static async Task<SourceReader> OpenAsync(string path, SourceOptions options, bool fetch, Terminal terminal, CancellationToken cancel)
    {
        var reader = await Task.Run(() => SourceReader.Open(path, options), cancel);
        try
        {
            terminal.Remark($"{path} is {reader.Description}.");
            if (!fetch)
            {
                return reader;
            }

            var addresses = await Task.Run(() => reader.Addresses(cancel).Take(FetchLimits.Default.PicturesMax + 1).ToList(), cancel);
            if (addresses.Count == 0)
            {
                terminal.Remark($"{path} names no picture by an address that is not there already; nothing is fetched.");
                return reader;
            }

            if (addresses.Count > FetchLimits.Default.PicturesMax)
            {
                throw new CommandRefusedException($"{path} names more than {FetchLimits.Default.PicturesMax:N0} pictures by addresses. Split it into parts.");
            }

            var fetched = await FetchAsync(path, addresses, options.Limits, terminal, cancel);
            reader.Dispose();
            // With findings of its own: those of the first look would count twice.
            return await Task.Run(() => SourceReader.Open(path, options with { Fetched = fetched, Findings = new() }), cancel);
        }
        catch
        {
            reader.Dispose();
            throw;
        }
    }

    private static async Task<FetchedPictures> FetchAsync(string path, List<Uri> addresses, SourceLimits limits, Terminal terminal, CancellationToken cancel)
    {
        var folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)) + ".fetched";
        List<Uri> missing;
        using (var before = new FetchedPictures(folder, limits))
        {
            missing = [.. addresses.Where(a => before.Find(a) is null)];
        }

        var there = addresses.Count - missing.Count;
        terminal.Remark(string.Create(
            CultureInfo.InvariantCulture,
            $"{(missing.Count > 0 ? $"Fetching {missing.Count:N0} pictures from {Hosts(missing)} to {folder}" : $"All pictures are in {folder} already")}"
                + $"{(there > 0 && missing.Count > 0 ? $"; {there:N0} are there" : "")}."));
        var fetched = new FetchedPictures(folder, limits);
        if (missing.Count == 0)
        {
            return fetched;
        }

        using var fetch = new PictureFetch(folder, FetchLimits.Default);
        await Resumable.RunAsync(
            terminal,
            () => terminal.ShowAsync(async progress =>
            {
                await fetch.RunAsync(missing, fetched, (done, all) => progress.Report(new JobProgress("Fetching pictures", done, all, null, null)), cancel);
                return true;
            }),
            cancel);
        terminal.Remark(string.Create(
            CultureInfo.InvariantCulture,
            $"Fetched {fetch.Fetched:N0} pictures ({fetch.Bytes / 1048576.0:0.0} MB)"
                + $"{(fetched.Failures.Count > 0 ? $"; {fetched.Failures.Count:N0} could not be" : "")}."));
        return fetched;
    }

    private static string Hosts(List<Uri> addresses)
    {
        var hosts = addresses.GroupBy(a => a.Authority, StringComparer.OrdinalIgnoreCase).OrderByDescending(g => g.Count()).ToList();
        var named = hosts.Take(HostsShown).Select(g => string.Create(CultureInfo.InvariantCulture, $"{g.Key} ({g.Count():N0})"));
        return string.Join(", ", named) + (hosts.Count > HostsShown ? $" and {hosts.Count - HostsShown} more hosts" : "");
    }
}
