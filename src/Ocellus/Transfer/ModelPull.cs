using System.Globalization;
using System.Text.Json.Nodes;
using Ocellus.Refusals;
using Ocellus.Vision.Inference;

namespace Ocellus.Transfer;

/// <summary>Brings the models of a project of another Ocellus here, with their evaluation; of AWS, only what is known about them.</summary>
internal sealed class ModelPull(ServiceClient from, ServiceClient to, BucketKeeper buckets, Action<string, int, int> report)
{
    /// <summary>Maximum bytes of a model.</summary>
    private const long ModelBytesMax = 1L << 30;

    private const long DescriptionBytesMax = 16L << 20;

    /// <summary>States in which a version has a model.</summary>
    private static readonly HashSet<string> _withModel = new(StringComparer.Ordinal)
    {
        "TRAINING_COMPLETED", "STARTING", "RUNNING", "FAILED", "STOPPING", "STOPPED", "COPYING_COMPLETED",
    };

    /// <summary>Pulls the models.</summary>
    /// <param name="pulled">Takes the result.</param>
    /// <param name="source">The project there.</param>
    /// <param name="withWeights">Brings the models, and not only their names.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task RunAsync(PulledProject pulled, FoundProject source, bool withWeights, CancellationToken cancel)
    {
        List<JsonNode> there;
        try
        {
            there = await VersionsAsync(from, source.Arn, cancel);
        }
        catch (ServiceException refusal) when (refusal.IsDenied)
        {
            pulled.Missing.Add("The models: the key may not list them (rekognition:DescribeProjectVersions).");
            return;
        }

        var here = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var version in there.Count > 0 ? await VersionsAsync(to, pulled.Arn, cancel) : [])
        {
            here[NameOf(version)] = (string)version["ProjectVersionArn"]!;
        }

        foreach (var version in there)
        {
            var model = new SourceModel(NameOf(version), (string?)version["Status"] ?? "", (double?)version["EvaluationResult"]?["F1Score"]);
            pulled.Models.Add(model);
            if (from.Endpoint.IsAws || !withWeights || !_withModel.Contains(model.Status))
            {
                continue;
            }

            if (here.TryGetValue(model.Name, out var arn))
            {
                model.Here = arn;
                continue;
            }

            report($"{pulled.Name} models", pulled.Models.Count, there.Count);
            try
            {
                model.Here = await CopyAsync(pulled, model.Name, version, cancel);
            }
            catch (ServiceException refusal) when (refusal.Status is (>= 400 and < 500) || refusal.Code == "TooLarge")
            {
                pulled.Missing.Add($"The model {model.Name}: {refusal.Message}");
            }
        }
    }

    private static async Task<List<JsonNode>> VersionsAsync(ServiceClient client, string project, CancellationToken cancel)
    {
        var request = new JsonObject { ["ProjectArn"] = project, ["MaxResults"] = 100 };
        return await client.ListAsync("DescribeProjectVersions", request, "ProjectVersionDescriptions", cancel).ToListAsync(cancel);
    }

    private static string NameOf(JsonNode version) => ((string?)version["ProjectVersionArn"] ?? "").Split('/') is [.., var name, _] ? name : "";

    private async Task<string> CopyAsync(PulledProject pulled, string name, JsonNode version, CancellationToken cancel)
    {
        var source = (string)version["ProjectVersionArn"]!;
        Task<byte[]> ReadAsync(string part, long bytesMax) =>
            from.CallOwnAsync("ReadModel", new JsonObject { ["ProjectVersionArn"] = source, ["Part"] = part }, bytesMax, cancel);

        var description = await ReadAsync(ModelFiles.Description, DescriptionBytesMax);
        var files = new Dictionary<string, byte[]> { [ModelFiles.Model] = await ReadAsync(ModelFiles.Model, ModelBytesMax) };
        if (HasInt8(description))
        {
            files[ModelFiles.EightBit] = await ReadAsync(ModelFiles.EightBit, ModelBytesMax);
        }

        var arn = pulled.Arn.Split(':');
        var bucket = $"ocellus-results-{arn[4]}-{arn[3]}";
        await buckets.RequireAsync(bucket, cancel);
        var prefix = string.Create(CultureInfo.InvariantCulture, $"{pulled.Name}/{name}");
        foreach (var (file, content) in files)
        {
            await to.Objects.PutAsync(bucket, $"{prefix}/{file}", content, "application/octet-stream", null, cancel);
        }

        await to.Objects.PutAsync(bucket, $"{prefix}/{ModelFiles.Description}", description, "application/json", null, cancel);
        try
        {
            var request = new JsonObject
            {
                ["ProjectArn"] = pulled.Arn,
                ["VersionName"] = name,
                ["Bucket"] = bucket,
                ["Prefix"] = prefix,
                ["SourceProjectVersionArn"] = source,
                ["VersionDescription"] = (string?)version["VersionDescription"],
                ["EvaluationResult"] = await EvaluationAsync(version, bucket, prefix, cancel),
            };
            var answer = await to.CallOwnAsync("AddModel", request, DescriptionBytesMax, cancel);
            return (string?)JsonNode.Parse(answer)?["ProjectVersionArn"]
                ?? throw new CommandRefusedException($"{to.Endpoint.Name} did not say where {name} is.");
        }
        finally
        {
            // The server has files of its own now, or has refused these.
            foreach (var file in files.Keys)
            {
                await to.Objects.DeleteAsync(bucket, $"{prefix}/{file}", CancellationToken.None);
            }

            await to.Objects.DeleteAsync(bucket, $"{prefix}/{ModelFiles.Description}", CancellationToken.None);
        }
    }

    /// <summary>Whether a description names an 8-bit model beside the float one. One that cannot be read is refused where it is added.</summary>
    private static bool HasInt8(byte[] description)
    {
        try
        {
            return ModelDescription.FromJson(description).EightBit is not null;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    /// <summary>The evaluation with its summary in a bucket here; null if the source has none.</summary>
    private async Task<JsonObject?> EvaluationAsync(JsonNode version, string bucket, string prefix, CancellationToken cancel)
    {
        if (version["EvaluationResult"] is not JsonObject evaluation)
        {
            return null;
        }

        var result = new JsonObject { ["F1Score"] = (double?)evaluation["F1Score"] };
        if (evaluation["Summary"]?["S3Object"] is { } place && (string?)place["Bucket"] is { } there && (string?)place["Name"] is { } key)
        {
            try
            {
                var (content, type, _) = (await from.Objects.GetAsync(there, key, null, DescriptionBytesMax, cancel))!.Value;
                var target = $"{prefix}/{key.Split('/')[^1]}";
                await to.Objects.PutAsync(bucket, target, content, type, null, cancel);
                result["Summary"] = new JsonObject { ["S3Object"] = new JsonObject { ["Bucket"] = bucket, ["Name"] = target } };
            }
            catch (ServiceException refusal) when (refusal.IsDenied || refusal.IsMissing || refusal.Code == "TooLarge")
            {
                // The model works without it; its F1 is known.
            }
        }

        return result;
    }
}
