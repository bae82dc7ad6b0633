namespace Ocellus.Vision.Recipes;

/// <summary>A detector's input that was chosen by the clock, beside the training's checkpoint, so that a resumed training goes on with it.</summary>
/// <param name="Key">Identifies the training.</param>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
internal sealed record SavedDetectorInput(string Key, int Width, int Height) : ISavedChoice
{
    /// <summary>Name of the file in the checkpoint's directory.</summary>
    public const string FileName = "detector.input.json";

    /// <summary>Null if there is none, or it is damaged or of another training: then the choice is made again.</summary>
    public static DetectorInput? Read(string? folder, string key) =>
        SavedChoice.Read(folder, FileName, key, SavedChoiceJson.Default.SavedDetectorInput) is { } saved ? new(saved.Width, saved.Height) : null;

    /// <summary>Writes the file completely or not at all; nothing without a folder.</summary>
    public void Write(string? folder) => this.Write(folder, FileName, SavedChoiceJson.Default.SavedDetectorInput);
}
