using System.Globalization;
using System.Xml;
using System.Xml.Linq;

namespace Ocellus.Formats;

/// <summary>XML of a source: without document types and whatever they would fetch, and of bounded length.</summary>
internal static class XmlText
{
    /// <param name="file">The document.</param>
    /// <param name="bytesMax">Characters that it may have.</param>
    /// <param name="record">Bounds the characters of each of its parts; null for a document of one part.</param>
    /// <exception cref="InvalidDataException">It is too large.</exception>
    public static XmlReader Open(SourceFile file, long bytesMax, RecordBound? record = null)
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
        var text = new StreamReader(SourceText.Open(file, bytesMax));
        return XmlReader.Create(record is null ? text : record.Over(text), settings);
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

    /// <summary>
    /// Bounds what a reader takes in between two calls of <see cref="Begin"/>: the parser itself holds an attribute, or elements inside each other, of any
    /// length.
    /// </summary>
    /// <param name="name">The document, for the message.</param>
    /// <param name="charactersMax">Characters of a part; what the parser has read ahead counts with the next.</param>
    public sealed class RecordBound(string name, int charactersMax)
    {
        private long _taken;

        /// <summary>A part begins.</summary>
        public void Begin() => _taken = 0;

        /// <summary>The text, bounded.</summary>
        public TextReader Over(TextReader text) => new Bounded(text, this);

        private int Take(int count)
        {
            _taken += count;
            return _taken <= charactersMax
                ? count
                : throw new InvalidDataException($"{name}: what is known about one image has more than {charactersMax:N0} characters.");
        }

        private sealed class Bounded(TextReader text, RecordBound bound) : TextReader
        {
            public override int Peek() => text.Peek();

            public override int Read()
            {
                var read = text.Read();
                bound.Take(1);
                return read;
            }

            public override int Read(char[] buffer, int index, int count) => bound.Take(text.Read(buffer, index, count));

            public override int Read(Span<char> buffer) => bound.Take(text.Read(buffer));

            protected override void Dispose(bool disposing)
            {
                if (disposing)
                {
                    text.Dispose();
                }

                base.Dispose(disposing);
            }
        }
    }
}
