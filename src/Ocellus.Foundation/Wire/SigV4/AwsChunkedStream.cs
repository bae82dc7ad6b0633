using System.Globalization;
using System.Text;
using Ocellus.Encodings;

namespace Ocellus.Wire.SigV4;

/// <summary>Decodes an <c>aws-chunked</c> body. A signed chunk is returned only after its signature has been verified.</summary>
internal sealed class AwsChunkedStream : ForwardStream
{
    private const int SignedChunkBytesMax = 16 * 1024 * 1024;
    private const int LineLengthMax = 8 * 1024;
    private const int TrailersMax = 32;

    private readonly Stream _inner;
    private readonly VerifiedSignature _seed;
    private readonly bool _signed;
    private readonly bool _hasTrailer;
    private readonly Dictionary<string, string> _trailers = new(StringComparer.OrdinalIgnoreCase);
    private readonly byte[] _input = new byte[64 * 1024];
    private int _inputStart;
    private int _inputEnd;
    private byte[] _chunk = [];
    private int _chunkStart;
    private int _chunkEnd;
    private long _unsignedLeft;
    private string _previous;
    private bool _ended;
    private Exception? _failure;

    public AwsChunkedStream(Stream inner, string contentSha256Header, VerifiedSignature seed)
    {
        (_signed, _hasTrailer) = contentSha256Header switch
        {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => (true, false),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => (true, true),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => (false, true),
            _ => throw new SignatureException(
                SignatureProblem.Incomplete,
                $"Unsupported value of 'x-amz-content-sha256' for a streamed body: '{Readable.Truncate(contentSha256Header)}'."),
        };
        _inner = inner;
        _seed = seed;
        _previous = seed.Signature;
    }

