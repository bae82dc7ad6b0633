using System.Globalization;
using System.Text.Json.Nodes;

namespace Ocellus.Transfer;

/// <summary>Trains a pulled project here, in the place of models whose weights do not come.</summary>
internal static class PullTraining
{
    /// <summary>Starts a training, unless the project has no TRAIN dataset or one was started before.</summary>
    /// <exception cref="ServiceException">Refused.</exception>
    public static async Task StartAsync(ServiceClient to, PulledProject project, CancellationToken cancel)
    {
        if (!project.Datasets.Exists(d => d.Type == "TRAIN" && d.Total > 0))
        {
            project.Missing.Add("A training: the project has no TRAIN dataset with entries here.");
            return;
        }

        var here = await to.ListAsync("DescribeProjectVersions", new JsonObject { ["ProjectArn"] = project.Arn }, "ProjectVersionDescriptions", cancel)
            .ToListAsync(cancel);
        if (here.Find(v => (string?)v["Status"] is "TRAINING_IN_PROGRESS") is { } running)
        {
            project.Training = (string?)running["ProjectVersionArn"];
            return;
        }

        var names = here.Select(v => ((string?)v["ProjectVersionArn"] ?? "").Split('/') is [.., var last, _] ? last : "").ToHashSet(StringComparer.Ordinal);
        var wanted = project.Models.Find(m => m.F1 is not null)?.Name is { Length: > 0 } newest ? newest : "v1";
        var name = wanted;
        for (var n = 2; names.Contains(name); n++)
        {
            name = string.Create(CultureInfo.InvariantCulture, $"{wanted}-{n}");
        }

        var arn = project.Arn.Split(':');
        var bucket = $"ocellus-results-{arn[4]}-{arn[3]}";
        await new BucketKeeper(to.Objects).RequireAsync(bucket, cancel);
        var answer = await to.CallAsync(
            "CreateProjectVersion",
            new JsonObject
            {
                ["ProjectArn"] = project.Arn,
                ["VersionName"] = name,
                ["OutputConfig"] = new JsonObject { ["S3Bucket"] = bucket, ["S3KeyPrefix"] = project.Name },
            },
            cancel);
        project.Training = (string?)answer["ProjectVersionArn"];
    }
}
