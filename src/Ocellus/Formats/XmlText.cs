using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Ocellus.Formats;

/// <summary>XML of a source: without document types and whatever they would fetch, and of bounded length.</summary>
internal static class XmlText
{
    /// <exception cref="InvalidDataException">It is too large.</exception>
    public static XmlReader Open(SourceFile file, long bytesMax)
    {
        var settings = new XmlReaderSettings
        {
            DtdProcessing = DtdProcessing.Prohibit,
            XmlResolver = null,
            MaxCharactersInDocument = bytesMax,
            IgnoreComments = true,
            IgnoreProcessingInstructions = true,
            CloseInput = true,
            CheckCharacters = false,
        };
        // As text, since the declaration may name the encoding that the file had before it was transcoded.
        return XmlReader.Create(new StreamReader(SourceText.Open(file, bytesMax)), settings);
    }

    /// <summary>The child of a name, whatever its case and namespace.</summary>
    public static XElement? Child(this XElement element, string name) =>
        element.Elements().FirstOrDefault(e => e.Name.LocalName.Equals(name, StringComparison.OrdinalIgnoreCase));

    /// <summary>The number in a child; null if there is none.</summary>
    public static double? Number(this XElement element, string name) => element.Child(name) is { } child ? Number(child.Value) : null;

    /// <summary>The number in an attribute; null if there is none.</summary>
    public static double? NumberOf(this XElement element, string attribute) => Number((string?)element.Attribute(attribute));

    /// <summary>The line of an element, from 1.</summary>
    public static int? LineOf(this XObject element) => element is IXmlLineInfo info && info.HasLineInfo() ? info.LineNumber : null;

    public static double? Number(string? text) =>
        double.TryParse(text?.Trim().Replace(',', '.'), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
