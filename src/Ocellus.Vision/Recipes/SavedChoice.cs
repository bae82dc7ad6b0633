using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Ocellus.Vision.Recipes;

/// <summary>A choice that a training has made by the clock: a small file beside its checkpoint, so that a resumed training goes on with it.</summary>
internal interface ISavedChoice
{
    /// <summary>Identifies the training that the choice belongs to.</summary>
    string Key { get; }
}

/// <summary>Reads and writes such files.</summary>
internal static class SavedChoice
{
    /// <summary>Null if there is none, or it is damaged or of another training: then the choice is made again.</summary>
    /// <param name="folder">The checkpoint's; null for none.</param>
    /// <param name="name">Name of the file in it.</param>
    /// <param name="key">The training that goes on.</param>
    /// <param name="type">How the choice is read.</param>
    public static T? Read<T>(string? folder, string name, string key, JsonTypeInfo<T> type)
        where T : class, ISavedChoice
    {
        if (folder is null || Path.Combine(folder, name) is not { } path || !File.Exists(path))
        {
            return null;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), type) is { } saved && saved.Key == key ? saved : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the file completely or not at all; nothing without a folder.</summary>
    public static void Write<T>(this T choice, string? folder, string name, JsonTypeInfo<T> type)
        where T : class, ISavedChoice
    {
        if (folder is not null)
        {
            Directory.CreateDirectory(folder);
            AtomicFile.Write(Path.Combine(folder, name), JsonSerializer.SerializeToUtf8Bytes(choice, type));
        }
    }
}
