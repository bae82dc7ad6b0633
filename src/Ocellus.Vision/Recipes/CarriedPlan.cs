using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using Ocellus.Vision.Inference;

namespace Ocellus.Vision.Recipes;

/// <summary>
/// The plan that a training carried out: <c>plan</c> of model.json. A training that repeats it asks neither the clock nor the memory, so on the same kind of
/// processor it gives the same model for the same data.
/// </summary>
public sealed record CarriedPlan
{
    /// <summary>One of <see cref="ModelKinds"/>.</summary>
    public required string Kind { get; init; }

    /// <summary>Training images.</summary>
    public required int Images { get; init; }

    /// <summary>SHA-256 of labels and targets of the training images in their order, to tell whether the data are the same.</summary>
    public required string Data { get; init; }

    /// <summary>What was chosen on the way.</summary>
    public required PlanRun Run { get; init; }

    /// <summary>
    /// Every hyper-parameter: the members of <see cref="ClassifierPlan"/> or <see cref="DetectorPlan"/>. How a classifier's input was searched is not among
    /// them: <see cref="Run"/> has what was found.
    /// </summary>
    public required JsonObject Settings { get; init; }

    /// <summary>SHA-256 of model.onnx of the model that the training went on from; null if it began from the pretrained network.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? StartedFrom { get; init; }

    /// <summary>Number that all random choices follow from.</summary>
    [JsonIgnore]
    public int Seed => Settings["seed"] is JsonValue value && value.TryGetValue(out int seed) ? seed : throw new PlanException("The plan has no seed.");

    /// <summary>The plan as it is written to model.json.</summary>
    public JsonElement ToJson() => JsonSerializer.SerializeToElement(this, PlanJson.Default.CarriedPlan);

    /// <summary>Reads a plan of model.json.</summary>
    /// <exception cref="PlanException">Not a plan.</exception>
    public static CarriedPlan FromJson(JsonElement json)
    {
        try
        {
            return json.Deserialize(PlanJson.Default.CarriedPlan) is { } plan && plan.Run.IsPossible
                && plan.Settings["seed"] is JsonValue seed && seed.TryGetValue(out int _)
                ? plan
                : throw new PlanException("The plan in model.json has impossible numbers.");
        }
        catch (JsonException failure)
        {
            throw new PlanException($"The plan in model.json cannot be read: {failure.Message}", failure);
        }
    }

    /// <summary>The settings of a classifier, to repeat this plan.</summary>
    /// <param name="task">What is to be learnt.</param>
    /// <param name="now">Where files are and how much memory is used; everything else comes from the plan.</param>
    /// <exception cref="PlanException">It is the plan of another kind of model, or of another version of the recipe.</exception>
    public ClassifierPlan For(ClassifierTask task, ClassifierPlan now)
    {
        ArgumentNullException.ThrowIfNull(task);
        ArgumentNullException.ThrowIfNull(now);
        RequireKind(task.MultiLabel ? ModelKinds.MultiLabel : ModelKinds.Classification);
        RequireStart(now.From);
        ClassifierPlan settings = Read(now, PlanJson.Default.ClassifierPlan);
        return settings with
        {
            BackbonePath = now.BackbonePath,
            From = now.From,
            ImageCacheBytes = now.ImageCacheBytes,
            MemoryBytes = now.MemoryBytes,
            Repeat = Run,
        };
    }

    /// <summary>The settings of a detector, to repeat this plan.</summary>
    /// <param name="now">Where files are and how much memory is used; everything else comes from the plan.</param>
    /// <exception cref="PlanException">It is the plan of another kind of model, or of another version of the recipe.</exception>
    public DetectorPlan For(DetectorPlan now)
    {
        ArgumentNullException.ThrowIfNull(now);
        RequireKind(ModelKinds.Localization);
        RequireStart(now.From);
        return Read(now, PlanJson.Default.DetectorPlan) with
        {
            BackbonePath = now.BackbonePath,
            StartPath = now.StartPath,
            From = now.From,
            ImageCacheBytes = now.ImageCacheBytes,
            MemoryBytes = now.MemoryBytes,
            Repeat = Run,
        };
    }

