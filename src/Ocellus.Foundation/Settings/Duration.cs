using System.Buffers;
using System.ComponentModel;
using System.Globalization;

namespace Ocellus.Settings;

/// <summary>A length of time as people write it: <c>10m</c>, <c>600s</c>, <c>1h</c>, <c>1h30m</c>, <c>2d</c>, or <c>hh:mm:ss</c>.</summary>
internal static class Duration
{
    /// <summary>What is accepted, for messages.</summary>
    public const string Form = "a time such as 10m, 600s, 1h30m or 00:10:00";

    private static readonly SearchValues<char> _digits = SearchValues.Create("0123456789.");

    private static readonly string[] _clockFormats =
    [
        "h\\:mm\\:ss", "hh\\:mm\\:ss", "d\\.hh\\:mm\\:ss", "hh\\:mm\\:ss\\.FFFFFFF", "d\\.hh\\:mm\\:ss\\.FFFFFFF",
    ];

    /// <summary>Reads a length of time; false for anything else, a number without its unit included.</summary>
    public static bool TryParse(string text, out TimeSpan time)
    {
        text = text.Trim();
        if (TimeSpan.TryParseExact(text, _clockFormats, CultureInfo.InvariantCulture, out time))
        {
            return true;
        }

        time = default;
        double seconds = 0;
        var last = double.PositiveInfinity;
        var rest = text.AsSpan();
        while (rest.Length > 0)
        {
            var digits = rest.IndexOfAnyExcept(_digits);
            if (digits <= 0 || !double.TryParse(rest[..digits], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number))
            {
                return false;
            }

            var letters = rest[digits..];
            var (unit, length) = letters.StartsWith("ms") ? (.001, 2) : (letters[0] switch { 'd' => 86_400, 'h' => 3600, 'm' => 60, 's' => 1, _ => 0 }, 1);
            // Larger units first, each once: 30m1h is a slip.
            if (unit == 0 || unit >= last)
            {
                return false;
            }

            (seconds, last) = (seconds + (number * unit), unit);
            rest = letters[length..];
        }

        if (text.Length == 0 || seconds > TimeSpan.MaxValue.TotalSeconds)
        {
            return false;
        }

        time = TimeSpan.FromSeconds(seconds);
        return true;
    }

    /// <summary>Lets settings take the same forms as options. The framework's own converter takes 10 for ten days.</summary>
    public static void UseForSettings() => TypeDescriptor.AddAttributes(typeof(TimeSpan), new TypeConverterAttribute(typeof(Converter)));

    private sealed class Converter : TimeSpanConverter
    {
        public override object? ConvertFrom(ITypeDescriptorContext? context, CultureInfo? culture, object value) =>
            value is not string text ? base.ConvertFrom(context, culture, value)
            : TryParse(text, out var time) ? time
            : throw new FormatException($"'{text}' is not {Form}.");
    }
}
