using System.Text;

namespace Ocellus.Formats;

/// <summary>Opens text files of a source, whatever an editor has saved them as.</summary>
internal static class SourceText
{
    private const int HeadBytes = 4;

    /// <summary>A text as UTF-8 without a byte order mark. UTF-16 is recognized by its mark, or by a first ASCII character.</summary>
    /// <exception cref="InvalidDataException">It is larger than <paramref name="bytesMax"/>, or a damaged member of an archive.</exception>
    public static Stream Open(SourceFile file, long bytesMax)
    {
        if (file.Length > bytesMax)
        {
            throw new InvalidDataException($"{file.Name} has {file.Length:N0} bytes; the maximum is {bytesMax:N0}.");
        }

        var stream = file.OpenRead();
        var head = new byte[HeadBytes];
        var got = stream.ReadAtLeast(head, HeadBytes, throwOnEndOfStream: false);
        var (encoding, mark) = EncodingOf(head.AsSpan(0, got));
        Stream whole = new Joined(head.AsMemory(mark, got - mark), stream);
        return encoding is null ? whole : Encoding.CreateTranscodingStream(whole, encoding, Encoding.UTF8);
    }

    /// <summary>A whole text.</summary>
    /// <exception cref="InvalidDataException">As <see cref="Open"/>.</exception>
    public static string ReadAll(SourceFile file, SourceLimits limits)
    {
        using var reader = new StreamReader(Open(file, limits.RecordBytesMax), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>The beginning of a text, at most so many bytes.</summary>
    public static byte[] Head(SourceFile file, int bytes, SourceLimits limits)
    {
        using var stream = Open(file, limits.DocumentBytesMax);
        var head = new byte[bytes];
        var got = stream.ReadAtLeast(head, bytes, throwOnEndOfStream: false);
        return head[..got];
    }

    /// <summary>Lines with their numbers, from 1; a line longer than a record may be is refused.</summary>
    /// <exception cref="InvalidDataException">As <see cref="Open"/>, or a line is too long.</exception>
    public static IEnumerable<(int Number, string Text)> Lines(SourceFile file, SourceLimits limits)
    {
        using var reader = new StreamReader(Open(file, limits.DocumentBytesMax), Encoding.UTF8, false, 1 << 16);
        var line = new StringBuilder();
        var buffer = new char[1 << 14];
        var number = 0;
        int got;
        while ((got = reader.Read(buffer)) > 0)
        {
            var start = 0;
            for (var end = Array.IndexOf(buffer, '\n', 0, got); end >= 0; end = Array.IndexOf(buffer, '\n', start, got - start))
            {
                line.Append(buffer, start, end - start);
                yield return (++number, line.ToString().TrimEnd('\r'));
                line.Clear();
                start = end + 1;
            }

            line.Append(buffer, start, got - start);
            if (line.Length > limits.RecordBytesMax)
            {
                throw new InvalidDataException($"{file.Name}: line {number + 1} has more than {limits.RecordBytesMax:N0} characters.");
            }
        }

        if (line.Length > 0)
        {
            yield return (++number, line.ToString().TrimEnd('\r'));
        }
    }

    private static (Encoding? Encoding, int Mark) EncodingOf(ReadOnlySpan<byte> head) => head switch
    {
        [0xEF, 0xBB, 0xBF, ..] => (null, 3),
        [0xFF, 0xFE, ..] => (Encoding.Unicode, 2),
        [0xFE, 0xFF, ..] => (Encoding.BigEndianUnicode, 2),
        [not 0, 0, not 0, 0] => (Encoding.Unicode, 0),
        [0, not 0, 0, not 0] => (Encoding.BigEndianUnicode, 0),
        _ => (null, 0),
    };

    /// <summary>The first bytes, which have been read, and the rest.</summary>
    private sealed class Joined(ReadOnlyMemory<byte> head, Stream rest) : Stream
    {
        private ReadOnlyMemory<byte> _head = head;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (_head.Length == 0)
            {
                return rest.Read(buffer);
            }

            var count = Math.Min(buffer.Length, _head.Length);
            _head.Span[..count].CopyTo(buffer);
            _head = _head[count..];
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                rest.Dispose();
            }

            base.Dispose(disposing);
        }
    }
}
