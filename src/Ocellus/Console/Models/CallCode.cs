namespace Ocellus.Console.Models;

/// <summary>Programs that ask a model, ready to run. Keys come from where each client looks for them: a secret is never in a page.</summary>
internal static class CallCode
{
    /// <summary>What each program is called, and its text.</summary>
    /// <param name="endpoint">Address of the server.</param>
    /// <param name="region">Region of the model.</param>
    /// <param name="arn">Of the version.</param>
    public static IReadOnlyList<(string Id, string Name, string Code)> Of(string endpoint, string region, string arn) =>
    [
        ("cli", "AWS CLI", $$"""
            aws rekognition detect-custom-labels --endpoint-url {{endpoint}} --region {{region}} \
              --project-version-arn {{arn}} \
              --image-bytes fileb://image.jpg
            """),
        ("python", "Python", $$"""
            import boto3

            rekognition = boto3.client("rekognition", endpoint_url="{{endpoint}}", region_name="{{region}}")
            with open("image.jpg", "rb") as image:
                answer = rekognition.detect_custom_labels(
                    ProjectVersionArn="{{arn}}",
                    Image={"Bytes": image.read()})
            for label in answer["CustomLabels"]:
                print(label["Name"], label["Confidence"], label.get("Geometry"))
            """),
        ("javascript", "JavaScript", $$"""
            import { DetectCustomLabelsCommand, RekognitionClient } from "@aws-sdk/client-rekognition";
            import { readFile } from "node:fs/promises";

            const rekognition = new RekognitionClient({ endpoint: "{{endpoint}}", region: "{{region}}" });
            const answer = await rekognition.send(new DetectCustomLabelsCommand({
              ProjectVersionArn: "{{arn}}",
              Image: { Bytes: await readFile("image.jpg") },
            }));
            for (const label of answer.CustomLabels) console.log(label.Name, label.Confidence, label.Geometry);
            """),
        ("csharp", "C#", $$"""
            // dotnet add package AWSSDK.Rekognition
            using Amazon.Rekognition;
            using Amazon.Rekognition.Model;

            var config = new AmazonRekognitionConfig { ServiceURL = "{{endpoint}}", AuthenticationRegion = "{{region}}" };
            using var rekognition = new AmazonRekognitionClient(config);
            var answer = await rekognition.DetectCustomLabelsAsync(new DetectCustomLabelsRequest
            {
                ProjectVersionArn = "{{arn}}",
                Image = new Image { Bytes = new MemoryStream(File.ReadAllBytes("image.jpg")) },
            });
            foreach (var label in answer.CustomLabels) Console.WriteLine($"{label.Name} {label.Confidence}");
            """),
    ];
}
