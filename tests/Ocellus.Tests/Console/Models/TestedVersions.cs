using System.Text;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Ocellus.Datasets.Manifests;
using Ocellus.Projects;
using Ocellus.Tests.Hosting;
using Ocellus.Training.Evaluation;
using Ocellus.Vision.Inference;

namespace Ocellus.Tests.Console.Models;

/// <summary>Versions with a stored test, without the training that makes both.</summary>
internal static class TestedVersions
{
    private static readonly DateTimeOffset s_ended = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    /// <summary>A version whose test is these lines, in the bucket <c>images</c>, which must be there.</summary>
    public static async Task<string> TestedVersionAsync(
        this TestServer server, string projectArn, string name, IReadOnlyList<string> lines, string kind = ModelKinds.Classification,
        double[]? thresholds = null, double f1 = .8)
    {
        var key = $"models/TestingGroundTruth-{Arn.Parse(projectArn).Project}-{name}.json";
        await server.PutObjectAsync("images", key, Encoding.UTF8.GetBytes(string.Join('\n', lines)));
        var folder = Guid.NewGuid().ToString("N");
        var arn = (await server.Services.GetRequiredService<VersionCatalog>().CreateAsync(
            server.Caller(),
            new NewVersion(projectArn, name, ProjectVersionStatus.TRAINING_COMPLETED, folder, "images", "models")
            {
                EvaluationResult = JsonSerializer.Serialize(new { F1Score = f1 }),
                TestingResult = $$$"""{"Output":{"Assets":[{"GroundTruthManifest":{"S3Object":{"Bucket":"images","Name":"{{{key}}}"} } }] } }""",
            }, Cancel)).ToString();
        ModelFiles.Save(
            server.ModelFolder(folder), TinyModel.Result.Model, TinyModel.Result.Description with { Kind = kind, Thresholds = thresholds ?? [.5, .5, .5] });
        return arn;
    }

    /// <summary>Puts a red, a green and a blue image into the bucket <c>images</c>: <c>0.jpg</c> to <c>2.jpg</c>, of 200 × 100 pixels.</summary>
    public static async Task ColourImagesAsync(this TestServer server)
    {
        await server.CreateBucketAsync("images");
        for (var i = 0; i < TinyModel.Labels.Length; i++)
        {
            await server.PutObjectAsync("images", $"{i}.jpg", TinyModel.Jpeg(i, 200, 100));
        }
    }

    /// <summary>A line of a classifier's test. Scores are of red, green and blue.</summary>
    public static string Classified(string image, string truth, params double[] scores)
    {
        var metadata = $$"""
            {"class-name":"{{truth}}","confidence":1,"type":"groundtruth/image-classification","human-annotated":"yes","creation-date":"2026-01-01T00:00:00"}
            """;
        var line = Line($$"""{"source-ref":"{{image}}","kind":0,"kind-metadata":{{metadata}} }""");
        return SnapshotWriter.TestingLine(
            line, [.. TinyModel.Labels.Zip(scores).Select(s => new LabelPrediction(s.First, s.Second, .5, s.First == truth))], s_ended, 1);
    }

    /// <summary>A line of a detector's test, of an image of 100 × 80 pixels: one true box of red, and what was found.</summary>
    public static string Detected(string image, params (string Label, double Score, int Left, Outcome Outcome)[] found)
    {
        const string metadata =
            """
            {"objects":[{"confidence":1}],"class-map":{"0":"red"},"type":"groundtruth/object-detection","human-annotated":"yes",
            "creation-date":"2026-01-01T00:00:00"}
            """;
        var line = Line(
            $$"""
            {"source-ref":"{{image}}","boxes":{"image_size":[{"width":100,"height":80,"depth":3}],
            "annotations":[{"class_id":0,"left":10,"top":10,"width":20,"height":20}] },"boxes-metadata":{{metadata}} }
            """);
        return SnapshotWriter.TestingLine(
            line,
            [
                .. found.Select(f => new BoxPrediction(
                    f.Label, f.Score, f.Left, 10, 20, 20, f.Outcome, f.Outcome is Outcome.TruePositive or Outcome.FalseNegative)),
            ],
            s_ended, 1);
    }

    private static ParsedLine Line(string json) => LineParser.Parse(new ManifestLine(1, json));
}
