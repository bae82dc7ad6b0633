using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ocellus.Vision.Recipes;

/// <summary>A detector's input that was chosen by the clock, beside the training's checkpoint, so that a resumed training goes on with it.</summary>
/// <param name="Key">Identifies the training.</param>
/// <param name="Width">Pixels.</param>
/// <param name="Height">Pixels.</param>
internal sealed record SavedDetectorInput(string Key, int Width, int Height)
{
    /// <summary>Name of the file in the checkpoint's directory.</summary>
    public const string FileName = "detector.input.json";

    /// <summary>Null if there is none, or it is damaged or of another training: then the choice is made again.</summary>
    public static DetectorInput? Read(string? folder, string key)
    {
        if (folder is null || Path.Combine(folder, FileName) is not { } path || !File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), SavedDetectorInputJson.Default.SavedDetectorInput) is { } saved && saved.Key == key
                ? new DetectorInput(saved.Width, saved.Height)
                : null;
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
            AtomicFile.Write(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this, SavedDetectorInputJson.Default.SavedDetectorInput));
        }
    }
}

[JsonSerializable(typeof(SavedDetectorInput))]
internal sealed partial class SavedDetectorInputJson : JsonSerializerContext;
