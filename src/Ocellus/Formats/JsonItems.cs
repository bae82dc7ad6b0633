using System.Text.Json;

namespace Ocellus.Formats;

/// <summary>A value of a JSON document.</summary>
/// <param name="Member">The member of the document that it is in; empty in a document that is an array.</param>
/// <param name="Name">Its own name, where that member is an object that was opened; null in an array.</param>
/// <param name="Json">The value's text. Valid until the next is read.</param>
/// <param name="Line">Line of its first character, from 1.</param>
internal readonly record struct JsonItem(string Member, string? Name, ReadOnlyMemory<byte> Json, int Line);

/// <summary>
/// Reads a JSON document of any length, holding one value at a time: the elements of a document that is an array; of one that is an object the elements of each
/// member that is an array, the members of those that are opened, and other members as they are. Only where values begin and end is looked at: whoever takes
/// one parses it.
/// </summary>
internal sealed class JsonItems : IDisposable
{
    /// <summary>Nesting of what labelling tools write is below 20.</summary>
    public const int DepthMax = 64;

    private const int FirstBufferBytes = 1 << 18;

    /// <summary>How values are read: what tools and people write beyond the standard is taken.</summary>
    public static readonly JsonReaderOptions Options = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip, MaxDepth = DepthMax };

    private readonly SourceFile _file;
    private readonly Stream _stream;
    private readonly int _recordBytesMax;
    private readonly HashSet<string> _opened;
    private byte[] _buffer = new byte[FirstBufferBytes];
    private int _start, _end;
    private bool _isFinal;
    private int _line = 1;
    /// <summary>Lines of values that were passed over, which the reader does not count.</summary>
    private int _passedLines;
    private JsonReaderState _state = new(Options);
    private Mode _mode = Mode.Document;
    private string _member = "", _name = "";
    private bool _isArray;

    /// <param name="file">The document.</param>
    /// <param name="limits">Limits.</param>
    /// <param name="opened">Members of the document whose members are given one by one.</param>
    public JsonItems(SourceFile file, SourceLimits limits, params string[] opened)
    {
        (_file, _recordBytesMax, _opened) = (file, limits.RecordBytesMax, [.. opened]);
        _stream = SourceText.Open(file, limits.DocumentBytesMax);
    }

    private enum Mode
    {
        Document,
        Member,
        MemberValue,
        Element,
        Inner,
        InnerValue,
        End,
    }

    /// <summary>The next value; false at the end.</summary>
    /// <exception cref="InvalidDataException">No JSON, or a value is too long.</exception>
    public bool Next(out JsonItem item)
    {
        item = default;
        while (_mode != Mode.End)
        {
            var reader = new Utf8JsonReader(_buffer.AsSpan(_start, _end - _start), _isFinal, _state);
            try
            {
                if (!reader.Read())
                {
                    if (_isFinal)
                    {
                        throw new InvalidDataException($"{_file.Name}:{_line}: the document ends too early.");
                    }

                    Refill();
                }
                else if (Step(ref reader, out item))
                {
                    return true;
                }
            }
            catch (JsonException failure)
            {
                throw new InvalidDataException($"{_file.Name}:{(failure.LineNumber ?? 0) + 1 + _passedLines}: this is not valid JSON. {failure.Message}");
            }
            catch (InvalidOperationException)
            {
                throw new InvalidDataException($"{_file.Name}:{_line}: {JsonValues.NotText}");
            }
        }

        return false;
    }

    public void Dispose() => _stream.Dispose();

    /// <summary>Takes one token, or one value; true for a value that is given.</summary>
    private bool Step(ref Utf8JsonReader reader, out JsonItem item)
    {
        item = default;
        var mode = _mode;
        switch (mode, reader.TokenType)
        {
            case (Mode.Document, JsonTokenType.StartArray):
                (_mode, _isArray) = (Mode.Element, true);
                break;
            case (Mode.Document, JsonTokenType.StartObject):
                _mode = Mode.Member;
                break;
            case (Mode.Document, _):
                throw new InvalidDataException($"{_file.Name} is neither a JSON object nor an array.");
            case (Mode.Member or Mode.Inner, JsonTokenType.PropertyName):
                _ = mode == Mode.Member ? _member = reader.GetString()! : _name = reader.GetString()!;
                _mode = mode == Mode.Member ? Mode.MemberValue : Mode.InnerValue;
                break;
            case (Mode.Member, _):
                _mode = Mode.End;
                break;
            case (Mode.Inner, _):
                _mode = Mode.Member;
                break;
            case (Mode.MemberValue, JsonTokenType.StartArray):
                _mode = Mode.Element;
                break;
            case (Mode.MemberValue, JsonTokenType.StartObject) when _opened.Contains(_member):
                _mode = Mode.Inner;
                break;
            case (Mode.Element, JsonTokenType.EndArray):
                _mode = _isArray ? Mode.End : Mode.Member;
                break;
            default:
                return Value(ref reader, mode, out item);
        }

        Take(ref reader);
        return false;
    }

    private bool Value(ref Utf8JsonReader reader, Mode mode, out JsonItem item)
    {
        item = default;
        var first = (int)reader.TokenStartIndex;
        var (isObject, isArray) = (reader.TokenType == JsonTokenType.StartObject, reader.TokenType == JsonTokenType.StartArray);
        var extent = isObject || isArray ? JsonExtent.Of(_buffer.AsSpan(_start + first, _end - _start - first), DepthMax) : JsonExtent.Comment;
        var line = _line + _buffer.AsSpan(_start, first).Count((byte)'\n');
        if (extent == JsonExtent.TooDeep)
        {
            throw new InvalidDataException($"{_file.Name}:{line}: this is not valid JSON. It is nested more than {DepthMax} levels deep.");
        }

        if (extent == JsonExtent.Incomplete && _isFinal)
        {
            throw new InvalidDataException($"{_file.Name}:{line}: the document ends too early.");
        }

        if (extent == JsonExtent.Incomplete || (extent == JsonExtent.Comment && !reader.TrySkip()))
        {
            Refill();
            return false;
        }

        var length = extent > 0 ? extent : (int)reader.BytesConsumed - first;
        item = new JsonItem(_member, mode == Mode.InnerValue ? _name : null, _buffer.AsMemory(_start + first, length), line);
        _mode = mode switch { Mode.MemberValue => Mode.Member, Mode.InnerValue => Mode.Inner, _ => mode };
        var inside = first + length - (int)reader.BytesConsumed;
        Take(ref reader);
        if (inside > 0)
        {
            // The reader stands behind the opening bracket. Behind an empty value it is as it would be behind this one.
            var end = new Utf8JsonReader(isObject ? "}"u8 : "]"u8, isFinalBlock: false, _state);
            end.Read();
            var lines = _buffer.AsSpan(_start, inside).Count((byte)'\n');
            (_state, _start, _line, _passedLines) = (end.CurrentState, _start + inside, _line + lines, _passedLines + lines);
        }

        return true;
    }

    private void Take(ref Utf8JsonReader reader)
    {
        var taken = (int)reader.BytesConsumed;
        _line += _buffer.AsSpan(_start, taken).Count((byte)'\n');
        _start += taken;
        _state = reader.CurrentState;
    }

    private void Refill()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            (_start, _end) = (0, _end - _start);
        }

        if (_end == _buffer.Length)
        {
            if (_buffer.Length >= _recordBytesMax)
            {
                throw new InvalidDataException($"{_file.Name}:{_line}: what is known about one image has more than {_recordBytesMax:N0} bytes.");
            }

            Array.Resize(ref _buffer, _buffer.Length * 2);
        }

        var got = _stream.Read(_buffer, _end, _buffer.Length - _end);
        _end += got;
        _isFinal = got == 0;
    }
}
