using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Ocellus.Commands;

/// <summary>The AWS clients that this user's shell would start. Those from before July 2023 ignore AWS_ENDPOINT_URL and talk to AWS itself.</summary>
internal static partial class InstalledClients
{
    /// <summary>First versions that read AWS_ENDPOINT_URL. The AWS CLI has two major versions side by side.</summary>
    private static readonly Version _cli1 = new(1, 29), _cli2 = new(2, 13), _boto3 = new(1, 28);

    /// <summary>Longest wait for a client's version: a cold disk first reads some thousand small Python files.</summary>
    private static readonly TimeSpan _wait = TimeSpan.FromSeconds(30);

    public static async Task<IReadOnlyList<Finding>> CheckAsync(CancellationToken cancel)
    {
        var python = OperatingSystem.IsWindows() ? "python" : "python3";
        var said = await Task.WhenAll(
            SaidAsync("aws", ["--version"], cancel),
            SaidAsync(python, ["-c", "import boto3; print('boto3/' + boto3.__version__)"], cancel));
        return [Cli(said[0]), Boto3(said[1], python)];
    }

    /// <summary>Judges an AWS CLI by its own version.</summary>
    /// <param name="said">What <c>aws --version</c> wrote; null if it is not installed.</param>
    internal static Finding Cli(string? said)
    {
        var version = VersionIn(said, "aws-cli");
        var isNewEnough = version is not null && version >= (version.Major < 2 ? _cli1 : _cli2);
        return Judge("AWS CLI", said, version, isNewEnough, "1.29 or 2.13", "put --endpoint-url URL after `aws`");
    }

    /// <summary>As <see cref="Cli"/>, for the boto3 of a Python.</summary>
    internal static Finding Boto3(string? said, string python)
    {
        var version = VersionIn(said, "boto3");
        return Judge($"boto3 ({python})", said, version, version is not null && version >= _boto3, "1.28", "give each client endpoint_url=URL");
    }

    private static Finding Judge(string name, string? said, Version? version, bool isNewEnough, string first, string otherwise)
    {
        if (said is null)
        {
            return new(name, FindingState.Ok, "not installed; needed only if you use it");
        }

        var advice = $"Install {first} or later, or {otherwise}.";
        return version is null ? new(name, FindingState.Warning, "does not report its version; an old one would talk to AWS itself", advice)
            : isNewEnough ? new(name, FindingState.Ok, $"{version}")
            : new(name, FindingState.Warning, $"{version} ignores AWS_ENDPOINT_URL: it would talk to AWS itself", advice);
    }

    private static Version? VersionIn(string? said, string name)
    {
        var match = NameAndVersion().Matches(said ?? "").FirstOrDefault(m => m.Groups["name"].Value == name);
        return match is null ? null : new Version(Number(match, "major"), Number(match, "minor"), Number(match, "patch"));
    }

    private static int Number(Match match, string group) =>
        match.Groups[group] is { Success: true } found ? int.Parse(found.Value, CultureInfo.InvariantCulture) : 0;

    /// <summary>What a program writes; null if it does not exist or ends with an error, as a Python without boto3 does.</summary>
    private static async Task<string?> SaidAsync(string program, IEnumerable<string> words, CancellationToken cancel)
    {
        var start = new ProcessStartInfo(program, words) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        // A check must write nothing beside its files.
        start.Environment["PYTHONDONTWRITEBYTECODE"] = "1";
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            return null;
        }

        using (process)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
            limit.CancelAfter(_wait);
            try
            {
                process.StandardInput.Close();
                var (output, errors) = (process.StandardOutput.ReadToEndAsync(limit.Token), process.StandardError.ReadToEndAsync(limit.Token));
                await process.WaitForExitAsync(limit.Token);
                // Early versions of the CLI wrote it to standard error.
                var said = await output + await errors;
                return process.ExitCode == 0 ? said : null;
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                cancel.ThrowIfCancellationRequested();
                return "";
            }
        }
    }

    [GeneratedRegex(@"(?<name>[a-z0-9-]+)/(?<major>\d{1,5})\.(?<minor>\d{1,5})(\.(?<patch>\d{1,5}))?", RegexOptions.CultureInvariant)]
    private static partial Regex NameAndVersion();
}
