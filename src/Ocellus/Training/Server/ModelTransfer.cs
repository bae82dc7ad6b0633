using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
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
    ModelTrial trial, ILogger<ModelTransfer> log)
{
    /// <summary>The signing name.</summary>
    public const string Service = "ocellus";

    /// <summary>What <c>X-Amz-Target</c> begins with.</summary>
    public const string TargetPrefix = "Ocellus.";

    /// <summary>Adding runs a program that the sender has chosen, as far as a network is one: not for everyone who trains.</summary>
    public const string AddAction = "ocellus:AddModel";

    private const int BodyBytesMax = 64 * 1024;

    /// <summary>Maximum bytes of model.json: room for the names and thresholds of thousands of labels.</summary>
    private const long DescriptionBytesMax = 16L << 20;

    /// <summary>Maximum side of a network's input: what a description claims is allocated for each image.</summary>
    private const int SideMax = 8192;

    private static readonly JsonDocumentOptions _strict = new() { MaxDepth = 16, AllowDuplicateProperties = false };

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
            // Half of a surrogate pair, and bytes that are no UTF-8, are found only when they are read.
            return !Utf8.IsValid(body) || Unicode.HasHalfPair(body) ? throw Refused.Invalid("The body has a text that is no Unicode.")
                : JsonNode.Parse(body, documentOptions: _strict) as JsonObject ?? throw Refused.Invalid("The body is no JSON object.");
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

    private static string? Optional(JsonObject request, string member) => request[member] is null ? null : Text(request, member);

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
        if (Arn.TryParse(arn) is not { Kind: ArnKind.ProjectVersion } parsed || part is not (ModelFiles.Model or ModelFiles.EightBit or ModelFiles.Description))
        {
            throw Refused.Invalid(
                $"ProjectVersionArn is that of a model version, and Part is {ModelFiles.Model}, {ModelFiles.EightBit} or {ModelFiles.Description}.");
        }

        await authorizer.RequireAsync(caller, [Permission.Rekognition("CopyProjectVersion", arn)], cancel);
        var version = parsed.AccountId == caller.AccountId && parsed.Region == caller.Region ? await versions.FindAsync(arn, cancel) : null;
        await (version is null ? Task.CompletedTask : data.Models.BringAsync(version.AccountId, version.Folder, cancel));
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

        string[] files = [ModelFiles.Model, ModelFiles.Description];
        await authorizer.RequireAsync(caller, [new(AddAction, project), .. files.Select(f => Permission.Read(bucket, $"{prefix}/{f}"))], cancel);
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
            foreach (var file in files)
            {
                await FetchAsync(file);
            }

            if (Describe(target).EightBit is not null)
            {
                await authorizer.RequireAsync(caller, [Permission.Read(bucket, $"{prefix}/{ModelFiles.EightBit}")], cancel);
                await FetchAsync(ModelFiles.EightBit);
            }

            Check(target);
            if (await trial.FaultAsync(target, cancel) is { } fault)
            {
                throw Refused.Invalid($"{ModelFiles.Model} does not run: {Readable.Truncate(fault).TrimEnd('.')}. Export it again where it runs.");
            }

            FileSystem.SyncFolder(target);
            await data.Models.KeepAsync(caller.AccountId, folder, cancel);
            var evaluation = Evaluation(request["EvaluationResult"]);
            var arn = await versions.CreateAsync(
                caller,
                new NewVersion(project, name, ProjectVersionStatus.COPYING_COMPLETED, folder, bucket, prefix)
                {
                    Description = Optional(request, "VersionDescription"),
                    SourceArn = Optional(request, "SourceProjectVersionArn"),
                    EvaluationResult = evaluation is null ? null : JsonSerializer.Serialize(evaluation, TrainingJson.Default.EvaluationResult),
                }, cancel);
            Added(log, arn.ToString());
            return arn.ToString();
        }
        catch
        {
            await data.Models.RemoveAsync(caller.AccountId, folder, CancellationToken.None);
            throw;
        }

        async Task FetchAsync(string file)
        {
            var key = $"{prefix}/{file}";
            if (!await objects.FetchAsync(bucket, key, Path.Combine(target, file), cancel))
            {
                throw Refused.Invalid($"There is no object s3://{Readable.Truncate(bucket)}/{Readable.Truncate(key)}.");
            }
        }
    }

    private static EvaluationResult? Evaluation(JsonNode? json)
    {
        try
        {
            return json?.Deserialize(TrainingJson.Default.EvaluationResult);
        }
        catch (JsonException)
        {
            throw Refused.Invalid("EvaluationResult cannot be read.");
        }
    }

    /// <summary>The description in a folder.</summary>
    private static ModelDescription Describe(string folder)
    {
        var file = Path.Combine(folder, ModelFiles.Description);
        if (new FileInfo(file).Length > DescriptionBytesMax)
        {
            throw Refused.Invalid($"{ModelFiles.Description} has more than {DescriptionBytesMax} bytes.");
        }

        try
        {
            return ModelDescription.FromJson(File.ReadAllBytes(file));
        }
        catch (InvalidDataException failure)
        {
            throw Refused.Invalid($"That is no model: {failure.Message}");
        }
    }

    /// <summary>Checks that a folder holds a model, whole and as its description says.</summary>
    private static void Check(string folder)
    {
        var description = Describe(folder);
        if (ServedModel.Damages(folder, description).FirstOrDefault() is { } damaged)
        {
            throw Refused.Invalid($"The SHA-256 of {damaged} is not the one in {ModelFiles.Description}.");
        }

        if (Fault(description) is { } fault)
        {
            throw Refused.Invalid($"{ModelFiles.Description} describes no model: {fault}.");
        }
    }

    /// <summary>What everything that reads a description relies on, and this one lacks; null for nothing.</summary>
    private static string? Fault(ModelDescription description) =>
        description.Kind is not (ModelKinds.Classification or ModelKinds.MultiLabel or ModelKinds.Localization) ? "its kind is unknown"
        : description.Labels is not { Count: > 0 } labels || labels.Any(string.IsNullOrEmpty) ? "it has no labels, or an empty one"
        : description.Width is < 1 or > SideMax || description.Height is < 1 or > SideMax ? $"its sides are not 1 to {SideMax} pixels"
        : description is not { Resize: not null, Recipe: not null, Versions: not null, Thresholds: not null, Remarks: not null } ? "members are null"
        : null;

    [LoggerMessage(1330, LogLevel.Information, "Added the model {ProjectVersionArn} of another server")]
    private static partial void Added(ILogger log, string projectVersionArn);
}
