using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using Ocellus.Encodings;

namespace Ocellus.Settings;

/// <summary>Checks the attributes of a class of settings, and says of each fault which setting it is, what its value is and what it may be.</summary>
internal sealed class SettingsValidation<T>(string section) : IValidateOptions<T>
    where T : class
{
    public ValidateOptionsResult Validate(string? name, T options)
    {
        var faults = new List<ValidationResult>();
        return Validator.TryValidateObject(options, new ValidationContext(options), faults, validateAllProperties: true)
            ? ValidateOptionsResult.Success
            : ValidateOptionsResult.Fail(faults.Select(f => Sentence(options, f)));
    }

    private string Sentence(T options, ValidationResult fault)
    {
        var said = fault.ErrorMessage ?? "";
        // The attributes' own words name the member only; a message of ours is a whole sentence already.
        return fault.MemberNames.FirstOrDefault() is { } member && said.StartsWith($"The field {member} ", StringComparison.Ordinal)
            ? string.Create(
                CultureInfo.InvariantCulture,
                $"The setting {section}:{member} is {typeof(T).GetProperty(member)?.GetValue(options)}; it {said[$"The field {member} ".Length..]}")
            : said;
    }
}

/// <summary>A value that is not of its setting's type.</summary>
internal static partial class SettingsType
{
    /// <summary>The sentence for a failure to read the configuration; null for any other failure.</summary>
    public static string? Sentence(InvalidOperationException failure) =>
        Conversion().Match(failure.Message) is { Success: true } match
            ? $"The setting {match.Groups["path"].Value} is '{Readable.Truncate(match.Groups["value"].Value)}'; it takes {Words(match.Groups["type"].Value)}."
            : null;

    private static string Words(string type) => type switch
    {
        "System.Int32" or "System.Int64" => "a whole number",
        "System.Double" or "System.Single" => "a number",
        "System.Boolean" => "true or false",
        "System.TimeSpan" => Duration.Form,
        _ => Choice(type) is { } choice ? string.Join(" or ", Enum.GetNames(choice)) : "another kind of value",
    };

    private static Type? Choice(string type) =>
        AppDomain.CurrentDomain.GetAssemblies().Select(a => a.GetType(type)).FirstOrDefault(t => t is { IsEnum: true });

    [GeneratedRegex(@"\AFailed to convert configuration value(?: '(?<value>.*)')? at '(?<path>[^']+)' to type '(?<type>[^']+)'", RegexOptions.Singleline)]
    private static partial Regex Conversion();
}
