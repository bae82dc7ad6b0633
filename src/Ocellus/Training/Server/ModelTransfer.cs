using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ocellus.Encodings;
using Ocellus.Identity;
using Ocellus.Objects;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Vision.Inference;
using Ocellus.Wire;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Training.Server;

/// <summary>
/// Hands models to another Ocellus and takes them. AWS has no such operations: they are signed for a service name of their own, so that the API stays AWS's.
/// </summary>
[Assumed(
    "Models between servers",
    "Two operations that AWS does not have, for `ocellus pull`: `Ocellus.ReadModel` and `Ocellus.AddModel`, signed for the service `ocellus`. Reading needs "
    + "`rekognition:CopyProjectVersion`; adding needs `ocellus:AddModel`, which of the managed policies only administrator allows.")]
internal sealed partial class ModelTransfer(
    RequestAuthenticator authenticator, BodyReader bodies, Authorizer authorizer, VersionCatalog versions, DataDirectory data, IObjects objects,
    ILogger<ModelTransfer> log)
{
    /// <summary>The signing name.</summary>
    public const string Service = "ocellus";

    /// <summary>What <c>X-Amz-Target</c> begins with.</summary>
    public const string TargetPrefix = "Ocellus.";

    /// <summary>Adding runs a program that the sender has chosen, as far as a network is one: not for everyone who trains.</summary>
    public const string AddAction = "ocellus:AddModel";

    private const int BodyBytesMax = 64 * 1024;

    private static readonly JsonDocumentOptions _strict = new() { MaxDepth = 16 };

    /// <summary>Handles a request for one of these operations; null for another.</summary>
    public Task? Handle(HttpContext http) =>
        http.Request.Method == "POST" && http.Request.Path == "/"
            && http.Request.Headers["X-Amz-Target"].ToString().StartsWith(TargetPrefix, StringComparison.Ordinal)
            ? HandleAsync(http)
            : null;

    private async Task HandleAsync(HttpContext http)
    {
        var cancel = http.RequestAborted;
        try
        {
            var claim = await authenticator.ClaimAsync(http.Request, Service, cancel);
            using var body = await bodies.ReadAsync(http.Request, BodyBytesMax, cancel)
                ?? throw new FrameworkException("RequestEntityTooLarge", $"The request has more than {BodyBytesMax} bytes.", 413);
            var caller = await authenticator.AuthenticateAsync(http.Request, claim, body.Bytes, cancel);
            var request = Parse(body.Bytes.Span);
            switch (http.Request.Headers["X-Amz-Target"].ToString()[TargetPrefix.Length..])
            {
                case "ReadModel":
                    await ReadAsync(http, caller, request, cancel);
                    break;
                case "AddModel":
                    await WriteAsync(http, StatusCodes.Status200OK, new JsonObject { ["ProjectVersionArn"] = await AddAsync(caller, request, cancel) });
                    break;
                case var other:
                    throw new FrameworkException("UnknownOperationException", $"There is no operation {TargetPrefix}{Readable.Truncate(other)}.");
            }
        }
        catch (RefusedException refusal)
        {
            await WriteAsync(http, AwsErrors.Of(refusal.Kind).Status, Error(AwsErrors.Of(refusal.Kind).Name, refusal.Message));
        }
        catch (FrameworkException refusal)
        {
            await WriteAsync(http, refusal.Status, Error(refusal.Type, refusal.Message));
        }
        catch (S3Exception refusal)
        {
            await WriteAsync(http, StatusCodes.Status400BadRequest, Error("InvalidS3ObjectException", refusal.Message));
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The client has left: there is no one to respond to.
        }
    }

    private static JsonObject Parse(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonNode.Parse(body, documentOptions: _strict) as JsonObject ?? throw Refused.Invalid("The body is no JSON object.");
        }
        catch (JsonException)
        {
            throw Refused.Invalid("The body is no JSON.");
        }
    }

    private static JsonObject Error(string type, string message) => new() { ["__type"] = type, ["message"] = message };

    private static string Text(JsonObject request, string member) =>
        request[member] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length is > 0 and <= 2048 ? text
            : throw Refused.Invalid($"{member} is missing.");

    private static async Task WriteAsync(HttpContext http, int status, JsonObject body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "application/x-amz-json-1.1";
        await http.Response.WriteAsync(body.ToJsonString(), http.RequestAborted);
    }

    /// <summary>Answers one file of a model.</summary>
    private async Task ReadAsync(HttpContext http, Caller caller, JsonObject request, CancellationToken cancel)
    {
        var arn = Text(request, "ProjectVersionArn");
        var part = Text(request, "Part");
        if (Arn.TryParse(arn) is not { Kind: ArnKind.ProjectVersion } parsed || part is not (ModelFiles.Model or ModelFiles.Description))
        {
            throw Refused.Invalid($"ProjectVersionArn is that of a model version, and Part is {ModelFiles.Model} or {ModelFiles.Description}.");
        }

        await authorizer.RequireAsync(caller, [Permission.Rekognition("CopyProjectVersion", arn)], cancel);
        var version = parsed.AccountId == caller.AccountId && parsed.Region == caller.Region ? await versions.FindAsync(arn, cancel) : null;
        var file = version is null ? "" : Path.Combine(data.ModelFolder(version.AccountId, version.Folder), part);
        if (!File.Exists(file))
        {
            throw Refused.NotFound($"{Readable.Truncate(arn)} has no model here.");
        }

        http.Response.ContentType = "application/octet-stream";
        await http.Response.SendFileAsync(file, cancel);
    }

    /// <summary>Adds a version whose two files are in the object store, and gives its ARN.</summary>
    private async Task<string> AddAsync(Caller caller, JsonObject request, CancellationToken cancel)
    {
        var (project, name) = (Text(request, "ProjectArn"), Text(request, "VersionName"));
        var (bucket, prefix) = (Text(request, "Bucket"), Text(request, "Prefix"));
        if (Arn.TryParse(project) is not { Kind: ArnKind.Project }
            || name.Length > 255
            || !name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-'))
        {
            throw Refused.Invalid("ProjectArn is that of a project, and VersionName is 1 to 255 letters, digits and _.-");
        }

        var files = new[] { ModelFiles.Model, ModelFiles.Description }.Select(f => (Name: f, Key: $"{prefix}/{f}")).ToList();
        await authorizer.RequireAsync(caller, [new(AddAction, project), .. files.Select(f => Permission.Read(bucket, f.Key))], cancel);
        await versions.CheckRoomAsync(caller, project, name, ProjectVersionStatus.COPYING_COMPLETED, cancel);
        if (await objects.BucketRefusalAsync(bucket, caller, cancel) is { } refusal)
        {
            throw Refused.Invalid(refusal);
        }

        var folder = VersionRemoval.FolderPrefix + Guid.NewGuid().ToString("N");
        var target = data.ModelFolder(caller.AccountId, folder);
        Directory.CreateDirectory(target);
        try
        {
            foreach (var (file, key) in files)
            {
                if (!await objects.FetchAsync(bucket, key, Path.Combine(target, file), cancel))
                {
                    throw Refused.Invalid($"There is no object s3://{Readable.Truncate(bucket)}/{Readable.Truncate(key)}.");
                }
            }

            await CheckAsync(target, cancel);
            FileSystem.SyncFolder(target);
            var evaluation = request["EvaluationResult"]?.Deserialize(TrainingJson.Default.EvaluationResult);
            var arn = await versions.CreateAsync(
                caller,
                new NewVersion(project, name, ProjectVersionStatus.COPYING_COMPLETED, folder, bucket, prefix)
                {
                    Description = (string?)request["VersionDescription"],
                    SourceArn = (string?)request["SourceProjectVersionArn"],
                    EvaluationResult = evaluation is null ? null : JsonSerializer.Serialize(evaluation, TrainingJson.Default.EvaluationResult),
                },
                null, cancel);
            Added(log, arn.ToString());
            return arn.ToString();
        }
        catch (Exception failure)
        {
            FileSystem.RemoveFolder(target);
            throw failure is JsonException or InvalidOperationException ? Refused.Invalid("EvaluationResult cannot be read.") : failure;
        }
    }

    /// <summary>Checks that a folder holds a model, whole and as its description says.</summary>
    private static async Task CheckAsync(string folder, CancellationToken cancel)
    {
        try
        {
            var description = ModelDescription.FromJson(await File.ReadAllBytesAsync(Path.Combine(folder, ModelFiles.Description), cancel));
            await using var model = File.OpenRead(Path.Combine(folder, ModelFiles.Model));
            if (Convert.ToHexStringLower(await SHA256.HashDataAsync(model, cancel)) != description.ModelSha256)
            {
                throw Refused.Invalid($"The SHA-256 of {ModelFiles.Model} is not the one in {ModelFiles.Description}.");
            }
        }
        catch (InvalidDataException failure)
        {
            throw Refused.Invalid($"That is no model: {failure.Message}");
        }
    }

    [LoggerMessage(1330, LogLevel.Information, "Added the model {ProjectVersionArn} of another server")]
    private static partial void Added(ILogger log, string projectVersionArn);
}
