using System.Text.Json.Serialization;

namespace Ocellus.Vision.Recipes;

/// <summary>A choice of input and head beside a training's checkpoint, so that a resumed training goes on with it, whatever the clock.</summary>
/// <param name="Key">Identifies the training.</param>
/// <param name="Chosen">Input and head.</param>
/// <param name="Trials">What was tried.</param>
internal sealed record SavedDesign(string Key, ClassifierDesign Chosen, IReadOnlyList<DesignTrial> Trials) : ISavedChoice
{
    /// <summary>Name of the file in the checkpoint's directory.</summary>
    public const string FileName = "classifier.design.json";

    /// <summary>Identifies the training that a choice belongs to.</summary>
    public static string KeyOf(ClassifierTask task, ClassifierPlan plan) =>
        ClassifierTuning.Fingerprint(task, plan, plan.Batch, new ClassifierDesign(ClassifierInput.Square(plan.Size), ClassifierHeadKind.Average))
        + $"|{plan.Search?.AnswerTimeMax}";

    /// <summary>Null if there is none, or it is damaged or of another training: then the choice is made again.</summary>
    public static SavedDesign? Read(string? folder, string key) => SavedChoice.Read(folder, FileName, key, SavedChoiceJson.Default.SavedDesign);

    /// <summary>Writes the file completely or not at all; nothing without a folder.</summary>
    public void Write(string? folder) => this.Write(folder, FileName, SavedChoiceJson.Default.SavedDesign);
}

[JsonSourceGenerationOptions(RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(SavedDesign))]
[JsonSerializable(typeof(SavedDetectorInput))]
internal sealed partial class SavedChoiceJson : JsonSerializerContext;
