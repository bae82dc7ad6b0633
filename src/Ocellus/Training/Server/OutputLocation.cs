using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Training.Job;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Training.Server;

/// <summary>Where the output files of a version go.</summary>
internal static class OutputLocation
{
    /// <summary>For <c>StatusMessage</c>.</summary>
    public const string NotWritable = "Unable to write to output S3 bucket.";

    /// <summary>Whether the bucket exists, belongs to the version's account and is in its region.</summary>
    public static async Task<bool> IsWritableAsync(IObjects objects, VersionRow version, CancellationToken cancel) =>
        await objects.FindBucketAsync(version.OutputBucket, cancel) is { } bucket
            && bucket.IsOf(version.AccountId)
            && bucket.IsIn(Arn.Parse(version.Arn).Region);

    /// <summary>Whether also the caller may write every output file there.</summary>
    public static async Task<bool> IsWritableAsync(IObjects objects, VersionRow version, CallerRights rights, CancellationToken cancel) =>
        await IsWritableAsync(objects, version, cancel)
            && OutputKinds.All.All(kind => Of(version, kind) is var file && rights.Allow(Permission.Write(file.Bucket!, file.Name!)));

    /// <summary>Prefix and file, separated by one slash; without a prefix just the file.</summary>
    public static string Key(VersionRow version, string file) => version.OutputPrefix.Trim('/') is { Length: > 0 } inner ? $"{inner}/{file}" : file;

    /// <summary>The location of a version's output file of a kind, see <see cref="OutputKinds"/>.</summary>
    public static S3Object Of(VersionRow version, string kind)
    {
        var arn = Arn.Parse(version.Arn);
        return new() { Bucket = version.OutputBucket, Name = Key(version, JobFolder.FileName(kind, arn.Project, arn.Name)) };
    }
}
