namespace Ocellus.Protocol;

/// <summary>Text for people, from values that may be hostile or long.</summary>
internal static class Readable
{
    /// <summary>Longest piece of a sender's value that an error message repeats, in characters.</summary>
    public const int LengthMax = 200;

    /// <summary>The value, cut to a readable length.</summary>
    public static string Cut(string value) => value.Length <= LengthMax ? value : $"{value[..LengthMax]}… ({value.Length} characters)";
}