    /// <summary>The trailing headers; complete once the stream has been read to its end.</summary>
    public IReadOnlyDictionary<string, string> Trailers => _trailers;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            return 0;
        }

        // After a failure, further reads fail the same way.
        if (_failure is not null)
        {
            throw _failure;
        }

        try
        {
            while (true)
            {
                if (_chunkStart < _chunkEnd)
                {
                    var count = Math.Min(buffer.Length, _chunkEnd - _chunkStart);
                    _chunk.AsMemory(_chunkStart, count).CopyTo(buffer);
                    _chunkStart += count;
                    return count;
                }

                if (_unsignedLeft > 0)
                {
                    await FillAsync(cancellationToken).ConfigureAwait(false);
                    var count = (int)Math.Min(Math.Min(buffer.Length, _inputEnd - _inputStart), _unsignedLeft);
                    _input.AsMemory(_inputStart, count).CopyTo(buffer);
                    _inputStart += count;
                    _unsignedLeft -= count;
                    if (_unsignedLeft == 0)
                    {
                        await EndOfChunkAsync(cancellationToken).ConfigureAwait(false);
                    }

                    return count;
                }

                if (_ended)
                {
                    return 0;
                }

                await NextChunkAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is SignatureException or InvalidDataException)
        {
            _failure = e;
            throw;
        }
    }

    private async Task NextChunkAsync(CancellationToken cancel)
    {
        var line = await ReadLineAsync(cancel).ConfigureAwait(false);
        var parts = line.Split(';');
        if (!long.TryParse(parts[0], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size) || size < 0)
        {
            throw new InvalidDataException("The size of a chunk cannot be read.");
        }

        if (!_signed)
        {
            _unsignedLeft = size;
        }
        else
        {
            const string mark = "chunk-signature=";
            var signature = parts.Length == 2 && parts[1].StartsWith(mark, StringComparison.Ordinal)
                ? parts[1][mark.Length..]
                : throw new InvalidDataException("A chunk has no signature.");
            if (size > SignedChunkBytesMax)
            {
                throw new InvalidDataException($"A signed chunk has {size} bytes; the maximum is {SignedChunkBytesMax}.");
            }

            await FillChunkAsync((int)size, cancel).ConfigureAwait(false);
            var hash = Canonical.Hash(_chunk.AsSpan(0, (int)size));
            Verify(
                $"{Canonical.Algorithm}-PAYLOAD\n{_seed.AmzDate}\n{_seed.Scope}\n{_previous}\n{Canonical.EmptyHash}\n{hash}",
                signature);
            if (size > 0)
            {
                await EndOfChunkAsync(cancel).ConfigureAwait(false);
                _chunkStart = 0;
                _chunkEnd = (int)size;
            }
        }

        if (size == 0)
        {
            await FinishAsync(cancel).ConfigureAwait(false);
            _ended = true;
        }
    }

    private async Task FinishAsync(CancellationToken cancel)
    {
        if (!_hasTrailer)
        {
            await EndOfChunkAsync(cancel).ConfigureAwait(false);
            return;
        }

        var canonical = new StringBuilder();
        string? signature = null;
        while (true)
        {
            var line = await ReadLineAsync(cancel).ConfigureAwait(false);
            if (line.Length == 0)
            {
                break;
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
            {
                throw new InvalidDataException("A trailing header cannot be read.");
            }

            var name = line[..colon].Trim().ToLowerInvariant();
            var value = line[(colon + 1)..].Trim();
            if (name == "x-amz-trailer-signature")
            {
                signature = value;
                continue;
            }

            if (signature is not null || _trailers.Count == TrailersMax || !_trailers.TryAdd(name, value))
            {
                throw new InvalidDataException($"The trailing header '{Readable.Truncate(name)}' is out of place.");
            }

            canonical.Append(name).Append(':').Append(value).Append('\n');
        }

        if (_signed)
        {
            Verify(
                $"{Canonical.Algorithm}-TRAILER\n{_seed.AmzDate}\n{_seed.Scope}\n{_previous}\n{Canonical.Hash(canonical.ToString())}",
                signature ?? throw new InvalidDataException("The trailing headers have no signature."));
        }
    }

    private void Verify(string toSign, string received)
    {
        var expected = Canonical.Sign(_seed.SigningKey, toSign);
        if (!Canonical.FixedTimeEquals(expected, received))
        {
            throw new SignatureException(
                SignatureProblem.Mismatch,
                "The signature of a part of the streamed body does not match: the part was changed, or signed with another key.");
        }

        _previous = expected;
    }

    private async Task FillChunkAsync(int size, CancellationToken cancel)
    {
        var filled = 0;
        while (filled < size)
        {
            await FillAsync(cancel).ConfigureAwait(false);
            var count = Math.Min(size - filled, _inputEnd - _inputStart);
            if (_chunk.Length < filled + count)
            {
                // Grows with the bytes that arrive, not with the announced size.
                Array.Resize(ref _chunk, Math.Min(size, Math.Max(filled + count, _chunk.Length * 2)));
            }

            _input.AsSpan(_inputStart, count).CopyTo(_chunk.AsSpan(filled));
            _inputStart += count;
            filled += count;
        }
    }

    private async Task EndOfChunkAsync(CancellationToken cancel)
    {
        if ((await ReadLineAsync(cancel).ConfigureAwait(false)).Length != 0)
        {
            throw new InvalidDataException("A chunk is longer than its announced size.");
        }
    }

    /// <summary>Reads to the next line feed. Trailing headers may end without a carriage return.</summary>
    private async Task<string> ReadLineAsync(CancellationToken cancel)
    {
        // Fast path: the whole line is in the buffer nearly always.
        var buffered = _input.AsSpan(_inputStart, _inputEnd - _inputStart);
        if (buffered.IndexOf((byte)'\n') is >= 0 and < LineLengthMax and var length)
        {
            _inputStart += length + 1;
            return Encoding.Latin1.GetString(buffered[..(length > 0 && buffered[length - 1] == '\r' ? length - 1 : length)]);
        }

        var line = new StringBuilder();
        while (true)
        {
            await FillAsync(cancel).ConfigureAwait(false);
            var c = (char)_input[_inputStart++];
            if (c == '\n')
            {
                return line.Length > 0 && line[^1] == '\r' ? line.ToString(0, line.Length - 1) : line.ToString();
            }

            if (line.Length == LineLengthMax)
            {
                throw new InvalidDataException("A line of the chunk framing is too long.");
            }

            line.Append(c);
        }
    }

    private async ValueTask FillAsync(CancellationToken cancel)
    {
        if (_inputStart < _inputEnd)
        {
            return;
        }

        _inputStart = 0;
        _inputEnd = await _inner.ReadAsync(_input, cancel).ConfigureAwait(false);
        if (_inputEnd == 0)
        {
            throw new InvalidDataException("The streamed body ends before its last chunk.");
        }
    }
}