    /// <summary>A note for the user if the data are not those that the plan was made with; null if they are.</summary>
    public string? Difference(CarriedPlan repeated)
    {
        ArgumentNullException.ThrowIfNull(repeated);
        return repeated.Data == Data ? null : string.Create(
            CultureInfo.InvariantCulture,
            $"The plan was repeated on other data, so the model differs: the plan had {Images} images, and these are {repeated.Images} or have other labels.");
    }

    internal static CarriedPlan Of(ClassifierTask task, ClassifierPlan plan, PlanRun run) => new()
    {
        Kind = task.MultiLabel ? ModelKinds.MultiLabel : ModelKinds.Classification,
        Images = task.Images.Count,
        Data = TrainingCheckpoint.KeyOf(
            $"{string.Join('\n', task.Labels)}|{string.Join(';', task.Targets.Select(t => string.Join(',', t)))}").ToLowerInvariant(),
        Run = run,
        StartedFrom = plan.From?.Sha256,
        Settings = (JsonObject)JsonSerializer.SerializeToNode(plan, PlanJson.Default.ClassifierPlan)!,
    };

    internal static CarriedPlan Of(DetectorTask task, DetectorPlan plan, PlanRun run) => new()
    {
        Kind = ModelKinds.Localization,
        Images = task.Images.Count,
        Data = TrainingCheckpoint.KeyOf(
            $"{string.Join('\n', task.Labels)}|{string.Join(';', task.Boxes.Select(b => string.Join(',', b)))}").ToLowerInvariant(),
        Run = run,
        StartedFrom = plan.From?.Sha256,
        Settings = (JsonObject)JsonSerializer.SerializeToNode(plan, PlanJson.Default.DetectorPlan)!,
    };

    /// <summary>What the training went on from cannot be in a plan, so it must be given again.</summary>
    private void RequireStart(StartModel? from)
    {
        if (from?.Sha256 != StartedFrom)
        {
            throw new PlanException(
                StartedFrom is null
                    ? "The plan is that of a training that began from the pretrained network; to repeat it, leave out the model to go on from."
                    : $"The plan is that of a training that went on from another model; to repeat it, name that model too (its model.onnx has the SHA-256 "
                        + $"{StartedFrom}).");
        }
    }

    private void RequireKind(string kind)
    {
        if (Kind != kind)
        {
            throw new PlanException(
                $"The plan is that of {ModelKinds.Name(Kind)}, and these data are for {ModelKinds.Name(kind)}. Leave the plan out, or name a model of the "
                    + "same kind.");
        }
    }

    /// <summary>Reads the settings. All members must be known and there, or something else would be repeated than what was done.</summary>
    private T Read<T>(T now, System.Text.Json.Serialization.Metadata.JsonTypeInfo<T> type)
    {
        var known = (JsonObject)JsonSerializer.SerializeToNode(now, type)!;
        var differing = Names(known).ToHashSet(StringComparer.Ordinal);
        differing.SymmetricExceptWith(Names(Settings));
        if (differing.Count > 0)
        {
            throw new PlanException(
                "The plan is that of another version of Ocellus, whose recipe has other settings "
                + $"({string.Join(", ", differing.Order(StringComparer.Ordinal).Take(5))}); it cannot be repeated.");
        }

        try
        {
            return Settings.Deserialize(type)!;
        }
        catch (JsonException failure)
        {
            throw new PlanException($"The plan in model.json cannot be read: {failure.Message}", failure);
        }

        static IEnumerable<string> Names(JsonObject settings, string within = "") =>
            settings.SelectMany(m => m.Value is JsonObject inner ? Names(inner, $"{within}{m.Key}.") : [within + m.Key]);
    }
}

/// <summary>A plan cannot be repeated; the message says why, for the user.</summary>
public sealed class PlanException : Exception
{
    public PlanException(string message)
        : base(message)
    {
    }

    public PlanException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(CarriedPlan))]
[JsonSerializable(typeof(ClassifierPlan))]
[JsonSerializable(typeof(DetectorPlan))]
internal sealed partial class PlanJson : JsonSerializerContext;
