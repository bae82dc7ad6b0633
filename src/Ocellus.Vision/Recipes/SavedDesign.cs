using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ocellus.Vision.Recipes;

/// <summary>A choice of input and head beside a training's checkpoint, so that a resumed training goes on with it, whatever the clock.</summary>
/// <param name="Key">Identifies the training.</param>
/// <param name="Chosen">Input and head.</param>
/// <param name="Trials">What was tried.</param>
internal sealed record SavedDesign(string Key, ClassifierDesign Chosen, IReadOnlyList<DesignTrial> Trials)
{
    /// <summary>Name of the file in the checkpoint's directory.</summary>
    public const string FileName = "classifier.design.json";

    /// <summary>Identifies the training that a choice belongs to.</summary>
    public static string KeyOf(ClassifierTask task, ClassifierPlan plan) =>
        ClassifierTuning.Fingerprint(task, plan, plan.Batch, new ClassifierDesign(ClassifierInput.Square(plan.Size), ClassifierHeadKind.Average))
        + $"|{plan.Search?.AnswerTimeMax}";

    /// <summary>Null if there is none, or it is damaged or of another training: then the choice is made again.</summary>
    public static SavedDesign? Read(string? folder, string key)
    {
        if (folder is null || Path.Combine(folder, FileName) is not { } path || !File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), SavedDesignJson.Default.SavedDesign) is { } saved && saved.Key == key ? saved : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the file atomically; nothing without a folder.</summary>
    public void Write(string? folder)
    {
        if (folder is not null)
        {
            Directory.CreateDirectory(folder);
            AtomicFile.Write(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this, SavedDesignJson.Default.SavedDesign));
        }
    }
}

[JsonSerializable(typeof(SavedDesign))]
internal sealed partial class SavedDesignJson : JsonSerializerContext;
